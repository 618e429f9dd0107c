package payments

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/online-cinema/billing/core/batcher"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/internal/crash"
	"github.com/online-cinema/billing/core/ports"
)

// Collector moves money: it alone holds the payment systems. It sends intents
// that are stored, records what became of them, and settles those of which
// nobody knows.
type Collector struct {
	Store     ports.Store
	Clock     ports.Clock
	NewID     func() string
	Providers map[string]ports.Provider // by payment system code
	Retries   billing.RetrySchedule
	// ChargeTimeout is how long one charge may take.
	ChargeTimeout time.Duration
	// RecordTimeout is how long writing down an outcome may take.
	RecordTimeout time.Duration
	Log           *slog.Logger
	// Recording is where payments wait to be recorded that viewers wait for.
	Recording *Recording
	// Vault opens the numbers of cards; nil when no cards are kept.
	Vault ports.Vault
	// Watch is told of each event that a payment caused, once it is stored; nil
	// is nobody.
	Watch func(billing.EventType)
}

// Recording records together what is to be recorded at the same time.
type Recording = batcher.Batcher[Verdict, Result]

// NewRecording returns one in which nobody waits.
func NewRecording() *Recording { return &Recording{Target: fewTogether, Max: MaxBatch} }

// maxBatch bounds the rows that one transaction writes. Larger batches are no
// faster, and hold their locks for longer.
const MaxBatch = 250

// fewTogether is how many share a transaction that viewers wait for, unless many
// more wait: a larger one is cheaper, but keeps the first of them waiting for all.
const fewTogether = 8

// sendMargin separates the moment when a charge is given up from the moment
// when others may rely on nobody sending it: it covers the commit of the intent
// (a Store gives up within five seconds), a process that was held up, and a
// request that is still under way to the payment system.
const sendMargin = 10 * time.Second

// sweepLease is how long a sweep keeps a payment to itself, and so how often a
// payment that stays unknown is looked up.
const SweepLease = 10 * time.Second

// sweepConcurrency bounds how many look-ups a sweep has under way.
const sweepConcurrency = 16

// sendWindow is how long an intent may be sent after it was stored.
func (c *Collector) SendWindow() time.Duration { return c.ChargeTimeout + sendMargin }

// sending returns the context to send an intent under. It must be made before
// the intent is stored: it ends well within the send window, however long the
// commit took or the process was held up since. The caller's cancellation does
// not end it: money may be moving.
func (c *Collector) Sending(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), c.ChargeTimeout+sendMargin/2)
}

// verdict is what is known of a payment after asking for it.
type Verdict struct {
	Payment *billing.Payment
	// subscription is the payment's, as it was stored with it by version; nil when
	// that is not known.
	Subscription *billing.Subscription
	Version      ports.RowVersion

	outcome billing.Outcome
	err     error // why there is no outcome, or what the outcome was made from
	// until is how long this process alone may send it, which it is done with;
	// zero when a sweep has it, which keeps it to itself for as long as it took it.
	until time.Time
}

func (v Verdict) known() bool { return v.outcome.Status != "" }

// unsent reports whether the payment was surely not sent, and nobody else may
// be sending it, which is to be asked under its lock: once the time of its sender
// is over, another may.
func (v Verdict) unsent() bool { return NeverSent(v.err) && time.Now().Before(v.until) }

// neverSent reports whether err says that a charge did not reach the payment
// system, or went no further than its door.
func NeverSent(err error) bool {
	return errors.Is(err, ports.ErrNotSent) || errors.Is(err, ports.ErrCredentials)
}

// Result is a payment and its subscription after they were recorded.
type Result struct {
	Subscription *billing.Subscription // nil when it was not asked for
	Payment      *billing.Payment
	// Err is what the payment system failed with, if it failed. The payment may
	// be settled all the same: as abandoned.
	Err error

	news bool // nobody recorded as much before
}

// Intent is a payment that is stored, and its subscription as it was stored with
// it.
type Intent struct {
	Payment      billing.Payment
	Subscription billing.Subscription
	Version      ports.RowVersion // of both; zero when it is not known how they are stored
}

func (i *Intent) verdict() Verdict {
	if i.Version == 0 {
		return Verdict{Payment: &i.Payment}
	}
	return Verdict{Payment: &i.Payment, Subscription: &i.Subscription, Version: i.Version}
}

