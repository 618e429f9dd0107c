package payments

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/online-cinema/billing/core/batcher"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Collector charges stored payments, records their outcomes and looks up the
// payments whose outcome is unknown. It must not be copied.
type Collector struct {
	Store     ports.Store
	Clock     ports.Clock
	NewID     func() string
	Providers map[string]ports.Provider // by payment system code
	Listeners map[string]ports.Listener // those of Providers that send notifications; may be nil
	Refunders map[string]ports.Refunder // those of Providers that pay back; may be nil
	// Cancellers are those of Providers that cancel payments which wait for their viewers;
	// may be nil.
	Cancellers map[string]ports.Canceller
	Retries    billing.RetrySchedule
	Calendar   billing.Calendar
	// ChargeTimeout bounds one call of a payment system.
	ChargeTimeout time.Duration
	// RecordTimeout bounds the transaction that records an outcome.
	RecordTimeout time.Duration
	Log           *slog.Logger
	// Vault decrypts the numbers of kept cards. It is nil if no cards are kept.
	Vault    ports.Vault
	Consents Consents
	// Watch is called for each event that a payment caused, after its commit. It may
	// be nil.
	Watch func(billing.EventType)
	// WatchNotice is called for each notification of a payment system. It may be nil.
	WatchNotice func(system string, r NoticeResult)
	// WatchReceipt is called for each receipt whose status becomes final, by several
	// goroutines at once. It may be nil.
	WatchReceipt func(system string, s billing.ReceiptStatus)

	once     sync.Once
	outcomes *batcher.Batcher[Attempt, Result]

	termsOnce sync.Once
	terms     map[string]billing.ReceiptTerms // of the Providers that need receipts
}

// WithProviders returns a Collector like c that calls other payment systems.
func (c *Collector) WithProviders(providers map[string]ports.Provider) *Collector {
	return &Collector{
		Store: c.Store, Clock: c.Clock, NewID: c.NewID, Providers: providers, Listeners: c.Listeners, Refunders: c.Refunders, Cancellers: c.Cancellers, Retries: c.Retries, Calendar: c.Calendar,
		ChargeTimeout: c.ChargeTimeout, RecordTimeout: c.RecordTimeout, Log: c.Log, Vault: c.Vault,
		Consents: c.Consents, Watch: c.Watch, WatchNotice: c.WatchNotice, WatchReceipt: c.WatchReceipt,
	}
}

// MaxBatch bounds the rows that one transaction writes. Larger batches are no
// faster and hold their locks longer.
const MaxBatch = 250

// TargetBatch is the usual size of a batch that viewers wait for. A larger batch
// costs less per payment, but its first viewer waits for all.
const TargetBatch = 8

// sendMargin separates the end of the last charge from the end of the send window.
// It covers the commit of the intent (a Store gives up within five seconds), a
// process that was suspended, and a request that is still on its way to the payment
// system.
const sendMargin = 10 * time.Second

// SendWindow is the time during which an intent may be sent, counted from its
// commit.
func (c *Collector) SendWindow() time.Duration { return sendWindow(c.ChargeTimeout) }

// SendDeadline returns the time by which the charge of an intent must end. Call it
// before the intent is stored, because the commit may take a while. The deadline is
// well within the send window.
func (c *Collector) SendDeadline() time.Time { return sendDeadline(c.ChargeTimeout) }

func sendWindow(timeout time.Duration) time.Duration { return timeout + sendMargin }

func sendDeadline(timeout time.Duration) time.Time { return time.Now().Add(timeout + sendMargin/2) }

