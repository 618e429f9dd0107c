package viewers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/online-cinema/billing/core/batcher"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
)

// Subscriber starts, cancels and resumes subscriptions for viewers. It must not be
// copied.
type Subscriber struct {
	Store     ports.Store
	Clock     ports.Clock
	NewID     func() string
	Calendar  billing.Calendar
	Collector *payments.Collector
	Limits    billing.CardLimits
	// Wait bounds how long a cancel waits for a renewal in flight.
	Wait time.Duration
	// Pause waits for d, or until ctx ends, and then returns its error. If Pause is
	// nil, the wall clock is used.
	Pause func(ctx context.Context, d time.Duration) error

	once    sync.Once
	intents *batcher.Batcher[Subscribe, storedIntent]
}

// Subscribe is a viewer's request for a subscription.
type Subscribe struct {
	User          billing.UserID
	Plan          string         // its code or id
	Price         billing.Money  // shown to the viewer
	Months        int            // the interval shown to the viewer; 0 if the request does not name it
	TermsVersion  string         // of the terms of use shown to the viewer; empty if the request does not name it
	PaymentSystem string         // its code
	Token         billing.Secret // empty with Card, and for a page of the payment system
	Card          billing.CardID // a kept card, instead of Token
	CVV           billing.CVV    // of Card, typed in by the viewer; Subscribe wipes it
	ReturnURL     string         // to which the viewer returns from a page of the payment system; may be empty
	// Contact gets the receipts, if the payment system sends them; else it is not used. If it
	// is zero, the viewer's newest contact gets them.
	Contact billing.Contact
	Request *ports.KeyedRequest
}

// means returns what the viewer pays with.
func (c Subscribe) means() ports.Means {
	switch {
	case c.Card != "":
		return ports.ByCard
	case c.Token.IsZero():
		return ports.ByPage
	default:
		return ports.ByToken
	}
}

// Subscribe charges the viewer once for the first period and returns the
// subscription: active, or incomplete until the payment is settled. The viewer's
// agreement is in the history before the payment is sent, and stays if it fails.
//
// A viewer may have left the page, or the 3-D Secure confirmation, of an earlier first
// payment. If this request pays in another way, or for another plan of the group, the
// earlier payment is cancelled first, where the payment system can. Errors:
//
//	ErrPlanNotFound, ErrPaymentSystemNotFound, ErrInvalid, ErrAlreadySubscribed
//	*InvalidError                for the field receipt: a contact for receipts is missing
//	*PlanGroupTakenError         another plan of the group is subscribed to
//	ErrPaymentSystemUnavailable  this process has no adapter for the payment system
//	ErrNotSupported              the payment system does not take a token, or a card, or has no page
//	*PriceChangedError           the price or the interval differs from today's; nothing was charged
//	*DeclinedError               the payment system declined the payment
//	ErrPaymentTokenUnknown       the payment system does not know the token
//	ErrCardNotFound              the viewer has no such card
//	ErrRateLimited               a [billing.LimitedError]: too many declined payments
//	ErrRequestInProgress         another request with the same key is running
//	ErrUnavailable               nothing was charged, or, if [Settling], the payment is being settled
func (s *Subscriber) Subscribe(ctx context.Context, cmd Subscribe) (ports.SubscriptionView, error) {
	defer cmd.CVV.Wipe()
	i, err := s.storeIntent(ctx, cmd)
	if err != nil {
		var settled bool
		if _, settled, err = s.cancelOpen(ctx, err); settled {
			i, err = s.storeIntent(ctx, cmd)
		}
	}
	if err != nil {
		return ports.SubscriptionView{}, fmt.Errorf("subscribe: %w", recordLimit(ctx, s.Store, s.Clock, s.NewID, cmd.User, err))
	}
	a := payments.Attempt{
		Payment: &i.payment, Subscription: &i.subscription, Version: i.version, Deadline: i.deadline, ReturnURL: cmd.ReturnURL,
		Receipt: i.receipt,
	}
	r, err := s.collect(ctx, a, cmd.means(), cmd.Token, i.card, cmd.CVV)
	if err != nil {
		return ports.SubscriptionView{}, settlingError{err}
	}
	return ports.SubscriptionView{Subscription: *r.Subscription, Latest: *r.Payment, Features: i.plan.Features}, PaymentFailure(r.Payment)
}

// collect charges the viewer by the token, by the card with its CVV, or on a page.
func (s *Subscriber) collect(ctx context.Context, a payments.Attempt, by ports.Means, token billing.Secret, card billing.Card, cvv billing.CVV) (payments.Result, error) {
	switch by {
	case ports.ByCard:
		return s.Collector.CollectCard(ctx, a, card, cvv)
	case ports.ByPage:
		return s.Collector.CollectOnPage(ctx, a)
	default:
		return s.Collector.Collect(ctx, a, token)
	}
}