// Collect sends an intent and records the outcome. ctx is one that sending made.
//
// An error means that the outcome was not recorded; a sweep will do it.
func (c *Collector) Collect(ctx context.Context, i Intent, token billing.Secret) (Result, error) {
	v := i.verdict()
	c.charge(ctx, &v, ports.ChargeRequest{Token: token})
	return c.collected(ctx, v)
}

func (c *Collector) collected(ctx context.Context, v Verdict) (Result, error) {
	record := func(vs []Verdict) ([]Result, error) { return c.Record(ctx, vs...) }
	r, err := c.Recording.Do(v, record)
	if err != nil && !errors.Is(err, billing.ErrUnavailable) {
		// It may be another's payment that cannot be recorded.
		var alone []Result
		if alone, err = record([]Verdict{v}); err == nil {
			r = alone[0]
		}
	}
	if err == nil {
		c.LogResults(ctx, r)
	}
	return r, err
}

// charge asks the payment system about v, without a transaction, for as long as
// the intent allows. by has the token or the card to charge.
//
// A run has a thousand of these under way: what is passed by reference on the
// way down keeps each of their stacks within 8 KB.
func (c *Collector) charge(ctx context.Context, v *Verdict, by ports.ChargeRequest) {
	v.outcome, v.err = c.ask(ctx, v.Payment, by)
	v.until, _ = ctx.Deadline()
	c.judge(ctx, v)
}

func (c *Collector) ask(ctx context.Context, p *billing.Payment, by ports.ChargeRequest) (billing.Outcome, error) {
	provider, ok := c.Providers[p.PaymentSystem]
	if !ok {
		return billing.Outcome{}, fmt.Errorf("no adapter for payment system %q: %w", p.PaymentSystem, ports.ErrNotSent)
	}
	if by.Card == nil && by.Token.IsZero() { // it does not open, or was removed just now
		return billing.Outcome{}, fmt.Errorf("payment method %s has no token to charge: %w", p.MethodID, ports.ErrNotSent)
	}
	if ctx.Err() != nil {
		return billing.Outcome{}, fmt.Errorf("too late to send it: %w", ports.ErrNotSent)
	}
	ctx, cancel := context.WithTimeout(ctx, c.ChargeTimeout)
	defer cancel()
	c.Log.LogAttrs(ctx, slog.LevelDebug, "payment is sent", slog.String("payment_id", string(p.ID)),
		slog.String("payment_system", p.PaymentSystem))
	crash.Point("charge.before")
	by.Key, by.Amount, by.Initiator = p.ID, p.Amount, p.Initiator
	o, err := provider.Charge(ctx, by)
	crash.Point("charge.after")
	return o, err
}

// chargeOrLookUp is charge, and asks at once for the outcome when the answer is
// lost. A payment that is not found may still be on its way.
func (c *Collector) ChargeOrLookUp(ctx context.Context, v *Verdict, token billing.Secret) {
	c.charge(ctx, v, ports.ChargeRequest{Token: token})
	if v.known() || NeverSent(v.err) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.ChargeTimeout)
	defer cancel()
	if o, err := c.Providers[v.Payment.PaymentSystem].Find(ctx, v.Payment.ID); err == nil {
		v.outcome = o
	}
}

// judge turns an error into an outcome, if it is one. Nothing is concluded but
// what the [ports.Provider] promises about it.
func (c *Collector) judge(ctx context.Context, v *Verdict) {
	if v.err == nil {
		return
	}
	p := v.Payment
	switch {
	case errors.Is(v.err, ports.ErrTokenUnknown):
		v.outcome = billing.Abandon(billing.TokenUnknown)
	case errors.Is(v.err, ports.ErrRefused):
		v.outcome = billing.Abandon(billing.Refused)
	case NeverSent(v.err) && p.Initiator == billing.CustomerInitiated:
		v.outcome = billing.Abandon(billing.NotSent)
	default:
		v.outcome = billing.Outcome{}
	}
	c.Log.WarnContext(ctx, "charge failed", "payment_id", p.ID, "payment_system", p.PaymentSystem,
		"unknown", !v.known(), "error", v.err)
}

// record writes down what is known, and offers to the sweep what is not.
func (c *Collector) Record(ctx context.Context, vs ...Verdict) ([]Result, error) {
	if len(vs) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.RecordTimeout)
	defer cancel()
	read := lock
	if !slices.ContainsFunc(vs, Verdict.mustLook) {
		read = remember
	}
	results, events, err := c.recordAs(ctx, read, vs)
	if errors.Is(err, ports.ErrChanged) {
		results, events, err = c.recordAs(ctx, lock, vs)
	}
	if err != nil {
		return nil, fmt.Errorf("record %d payments, the first %s: %w", len(vs), vs[0].Payment.ID, err)
	}
	crash.Point("record.after")
	c.report(ctx, events)
	return results, nil
}

