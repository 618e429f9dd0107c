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

// batchPatience bounds how long the requests of a batch wait for the locks of one of
// them.
const batchPatience = time.Second

// errAlone marks a request that must be stored in a transaction of its own.
var errAlone = errors.New("the request must be stored alone")

// storeIntent stores the subscription and the payment of a request, in one
// transaction with other viewers' requests. A payment with a card is stored alone,
// because it counts declines under a lock for which the others need not wait.
func (s *Subscriber) storeIntent(ctx context.Context, cmd Subscribe) (storedIntent, error) {
	if ctx.Err() != nil {
		return storedIntent{}, context.Cause(ctx)
	}
	if cmd.Card != "" {
		return s.storeIntentAlone(ctx, cmd)
	}
	s.once.Do(func() {
		s.intents = &batcher.Batcher[Subscribe, storedIntent]{Target: payments.TargetBatch, Max: payments.MaxBatch}
	})
	i, err := s.intents.Do(cmd, func(cmds []Subscribe) ([]storedIntent, error) { return s.storeIntentBatch(ctx, cmds) })
	if err == nil {
		err = i.refused
	}
	if errors.Is(err, errAlone) || errors.Is(err, batcher.ErrPanicked) {
		return s.storeIntentAlone(ctx, cmd)
	}
	return i, err
}

func (s *Subscriber) storeIntentAlone(ctx context.Context, cmd Subscribe) (storedIntent, error) {
	list, err := s.storeIntents(ctx, []Subscribe{cmd})
	if err != nil {
		return storedIntent{}, err
	}
	return list[0], nil
}

// storeIntentBatch stores one request per viewer. Another request of the same viewer
// is stored alone afterwards, so that it sees the first.
func (s *Subscriber) storeIntentBatch(ctx context.Context, cmds []Subscribe) ([]storedIntent, error) {
	if len(cmds) == 1 {
		return s.storeIntents(ctx, cmds)
	}
	all := make([]storedIntent, len(cmds))
	seen := make(map[billing.UserID]bool, len(cmds))
	var firsts []Subscribe
	var indexes []int
	for i, cmd := range cmds {
		if seen[cmd.User] {
			all[i].refused = errAlone
			continue
		}
		seen[cmd.User] = true
		firsts, indexes = append(firsts, cmd), append(indexes, i)
	}
	list, err := s.storeIntents(context.WithoutCancel(ctx), firsts)
	for i, stored := range list {
		all[indexes[i]] = stored
	}
	return all, err
}

// storeIntents stores requests in one transaction. A refused request does not affect
// the others. If the transaction of several requests fails and definitely stored
// nothing, the error is errAlone. If the database is unavailable, all requests fail.
func (s *Subscriber) storeIntents(ctx context.Context, cmds []Subscribe) (list []storedIntent, err error) {
	deadline := s.Collector.SendDeadline()
	begun, decided := false, false
	err = s.Store.InTx(ctx, func(tx ports.Repos) (err error) {
		begun, decided = true, false
		if list, err = s.checkout(ctx, tx, cmds); err == nil {
			err = allRefused(list)
		}
		decided = err == nil
		return err
	})
	for i := range list {
		list[i].deadline = deadline
	}
	maybeCommitted := decided && errors.Is(err, billing.ErrUnavailable)
	switch {
	case err == nil, len(cmds) > 1 && allRefused(list) != nil:
		return list, nil
	case len(cmds) > 1 && begun && !maybeCommitted:
		return nil, errAlone
	default:
		return nil, err
	}
}

// allRefused returns the last refusal if every request was refused. The transaction
// is rolled back then.
func allRefused(list []storedIntent) (refused error) {
	for _, i := range list {
		if i.refused == nil {
			return nil
		}
		refused = i.refused
	}
	return refused
}