// storedIntent is a request whose payment is stored and may be sent until deadline.
type storedIntent struct {
	plan         billing.Plan
	subscription billing.Subscription
	payment      billing.Payment
	version      ports.RowVersion // of both
	card         billing.Card     // if the viewer pays with one
	receipt      *billing.Receipt // if the payment system needs one
	deadline     time.Time

	refused error // the request was refused; nothing is stored
}

// decide makes the subscription and the payment of a request, or returns why it is
// refused. It adds them to w.
func (s *Subscriber) decide(ctx context.Context, tx ports.Repos, r request, f ports.CheckoutFacts, now time.Time, w *writes) (storedIntent, error) {
	if err := s.checkOffer(f, r.PaymentSystem, r.means()); err != nil {
		return storedIntent{}, err
	}
	ended, events, taker, taken := makeRoom(*f.Plan, f.Live, now)
	if taken != nil && taker.Status != billing.StatusIncomplete {
		return storedIntent{}, taken
	}
	if err := s.limitDeclines(ctx, tx, r, f, now); err != nil {
		return storedIntent{}, err
	}
	method, card, err := s.method(ctx, tx, r, f.Method, now)
	if err != nil {
		return storedIntent{}, err
	}
	receipt, err := s.orderReceipt(ctx, tx, r.PaymentSystem, ports.ReceiptQuery{User: r.User, Plan: f.Plan.ID}, r.Contact)
	if err != nil {
		return storedIntent{}, err
	}
	sub, payment, agreed, err := billing.Order{
		Subscription: r.id, Payment: billing.PaymentID(s.NewID()),
		Plan: *f.Plan, Method: method, Shown: r.Price, ShownMonths: r.Months, TermsVersion: r.TermsVersion,
	}.Start(now, s.Calendar)
	if err != nil {
		return storedIntent{}, err
	}
	switch { // the last check, because a request that fails another one cancels nothing
	case taken != nil && !r.alone:
		return storedIntent{}, errAlone
	case taken != nil:
		return storedIntent{}, openFirst(ctx, tx, taken, taker, *f.Plan, method)
	}
	if err := s.Collector.Consents.Sign(&sub); err != nil {
		return storedIntent{}, err
	}
	if f.Method == nil {
		w.methods = append(w.methods, method)
	}
	events = append(events, agreed...)
	ports.Identify(events, s.NewID)
	w.ended, w.events = append(w.ended, ended...), append(w.events, events...)
	w.subscriptions, w.payments = append(w.subscriptions, sub), append(w.payments, payment)
	i := storedIntent{plan: *f.Plan, subscription: sub, payment: payment, version: f.Version, card: card, receipt: receipt.of(payment)}
	if i.receipt != nil {
		w.contacts, w.receipts = append(w.contacts, receipt.contacts()...), append(w.receipts, *i.receipt)
	}
	return i, nil
}

func (s *Subscriber) checkOffer(f ports.CheckoutFacts, system string, m ports.Means) error {
	if f.Plan == nil {
		return billing.ErrPlanNotFound
	}
	return checkSystem(f.PaymentSystem, system, m, s.Collector.Providers)
}

// checkSystem returns an error if the payment system with this code does not exist, is
// archived, has no adapter in this process, or does not take the means of payment.
func checkSystem(ps *billing.PaymentSystem, system string, m ports.Means, providers map[string]ports.Provider) error {
	switch {
	case ps == nil:
		return billing.ErrPaymentSystemNotFound
	case !ps.ArchivedAt.IsZero():
		return billing.ErrPaymentSystemNotFound.WithMessage("payment system %s takes no new subscriptions", system)
	default:
		return checkMeans(system, m, providers)
	}
}

// checkAdapter returns [billing.ErrPaymentSystemUnavailable] if this process has no adapter
// for the payment system.
func checkAdapter(system string, providers map[string]ports.Provider) error {
	if _, ok := providers[system]; !ok {
		return billing.ErrPaymentSystemUnavailable.WithMessage(
			"payment system %s takes no payments here; choose another one; nothing was charged", system)
	}
	return nil
}

// checkMeans returns the error of checkAdapter, or [billing.ErrNotSupported] if the payment
// system does not take the means of payment.
func checkMeans(system string, m ports.Means, providers map[string]ports.Provider) error {
	if err := checkAdapter(system, providers); err != nil {
		return err
	}
	if accepts := providers[system].Capabilities().Accepts; !slices.Contains(accepts, m) {
		return billing.ErrNotSupported.WithMessage(
			"payment system %s does not take a payment by %s; it takes %s; nothing was charged", system, m, joined(accepts))
	}
	return nil
}

// joined lists means of payment in a text.
func joined(list []ports.Means) string {
	texts := make([]string, len(list))
	for i, m := range list {
		texts[i] = string(m)
	}
	return strings.Join(texts, ", ")
}

