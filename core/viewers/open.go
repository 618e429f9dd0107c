package viewers

import (
	"context"
	"errors"
	"time"

	"github.com/online-cinema/billing/core/batcher"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
)

// Opening stores together the intents of those who subscribe at the same time.
type Opening = batcher.Batcher[Subscribe, opened]

// NewOpening returns one in which nobody waits.
func NewOpening() *Opening { return &Opening{Target: intentsTogether, Max: payments.MaxBatch} }

// intentsTogether is how many intents share a transaction, unless many more calls
// are queued: a larger transaction is cheaper, but its first viewer waits for all.
const intentsTogether = 8

// opened is an order whose intent is stored, or that was refused.
type opened struct {
	refused error
	plan    billing.Plan
	intent  payments.Intent
	card    billing.Card // when it is paid with one
	until   time.Time    // when it is too late to send it
}

// patience is how long orders of several viewers wait for what one of them has to
// wait for.
const patience = time.Second

// errAlone is for an order that must not, or could not, share a transaction.
var errAlone = errors.New("it goes alone")

// open stores the intent of an order, in one transaction with those of others who
// wait. One that is paid with a card goes alone: what is counted for it is counted
// under a lock, which others need not wait for.
func (s *Subscriber) open(ctx context.Context, cmd Subscribe) (opened, error) {
	if ctx.Err() != nil {
		return opened{}, context.Cause(ctx)
	}
	if cmd.Card != "" {
		return s.openAlone(ctx, cmd)
	}
	o, err := s.Opening.Do(cmd, func(cmds []Subscribe) ([]opened, error) { return s.openTogether(ctx, cmds) })
	if err == nil {
		err = o.refused
	}
	if errors.Is(err, errAlone) || errors.Is(err, batcher.ErrPanicked) {
		return s.openAlone(ctx, cmd)
	}
	return o, err
}

func (s *Subscriber) openAlone(ctx context.Context, cmd Subscribe) (opened, error) {
	list, err := s.openAll(ctx, []Subscribe{cmd})
	if err != nil {
		return opened{}, err
	}
	return list[0], nil
}

// openTogether opens one order of each viewer; a viewer's second goes alone after
// that, and sees the first.
func (s *Subscriber) openTogether(ctx context.Context, cmds []Subscribe) ([]opened, error) {
	if len(cmds) == 1 {
		return s.openAll(ctx, cmds)
	}
	all := make([]opened, len(cmds))
	first := make(map[billing.UserID]bool, len(cmds))
	var shared []Subscribe
	var places []int
	for i, cmd := range cmds {
		if first[cmd.User] {
			all[i].refused = errAlone
			continue
		}
		first[cmd.User] = true
		shared, places = append(shared, cmd), append(places, i)
	}
	list, err := s.openAll(context.WithoutCancel(ctx), shared)
	for i, o := range list {
		all[places[i]] = o
	}
	return all, err
}

// openAll opens orders in one transaction. Nobody's order suffers from another's:
// one that is refused leaves the others alone, and when the transaction fails and
// has surely kept nothing, the error is errAlone if there are several. The database
// being out of reach is everybody's.
func (s *Subscriber) openAll(ctx context.Context, cmds []Subscribe) (list []opened, err error) {
	// Before anything is stored, see there.
	sending, done := s.Collector.Sending(ctx)
	defer done()
	until, _ := sending.Deadline()
	begun, ended := false, false
	err = s.Store.InTx(ctx, func(tx ports.Repos) (err error) {
		begun, ended = true, false
		if list, err = s.intend(ctx, tx, cmds); err == nil {
			err = allRefused(list)
		}
		ended = err == nil
		return err
	})
	for i := range list {
		list[i].until = until
	}
	mayBeKept := ended && errors.Is(err, billing.ErrUnavailable)
	switch {
	case err == nil, len(cmds) > 1 && allRefused(list) != nil:
		return list, nil
	case len(cmds) > 1 && begun && !mayBeKept:
		return nil, errAlone
	default:
		return nil, err
	}
}

// allRefused returns why, when no order of a transaction is left: it keeps nothing
// then.
func allRefused(list []opened) (why error) {
	for _, o := range list {
		if o.refused == nil {
			return nil
		}
		why = o.refused
	}
	return why
}

// order is a viewer's wish on its way through the first transaction.
type order struct {
	Subscribe
	id     billing.SubscriptionID
	method billing.PaymentMethod // by its token, if that is new
	wrong  error                 // what is wrong with the token
}

func (s *Subscriber) newOrder(cmd Subscribe, now time.Time) (o order) {
	o = order{Subscribe: cmd, id: billing.SubscriptionID(s.NewID())}
	if cmd.Card == "" {
		id := billing.PaymentMethodID(s.NewID())
		o.method, o.wrong = billing.NewPaymentMethod(id, cmd.User, cmd.PaymentSystem, cmd.Token, now)
	}
	return o
}

// query asks for no method by a token that cannot be one.
func (o order) query() ports.CheckoutQuery {
	q := ports.CheckoutQuery{
		Request: o.Request, Subscription: o.id,
		User: o.User, Plan: o.Plan, PaymentSystem: o.PaymentSystem, Token: o.Token,
	}
	if o.wrong != nil {
		q.Token = billing.Secret{}
	}
	return q
}

// intend is the first transaction: it checks what viewers ask for against what is
// true now, and stores the intents.
func (s *Subscriber) intend(ctx context.Context, tx ports.Repos, cmds []Subscribe) ([]opened, error) {
	now := s.Clock.Now()
	orders := make([]order, len(cmds))
	for i, cmd := range cmds {
		orders[i] = s.newOrder(cmd, now)
	}
	facts, err := take(ctx, tx, orders)
	if err != nil {
		return nil, err
	}
	list := make([]opened, len(cmds))
	var w intents
	for i, o := range orders {
		list[i], err = s.decide(ctx, tx, o, facts[i], now, &w)
		if err != nil {
			list[i].refused = err
			w.refuse(o)
		}
	}
	return list, w.apply(ctx, tx, now, s.Collector.SendWindow())
}

