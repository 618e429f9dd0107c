package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// Subscriber makes and ends subscriptions at the viewer's wish.
type Subscriber struct {
	Store     Store
	Clock     Clock
	NewID     func() string
	Calendar  billing.Calendar
	Collector *Collector
	Limits    billing.Limits
}

// Subscribe is a viewer's wish to subscribe.
type Subscribe struct {
	User          billing.UserID
	Plan          string        // its code or id
	Price         billing.Money // that the viewer saw
	PaymentSystem string        // its code
	Token         billing.Secret
	Card          billing.CardID // a kept card, instead of a token,
	CVV           billing.CVV    // with the code that the viewer typed in; it is wiped
	Request       *Request       // nil when the request has no Idempotency-Key
}

// Subscribe charges the viewer for the first period, once, and returns the
// subscription: active, or incomplete while the payment is not settled.
//
//	ErrPlanNotFound, ErrPaymentSystemNotFound, ErrInvalid, ErrAlreadySubscribed
//	*PriceChangedError      nothing happened
//	*DeclinedError          the payment system said no
//	ErrPaymentTokenUnknown  the payment system does not know the token
//	ErrCardNotFound         the viewer has no such card
//	ErrRateLimited          a [billing.LimitedError]: too many payments with a card were declined
//	ErrRequestInProgress    a request with the same key was quicker
//	ErrUnavailable          nothing was charged, or it is being settled
func (s *Subscriber) Subscribe(ctx context.Context, cmd Subscribe) (SubscriptionView, error) {
	defer cmd.CVV.Wipe()
	sending, done := s.Collector.sending(ctx)
	defer done()
	var o opened
	err := s.Store.InTx(ctx, func(tx Repos) (err error) {
		o, err = s.open(ctx, tx, cmd)
		return err
	})
	if err != nil {
		return SubscriptionView{}, fmt.Errorf("subscribe: %w", noteLimit(ctx, s.Store, s.Clock, s.NewID, cmd.User, err))
	}
	crashPoint("subscribe.intent")
	r, err := s.collect(sending, o, cmd)
	if err != nil {
		return SubscriptionView{}, settlingError{err}
	}
	return SubscriptionView{Subscription: *r.Subscription, Latest: *r.Payment, Features: o.plan.Features}, r.failure()
}

// errSettling is what a viewer is told whose payment was sent, but not recorded.
var errSettling = billing.ErrUnavailable.Because("the payment is being settled; look at the subscription in a moment")

// Settling reports whether err says that a payment may have been taken and is
// being settled, as against nothing having been charged.
func Settling(err error) bool {
	var s settlingError
	return errors.As(err, &s)
}

// settlingError wraps why an outcome was not recorded.
type settlingError struct{ cause error }

func (e settlingError) Error() string { return errSettling.Error() + ": " + e.cause.Error() }

// Unwrap returns what the viewer is told, and the cause.
func (e settlingError) Unwrap() []error { return []error{errSettling, e.cause} }

type opened struct {
	plan    billing.Plan
	payment billing.Payment
	card    billing.Card // when it is paid with one
}

func (s *Subscriber) collect(ctx context.Context, o opened, cmd Subscribe) (Result, error) {
	if cmd.Card == "" {
		return s.Collector.Collect(ctx, o.payment, cmd.Token)
	}
	return s.Collector.CollectCard(ctx, o.payment, o.card, cmd.CVV)
}

// open is the first transaction: it checks what the viewer asks for against
// what is true now, and stores the intent.
func (s *Subscriber) open(ctx context.Context, tx Repos, cmd Subscribe) (opened, error) {
	now, id := s.Clock.Now(), billing.SubscriptionID(s.NewID())
	// First of all, so that a repetition waits here and learns that it is one.
	if err := claim(ctx, tx, cmd.Request, id); err != nil {
		return opened{}, err
	}
	plan, err := tx.Plans.Find(ctx, cmd.Plan)
	if err != nil {
		return opened{}, err
	}
	if err := checkOpen(ctx, tx, cmd.PaymentSystem); err != nil {
		return opened{}, err
	}
	if err := s.makeRoom(ctx, tx, cmd.User, plan.ID, now); err != nil {
		return opened{}, err
	}
	method, card, err := s.method(ctx, tx, cmd, now)
	if err != nil {
		return opened{}, err
	}
	order := billing.Order{
		Subscription: id, Payment: billing.PaymentID(s.NewID()),
		Plan: plan, Method: method, Shown: cmd.Price,
	}
	sub, payment, err := order.Start(now, s.Calendar)
	if err != nil {
		return opened{}, err
	}
	if err := tx.Subscriptions.Add(ctx, sub); err != nil {
		return opened{}, err
	}
	return opened{plan, payment, card}, tx.Payments.Add(ctx, s.Collector.sendWindow(), payment)
}