// recordAs is the second transaction. read says how things stand before it:
// another process may have settled a payment meanwhile, and a viewer cancelled.
func (c *Collector) recordAs(ctx context.Context, read reader, vs []Verdict) (results []Result, events []billing.Event, err error) {
	err = c.Store.InTx(ctx, func(tx ports.Repos) (err error) {
		results, events, err = c.settle(ctx, tx, read, vs)
		return err
	})
	return results, events, err
}

func (c *Collector) settle(ctx context.Context, tx ports.Repos, read reader, vs []Verdict) ([]Result, []billing.Event, error) {
	all, err := read(ctx, tx, vs)
	if err != nil {
		return nil, nil, err
	}
	now := c.Clock.Now()
	results := make([]Result, 0, len(vs))
	w := newWrites(len(vs))
	for i := range vs {
		v := &vs[i]
		sub, pay := all[i].subscription, all[i].payment
		newSub, newPay := sub, pay
		if v.known() {
			s, p, happened := sub.Settle(*pay, v.outcome, c.Retries, now)
			w.Events = append(w.Events, happened...)
			if p != *pay {
				newPay = w.payments.Add(p, all[i].version)
			}
			if s != *sub {
				newSub = w.Subscriptions.Add(s, all[i].version)
			}
		}
		if newPay.Status == billing.PaymentSucceeded && newPay != pay && !v.outcome.Token.IsZero() {
			w.tokens = append(w.tokens, methodToken{newPay.UserID, newPay.MethodID, v.outcome.Token})
		}
		switch {
		case newPay.Settled() || v.until.IsZero():
		case v.unsent():
			w.unsent = append(w.unsent, ports.KeyOf(newPay))
		default:
			w.unsettled = append(w.unsettled, ports.KeyOf(newPay))
		}
		// A sweep hears again and again of what is pending; who sent it, once.
		news := newPay.Settled() && !pay.Settled() || !newPay.Settled() && !v.until.IsZero()
		results = append(results, Result{newSub, newPay, v.err, news})
	}
	ports.Identify(w.Events, c.NewID)
	return results, w.Events, w.Apply(ctx, tx)
}

// writes is what a transaction changes, each kind in one statement.
type Writes struct {
	Subscriptions changes[billing.Subscription]
	NewPayments   []billing.Payment // which may be sent for as long as send says
	Send          time.Duration
	payments      changes[billing.Payment]
	unsettled     []ports.PaymentKey // which their sender is done with, and the sweep may have at once
	unsent        []ports.PaymentKey // likewise, and which surely were not sent
	tokens        []methodToken      // that payment systems gave
	Events        []billing.Event
}

type methodToken struct {
	user   billing.UserID
	method billing.PaymentMethodID
	token  billing.Secret
}

// changes are new states of what is locked, or of what nobody has written since
// the version beside it.
type changes[T any] struct {
	all   []T
	since []ports.RowVersion
}

// newChanges has room for n, and for no more.
func NewChanges[T any](n int) changes[T] {
	return changes[T]{make([]T, 0, n), make([]ports.RowVersion, 0, n)}
}

// add returns where it is from now on.
func (c *changes[T]) Add(one T, since ports.RowVersion) *T {
	c.all, c.since = append(c.all, one), append(c.since, since)
	return &c.all[len(c.all)-1]
}

// newWrites has room for the usual: one of each for each of n subscriptions.
func newWrites(n int) Writes {
	return Writes{
		Subscriptions: NewChanges[billing.Subscription](n), payments: NewChanges[billing.Payment](n),
		Events: make([]billing.Event, 0, n),
	}
}

// apply writes subscriptions before their payments, as they are locked, and first
// what refers to them: while a subscription is locked and not yet written, the
// database need not lock it again for that.
func (w Writes) Apply(ctx context.Context, tx ports.Repos) error {
	if err := tx.Payments.Add(ctx, w.Send, w.NewPayments...); err != nil {
		return err
	}
	if err := tx.Events.Append(ctx, w.Events...); err != nil {
		return err
	}
	if err := tx.Subscriptions.Replace(ctx, w.Subscriptions.since, w.Subscriptions.all...); err != nil {
		return err
	}
	if err := tx.Payments.Replace(ctx, w.payments.since, w.payments.all...); err != nil {
		return err
	}
	if err := tx.Payments.ReleaseSweep(ctx, w.unsettled...); err != nil {
		return err
	}
	if err := tx.Payments.ReleaseUnsent(ctx, w.unsent...); err != nil {
		return err
	}
	for _, t := range w.tokens {
		if err := tx.Methods.SetToken(ctx, t.user, t.method, t.token); err != nil {
			return err
		}
	}
	return nil
}