// makeRoom returns ErrAlreadySubscribed or a PlanGroupTakenError if a live subscription, the
// taker, excludes the plan. live are the viewer's, to plans of its group: at most one of
// them has not ended. makeRoom ends those whose period is over but which are still stored
// as live.
func makeRoom(plan billing.Plan, live []billing.Subscription, now time.Time) (
	ended []billing.Subscription, events []billing.Event, taker billing.Subscription, taken error,
) {
	today, ended, events := billing.AsOf(now, live)
	for _, s := range today {
		if s.Live() {
			taker = s
		}
	}
	return ended, events, taker, plan.RefuseOrder(today...)
}

// method returns the payment method of the subscription: the one linked to the
// token, or a new one for the token, the card or the page.
func (s *Subscriber) method(ctx context.Context, tx ports.Repos, r request, linked *billing.PaymentMethod, now time.Time) (m billing.PaymentMethod, card billing.Card, err error) {
	switch {
	case r.Card != "":
		card, err = s.takeCard(ctx, tx, r.User, r.Card, r.CVV, now)
		return billing.NewCardMethod(billing.PaymentMethodID(s.NewID()), card, r.PaymentSystem, now), card, err
	case linked != nil:
		return *linked, card, nil
	default:
		return r.method, card, r.tokenFault
	}
}

// takeCard returns the card to charge. It cannot be removed before the intent is
// stored.
func (s *Subscriber) takeCard(ctx context.Context, tx ports.Repos, user billing.UserID, id billing.CardID, cvv billing.CVV, now time.Time) (billing.Card, error) {
	if s.Collector.Vault == nil {
		return billing.Card{}, ports.ErrNoVault
	}
	card, err := tx.Cards.Find(ctx, user, id)
	if err != nil {
		return card, err
	}
	if err := card.Usable(now, s.Calendar); err != nil {
		return card, err
	}
	return card, card.CheckCVV(cvv)
}

// limitDeclines returns a [billing.LimitedError] after too many declined payments. A
// viewer without any costs nothing: the facts say so. Otherwise the payments are
// counted under a lock, and a request of a batch is stored alone for that.
//
// A payment with a token that starts while the viewer's first one commits may see
// none, so that each process can exceed the limit by one.
func (s *Subscriber) limitDeclines(ctx context.Context, tx ports.Repos, r request, f ports.CheckoutFacts, now time.Time) error {
	switch {
	case r.Card == "" && !f.Declined:
		return nil
	case !r.alone:
		return errAlone
	default:
		return s.checkDeclines(ctx, tx, r.User, now)
	}
}

// checkDeclines counts the viewer's declined payments. It serializes the viewer's
// payments, so that all are counted. A viewer with a card or a payment is already
// registered.
func (s *Subscriber) checkDeclines(ctx context.Context, tx ports.Repos, user billing.UserID, now time.Time) error {
	window, limit := s.Limits.Declines.Window()
	if limit == 0 {
		return nil
	}
	if err := tx.Users.Lock(ctx, user); err != nil {
		return err
	}
	past, err := tx.CardLimits.Declined(ctx, user, now.Add(-window), limit)
	if err != nil {
		return err
	}
	return s.Limits.Declines.Allow(past, now, billing.TooManyDeclines)
}

// errSettling is the response if the payment was sent, but its outcome was not
// recorded.
var errSettling = billing.ErrUnavailable.WithMessage("the payment is being settled; look at the subscription in a moment")

// Settling reports whether err means that the payment may have been taken and is
// being settled. Otherwise nothing was charged.
func Settling(err error) bool {
	var s settlingError
	return errors.As(err, &s)
}

// settlingError wraps the reason why an outcome was not recorded.
type settlingError struct{ cause error }

func (e settlingError) Error() string { return errSettling.Error() + ": " + e.cause.Error() }

// Unwrap returns the response for the viewer, and the cause.
func (e settlingError) Unwrap() []error { return []error{errSettling, e.cause} }

// PaymentFailure returns the viewer's error if an own payment failed for good.
func PaymentFailure(p *billing.Payment) error {
	switch p.Status {
	case billing.PaymentDeclined:
		return &billing.DeclinedError{Payment: p.ID, Code: p.DeclineCode}
	case billing.PaymentAbandoned:
		return abandoned(p)
	default:
		return nil
	}
}

func abandoned(p *billing.Payment) error {
	switch p.DeclineCode {
	case billing.TokenUnknown:
		return billing.ErrPaymentTokenUnknown
	case billing.Refused:
		return errors.Join(billing.ErrUnavailable.WithMessage(
			"payment system %s cannot take this payment at the moment; nothing was charged", p.PaymentSystem), ports.ErrRefused)
	default:
		return billing.ErrUnavailable.WithMessage("payment system %s is unavailable; nothing was charged", p.PaymentSystem)
	}
}