// sendContext returns the context of a request that must end within the timeout and by the
// deadline of its send window. It returns [errWindowOver] if the deadline has passed.
func sendContext(ctx context.Context, timeout time.Duration, deadline time.Time) (context.Context, context.CancelFunc, error) {
	timeout = min(timeout, time.Until(deadline))
	if timeout <= 0 {
		return nil, nil, errWindowOver
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	return ctx, cancel, nil
}

// Collect charges an intent with a token and records the outcome. The end of ctx
// does not interrupt the charge, because money may be moving.
//
// An error means that the outcome was not recorded. A sweep will record it.
func (c *Collector) Collect(ctx context.Context, a Attempt, token billing.Secret) (Result, error) {
	a.byToken = true
	c.charge(ctx, &a, ports.ChargeRequest{Token: token})
	return c.collected(ctx, a)
}

// CollectOnPage is [Collector.Collect] for a payment that the viewer makes on a page of the
// payment system. It stays pending and has the address of the page, until a sweep finds
// that the viewer has paid.
func (c *Collector) CollectOnPage(ctx context.Context, a Attempt) (Result, error) {
	a.byPage = true
	c.charge(ctx, &a, ports.ChargeRequest{})
	return c.collected(ctx, a)
}

// collected records the outcome of a viewer's charge together with those of other
// viewers. If the batch fails, the outcome is recorded alone, because another
// payment of the batch may be the cause.
func (c *Collector) collected(ctx context.Context, a Attempt) (Result, error) {
	c.once.Do(func() { c.outcomes = &batcher.Batcher[Attempt, Result]{Target: TargetBatch, Max: MaxBatch} })
	r, err := c.outcomes.Do(a, func(all []Attempt) ([]Result, error) { return c.record(ctx, all) })
	if ports.ItemFault(err) {
		var alone []Result
		if alone, err = c.record(ctx, []Attempt{a}); err == nil {
			r = alone[0]
		}
	}
	if err == nil {
		c.log(ctx, r)
	}
	return r, err
}

// Charge charges an intent with a token. If the response is lost, it looks the
// charge up immediately. A payment that this lookup does not find may still be on
// its way. The end of ctx does not interrupt the charge.
//
// Charge does not send an intent that has less than ChargeTimeout left: cut short, a
// healthy payment system would look as if it did not respond.
func (c *Collector) Charge(ctx context.Context, a *Attempt, token billing.Secret) {
	if time.Until(a.Deadline) < c.ChargeTimeout {
		a.err = errWindowOver
		c.classify(ctx, a)
		return
	}
	c.charge(ctx, a, ports.ChargeRequest{Token: token})
	if a.Known() || a.notSent() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.ChargeTimeout)
	defer cancel()
	from := a.firstSent
	if from.IsZero() {
		from = a.Deadline.Add(-c.SendWindow())
	}
	if o, err := c.Providers[a.Payment.PaymentSystem].Find(ctx, a.query(from, a.Deadline)); err == nil {
		c.learn(ctx, a, o)
	}
}

var errWindowOver = fmt.Errorf("too late to send it: %w", ports.ErrNotSent)

// charge calls the payment system outside any transaction and classifies its
// response. source holds the token or the card.
//
// A run has a thousand charges in flight. Arguments are passed by reference to keep
// each stack within 8 KB.
func (c *Collector) charge(ctx context.Context, a *Attempt, source ports.ChargeRequest) {
	ctx = context.WithoutCancel(ctx)
	o, err := c.send(ctx, a, source)
	if a.err = err; err == nil {
		c.learn(ctx, a, o)
	}
	c.classify(ctx, a)
}

// learn takes the outcome that a payment system reported. Every outcome of a charge
// or a lookup enters here, and leaves clean.
func (c *Collector) learn(ctx context.Context, a *Attempt, o billing.Outcome) {
	clean, changed := o.Clean()
	if len(changed) > 0 {
		c.Log.WarnContext(ctx, "the payment system's outcome has values that cannot be stored; they were cleaned or removed",
			"payment_id", a.Payment.ID, "payment_system", a.Payment.PaymentSystem, "fields", changed)
	}
	a.outcome = clean
}