// take claims the orders' keys and reads what they are decided by.
func take(ctx context.Context, tx ports.Repos, orders []order) ([]ports.CheckoutFacts, error) {
	if len(orders) > 1 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	}
	queries := make([]ports.CheckoutQuery, len(orders))
	for i, o := range orders {
		queries[i] = o.query()
	}
	return tx.Checkout.Take(ctx, queries...)
}

// decide makes the intent of an order, or says why not.
func (s *Subscriber) decide(ctx context.Context, tx ports.Repos, o order, f ports.CheckoutFacts, now time.Time, w *intents) (opened, error) {
	if err := checkOffer(f, o.PaymentSystem); err != nil {
		return opened{}, err
	}
	ended, events, err := makeRoom(f.Live, now)
	if err != nil {
		return opened{}, err
	}
	method, card, err := s.method(ctx, tx, o, f.Method, now)
	if err != nil {
		return opened{}, err
	}
	sub, payment, err := billing.Order{
		Subscription: o.id, Payment: billing.PaymentID(s.NewID()),
		Plan: *f.Plan, Method: method, Shown: o.Price,
	}.Start(now, s.Calendar)
	if err != nil {
		return opened{}, err
	}
	if f.Method == nil {
		w.methods = append(w.methods, method)
	}
	ports.Identify(events, s.NewID)
	w.ended, w.events = append(w.ended, ended...), append(w.events, events...)
	w.subscriptions, w.payments = append(w.subscriptions, sub), append(w.payments, payment)
	return opened{plan: *f.Plan, intent: payments.Intent{Payment: payment, Subscription: sub, Version: f.Version}, card: card}, nil
}

func checkOffer(f ports.CheckoutFacts, system string) error {
	switch {
	case f.Plan == nil:
		return billing.ErrPlanNotFound
	case f.PaymentSystem == nil:
		return billing.ErrPaymentSystemNotFound
	case !f.PaymentSystem.ArchivedAt.IsZero():
		return billing.ErrPaymentSystemNotFound.WithMessage("payment system %s takes no new subscriptions", system)
	default:
		return nil
	}
}

// makeRoom refuses a second live subscription to a plan. One that is over but
// not yet written down as ended, it ends.
func makeRoom(live *billing.Subscription, now time.Time) ([]billing.Subscription, []billing.Event, error) {
	if live == nil {
		return nil, nil, nil
	}
	today, events := live.At(now)
	return []billing.Subscription{today}, events, today.RefuseAnother()
}

// method is what the subscription is to be charged by: what has the token already,
// or is new.
func (s *Subscriber) method(ctx context.Context, tx ports.Repos, o order, linked *billing.PaymentMethod, now time.Time) (m billing.PaymentMethod, card billing.Card, err error) {
	switch {
	case o.Card != "":
		card, err = s.takeCard(ctx, tx, o.Subscribe, now)
		return billing.NewCardMethod(billing.PaymentMethodID(s.NewID()), card, o.PaymentSystem, now), card, err
	case linked != nil:
		return *linked, card, nil
	default:
		return o.method, card, o.wrong
	}
}

// takeCard returns the card to pay with. Nobody removes it before the intent is
// stored.
func (s *Subscriber) takeCard(ctx context.Context, tx ports.Repos, cmd Subscribe, now time.Time) (billing.Card, error) {
	if s.Collector.Vault == nil {
		return billing.Card{}, ports.ErrNoVault
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
// the viewer's other payments with a card wait, so that all are counted. Whoever
// has a card is registered.
func (s *Subscriber) checkDeclines(ctx context.Context, tx ports.Repos, user billing.UserID, now time.Time) error {
	back, most := s.Limits.Declines.Window()
	if most == 0 {
		return nil
	}
	if err := tx.Users.Lock(ctx, user); err != nil {
		return err
	}
	past, err := tx.Cards.Declined(ctx, user, now.Add(-back), most)
	if err != nil {
		return err
	}
	return s.Limits.Declines.Allow(past, now, billing.EventDeclineLimitReached)
}

// intents is what the first transaction stores, each kind in one statement.
type intents struct {
	refused       []ports.KeyedRequest    // whose keys are free again
	methods       []billing.PaymentMethod // that are new
	ended         []billing.Subscription  // that made room
	events        []billing.Event         // of those
	subscriptions []billing.Subscription
	payments      []billing.Payment
}

func (w *intents) refuse(o order) {
	if o.Request != nil {
		w.refused = append(w.refused, *o.Request)
	}
}

func (w *intents) apply(ctx context.Context, tx ports.Repos, now time.Time, send time.Duration) error {
	for _, r := range w.refused {
		if err := tx.IdempotencyKeys.Forget(ctx, r.User, r.Key, r.Owner); err != nil {
			return err
		}
	}
	users := make([]billing.UserID, len(w.payments))
	for i, p := range w.payments {
		users[i] = p.UserID
	}
	if err := tx.Users.Seen(ctx, now, users...); err != nil {
		return err
	}
	if err := tx.Methods.Add(ctx, w.methods...); err != nil {
		return err
	}
	if err := tx.Subscriptions.Save(ctx, w.ended...); err != nil {
		return err
	}
	if err := tx.Events.Append(ctx, w.events...); err != nil {
		return err
	}
	if err := tx.Subscriptions.Add(ctx, w.subscriptions...); err != nil {
		return err
	}
	return tx.Payments.Add(ctx, send, w.payments...)
}