// stored is a payment and its subscription as they stand.
type stored struct {
	subscription *billing.Subscription
	payment      *billing.Payment
	version      ports.RowVersion // that wrote both, or locked
}

// locked is the version of what is locked: nobody else can write it.
const Locked ports.RowVersion = 0

// reader says how the payments of verdicts stand, in their order.
type reader func(ctx context.Context, tx ports.Repos, vs []Verdict) ([]stored, error)

// mustLook reports whether v has to be recorded under lock: nobody knows how its
// subscription stood, or it depends on who may be sending it.
func (v Verdict) mustLook() bool { return v.Subscription == nil || !v.known() }

// remember goes by what was stored with the intents, without asking for it. That
// it still stands so is seen to as it is written over.
func remember(_ context.Context, _ ports.Repos, vs []Verdict) ([]stored, error) {
	all := make([]stored, len(vs))
	for i := range vs {
		all[i] = stored{vs[i].Subscription, vs[i].Payment, vs[i].Version}
	}
	return all, nil
}

// lock reads under lock.
func lock(ctx context.Context, tx ports.Repos, vs []Verdict) ([]stored, error) {
	subKeys := make([]ports.SubscriptionKey, len(vs))
	payKeys := make([]ports.PaymentKey, len(vs))
	for i, v := range vs {
		subKeys[i] = ports.SubscriptionKey{User: v.Payment.UserID, ID: v.Payment.SubscriptionID}
		payKeys[i] = ports.KeyOf(v.Payment)
	}
	subList, err := tx.Subscriptions.Lock(ctx, subKeys...)
	if err != nil {
		return nil, err
	}
	payList, err := tx.Payments.Lock(ctx, payKeys...)
	if err != nil {
		return nil, err
	}
	subs := make(map[billing.SubscriptionID]*billing.Subscription, len(vs))
	for i := range subList {
		subs[subList[i].ID] = &subList[i]
	}
	pays := make(map[billing.PaymentID]*billing.Payment, len(vs))
	for i := range payList {
		pays[payList[i].ID] = &payList[i]
	}
	if len(subs) != len(vs) || len(pays) != len(vs) {
		return nil, fmt.Errorf("of %d payments, %d are stored, with %d subscriptions", len(vs), len(pays), len(subs))
	}
	all := make([]stored, len(vs))
	for i, v := range vs {
		all[i] = stored{subs[v.Payment.SubscriptionID], pays[v.Payment.ID], Locked}
	}
	return all, nil
}

// log writes what became of payments, a line for each that there is something new
// of. A run renews a hundred thousand as they should be: of those it says nothing
// unless it is asked for every detail.
func (c *Collector) LogResults(ctx context.Context, results ...Result) {
	for _, r := range results {
		p, level := r.Payment, slog.LevelInfo
		if p.Initiator == billing.MerchantInitiated && p.Status == billing.PaymentSucceeded {
			level = slog.LevelDebug
		}
		if !r.news || !c.Log.Enabled(ctx, level) {
			continue
		}
		c.Log.LogAttrs(ctx, level, "payment", slog.String("payment_id", string(p.ID)), slog.String("status", string(p.Status)),
			slog.String("decline_code", string(p.DeclineCode)), slog.String("initiator", string(p.Initiator)),
			slog.String("payment_system", p.PaymentSystem),
			slog.String("subscription_id", string(p.SubscriptionID)), slog.String("user_id", string(p.UserID)))
	}
}

// report tells whoever watches, and the operator of what a person must look at.
func (c *Collector) report(ctx context.Context, events []billing.Event) {
	for _, e := range events {
		if c.Watch != nil {
			c.Watch(e.Type)
		}
		if e.Type == billing.EventPaymentContradicted {
			c.Log.ErrorContext(ctx, "the payment system contradicts our books; compare them with billingctl reconcile",
				"payment_id", e.PaymentID, "user_id", e.UserID)
		}
	}
}