func (c *Collector) send(ctx context.Context, a *Attempt, r ports.ChargeRequest) (billing.Outcome, error) {
	p := a.Payment
	provider, ok := c.Providers[p.PaymentSystem]
	if !ok {
		return billing.Outcome{}, fmt.Errorf("no adapter for payment system %q: %w", p.PaymentSystem, ports.ErrNotSent)
	}
	if r.Card == nil && r.Token.IsZero() && !a.byPage { // not decryptable, or removed just now
		return billing.Outcome{}, fmt.Errorf("payment method %s has no token to charge: %w", p.MethodID, ports.ErrNotSent)
	}
	if err := c.mayCharge(a); err != nil {
		return billing.Outcome{}, err
	}
	ctx, cancel, err := sendContext(ctx, c.ChargeTimeout, a.Deadline)
	if err != nil {
		return billing.Outcome{}, err
	}
	defer cancel()
	c.Log.LogAttrs(ctx, slog.LevelDebug, "payment is sent", slog.String("payment_id", string(p.ID)),
		slog.String("payment_system", p.PaymentSystem))
	r.Key, r.Amount, r.Initiator, r.Payer = p.ID, p.Amount, p.Initiator, p.UserID
	r.ReturnURL, r.FirstSent, r.Receipt = a.ReturnURL, a.firstSent, a.Receipt
	return provider.Charge(ctx, r)
}

// classify turns an error into an outcome if the [ports.Provider] contract allows
// that conclusion. Otherwise the outcome stays unknown.
func (c *Collector) classify(ctx context.Context, a *Attempt) {
	if a.err == nil {
		return
	}
	p := a.Payment
	switch {
	case errors.Is(a.err, ports.ErrTokenUnknown):
		a.outcome = billing.Abandon(billing.TokenUnknown)
	case errors.Is(a.err, errNoReceipt):
		a.outcome = billing.Abandon(billing.ReceiptContactMissing)
	case errors.Is(a.err, ports.ErrRefused):
		a.outcome = billing.Abandon(billing.Refused)
	case a.notSent() && p.Initiator == billing.CustomerInitiated:
		a.outcome = billing.Abandon(billing.NotSent)
	default:
		a.outcome = billing.Outcome{}
	}
	c.Log.WarnContext(ctx, "charge failed", "payment_id", p.ID, "payment_system", p.PaymentSystem,
		"unknown", !a.Known() && !a.notSent(), "error", a.err)
}

// log writes a line for each result that is new. A renewal that succeeded is logged
// at debug level only, because a run renews a hundred thousand of them.
func (c *Collector) log(ctx context.Context, results ...Result) {
	for _, r := range results {
		p, level := r.Payment, slog.LevelInfo
		if p.Initiator == billing.MerchantInitiated && p.Status == billing.PaymentSucceeded {
			level = slog.LevelDebug
		}
		if !r.isNew || !c.Log.Enabled(ctx, level) {
			continue
		}
		c.Log.LogAttrs(ctx, level, "payment", slog.String("payment_id", string(p.ID)), slog.String("status", string(p.Status)),
			slog.String("decline_code", string(p.DeclineCode)), slog.String("initiator", string(p.Initiator)),
			slog.String("payment_system", p.PaymentSystem),
			slog.String("subscription_id", string(p.SubscriptionID)), slog.String("user_id", string(p.UserID)))
	}
}

// report passes committed events to Watch and logs those for a person.
func (c *Collector) report(ctx context.Context, events []billing.Event) {
	for _, e := range events {
		if c.Watch != nil {
			c.Watch(e.Type)
		}
		switch e.Type {
		case billing.EventPaymentContradicted:
			c.Log.ErrorContext(ctx, "the payment system contradicts the recorded outcome; compare them with billingctl reconcile",
				"payment_id", e.PaymentID, "user_id", e.UserID)
		case billing.EventPaymentNeedsReview:
			c.Log.ErrorContext(ctx, "only a person can find out the outcome of a payment, which is not sent again; ask the payment system, and decide with billingctl payment settle",
				"payment_id", e.PaymentID, "user_id", e.UserID)
		case billing.EventRefundNeedsReview:
			c.Log.ErrorContext(ctx, "only a person can find out the outcome of a refund, which is not sent again; ask the payment system, and decide with billingctl payment settle",
				"payment_id", e.PaymentID, "user_id", e.UserID)
		default:
		}
	}
}