func checkOpen(ctx context.Context, tx Repos, code string) error {
	system, err := tx.PaymentSystems.Find(ctx, code)
	if err == nil && !system.ArchivedAt.IsZero() {
		return billing.ErrPaymentSystemNotFound.Because("payment system %s takes no new subscriptions", code)
	}
	return err
}

// makeRoom refuses a second live subscription to a plan. One that is over but
// not yet written down as ended, it ends.
func (s *Subscriber) makeRoom(ctx context.Context, tx Repos, user billing.UserID, plan billing.PlanID, now time.Time) error {
	live, err := tx.Subscriptions.Live(ctx, user, plan)
	if errors.Is(err, billing.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	live, events := live.At(now)
	if err := live.RefuseAnother(); err != nil {
		return err
	}
	return saveWithEvents(ctx, tx, s.NewID, live, events)
}

// method is what the subscription is to be charged by.
func (s *Subscriber) method(ctx context.Context, tx Repos, cmd Subscribe, now time.Time) (m billing.PaymentMethod, card billing.Card, err error) {
	if cmd.Card == "" {
		m, err = s.link(ctx, tx, cmd, now)
		return m, card, err
	}
	card, err = s.takeCard(ctx, tx, cmd, now)
	if err != nil {
		return m, card, err
	}
	m = billing.NewCardMethod(billing.PaymentMethodID(s.NewID()), card, cmd.PaymentSystem, now)
	return m, card, tx.Methods.Add(ctx, m)
}

// takeCard returns the card to pay with. Nobody removes it before the intent is
// stored.
func (s *Subscriber) takeCard(ctx context.Context, tx Repos, cmd Subscribe, now time.Time) (billing.Card, error) {
	if s.Collector.Vault == nil {
		return billing.Card{}, ErrNoVault
	}
	if err := s.checkDeclines(ctx, tx, cmd.User, now); err != nil {
		return billing.Card{}, err
	}
	card, err := tx.Cards.Find(ctx, cmd.User, cmd.Card)
	if err != nil {
		return card, err
	}
	if err := card.Usable(now, s.Calendar); err != nil {
		return card, err
	}
	return card, card.CheckCVV(cmd.CVV)
}

// checkDeclines refuses a viewer of whom too many cards were declined. It makes
// the viewer's other payments with a card wait, so that all are counted.
func (s *Subscriber) checkDeclines(ctx context.Context, tx Repos, user billing.UserID, now time.Time) error {
	back, most := billing.Span(s.Limits.Declines)
	if most == 0 {
		return nil
	}
	if err := errors.Join(tx.Users.Seen(ctx, user, now), tx.Users.Lock(ctx, user)); err != nil {
		return err
	}
	past, err := tx.Cards.Declined(ctx, user, now.Add(-back), most)
	if err != nil {
		return err
	}
	return billing.Check(s.Limits.Declines, past, now, billing.DeclinesLimited)
}

func (s *Subscriber) link(ctx context.Context, tx Repos, cmd Subscribe, now time.Time) (billing.PaymentMethod, error) {
	id := billing.PaymentMethodID(s.NewID())
	m, err := billing.NewPaymentMethod(id, cmd.User, cmd.PaymentSystem, cmd.Token, now)
	if err != nil {
		return m, err
	}
	if err := tx.Users.Seen(ctx, cmd.User, now); err != nil {
		return m, err
	}
	return tx.Methods.Link(ctx, m)
}

// failure is what the viewer is told when the first payment was not taken and
// will not be.
func (r Result) failure() error {
	switch r.Payment.Status {
	case billing.PaymentDeclined:
		return &billing.DeclinedError{Payment: r.Payment.ID, Code: r.Payment.DeclineCode}
	case billing.PaymentAbandoned:
		return abandoned(r.Payment)
	default:
		return nil
	}
}

func abandoned(p *billing.Payment) error {
	switch p.DeclineCode {
	case billing.TokenUnknown:
		return billing.ErrPaymentTokenUnknown
	case billing.Refused:
		return errors.Join(billing.ErrUnavailable.Because(
			"payment system %s cannot take this payment at the moment; nothing was charged", p.PaymentSystem), ErrRefused)
	default:
		return billing.ErrUnavailable.Because("payment system %s is out of reach; nothing was charged", p.PaymentSystem)
	}
}

func saveWithEvents(ctx context.Context, tx Repos, newID func() string, s billing.Subscription, events []billing.Event) error {
	if len(events) == 0 {
		return nil
	}
	identify(events, newID)
	if err := tx.Subscriptions.Save(ctx, s); err != nil {
		return err
	}
	return tx.Events.Append(ctx, events...)
}