// request is a Subscribe with the ids and the payment method made for it.
type request struct {
	Subscribe
	id         billing.SubscriptionID
	alone      bool                  // no other request is stored in the same transaction
	since      time.Time             // start of the window in which declined payments count; zero without a limit
	method     billing.PaymentMethod // for the page, or for the token if it is not linked yet
	tokenFault error
}

func (s *Subscriber) newRequest(cmd Subscribe, now time.Time) (r request) {
	r = request{Subscribe: cmd, id: billing.SubscriptionID(s.NewID())}
	if window, limit := s.Limits.Declines.Window(); limit > 0 {
		r.since = now.Add(-window)
	}
	by := cmd.means()
	if by == ports.ByCard {
		return r // its method is made from the stored card
	}
	id := billing.PaymentMethodID(s.NewID())
	if by == ports.ByPage {
		r.method = billing.NewPageMethod(id, cmd.User, cmd.PaymentSystem, now)
	} else {
		r.method, r.tokenFault = billing.NewPaymentMethod(id, cmd.User, cmd.PaymentSystem, cmd.Token, now)
	}
	return r
}

// query leaves out a token that is not valid.
func (r request) query() ports.CheckoutQuery {
	q := ports.CheckoutQuery{
		Request: r.Request, Subscription: r.id,
		User: r.User, Plan: r.Plan, PaymentSystem: r.PaymentSystem, Token: r.Token,
		DeclinedSince: r.since,
	}
	if r.tokenFault != nil {
		q.Token = billing.Secret{}
	}
	return q
}

// checkout compares requests with today's catalogue and the viewers' subscriptions.
// It stores the intents of the requests that are not refused.
func (s *Subscriber) checkout(ctx context.Context, tx ports.Repos, cmds []Subscribe) ([]storedIntent, error) {
	now := s.Clock.Now()
	requests := make([]request, len(cmds))
	for i, cmd := range cmds {
		requests[i] = s.newRequest(cmd, now)
		requests[i].alone = len(cmds) == 1
	}
	facts, err := take(ctx, tx, requests)
	if err != nil {
		return nil, err
	}
	list := make([]storedIntent, len(cmds))
	var w writes
	for i, r := range requests {
		list[i], err = s.decide(ctx, tx, r, facts[i], now, &w)
		if err != nil {
			list[i].refused = err
			w.refuse(r)
		}
	}
	return list, w.apply(ctx, tx, now, s.Collector.SendWindow())
}

// take claims the idempotency keys of the requests and reads the facts that decide
// them.
func take(ctx context.Context, tx ports.Repos, requests []request) ([]ports.CheckoutFacts, error) {
	if len(requests) > 1 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, batchPatience)
		defer cancel()
	}
	queries := make([]ports.CheckoutQuery, len(requests))
	for i, r := range requests {
		queries[i] = r.query()
	}
	return tx.Checkout.Take(ctx, queries...)
}

// writes collects the changes of a transaction, so that each kind is written by one
// statement.
type writes struct {
	refused       []ports.KeyedRequest // their keys are released
	methods       []billing.PaymentMethod
	ended         []billing.Subscription // by makeRoom
	events        []billing.Event        // of ended and subscriptions
	subscriptions []billing.Subscription
	payments      []billing.Payment
	contacts      []billing.ReceiptContact
	receipts      []billing.Receipt
}

func (w *writes) refuse(r request) {
	if r.Request != nil {
		w.refused = append(w.refused, *r.Request)
	}
}

func (w *writes) apply(ctx context.Context, tx ports.Repos, now time.Time, sendFor time.Duration) error {
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
	if err := tx.Subscriptions.Add(ctx, w.subscriptions...); err != nil {
		return err
	}
	if err := tx.Payments.Add(ctx, sendFor, w.payments...); err != nil {
		return err
	}
	if err := tx.Receipts.AddContact(ctx, w.contacts...); err != nil {
		return err
	}
	if err := tx.Receipts.Add(ctx, w.receipts...); err != nil {
		return err
	}
	return tx.Events.Append(ctx, w.events...) // after the subscriptions, which the events refer to
}
