package renewals

import (
	"context"
	"fmt"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
)

// claimAll claims batches until no subscription is due. Each search starts where
// the last one ended, because earlier index entries belong to claimed rows and stay
// dead until they are vacuumed. When a search finds nothing, a last one starts from
// the beginning: it finds the rows that other transactions had locked.
func (p *pipeline) claimAll(ctx context.Context) error {
	var from time.Time
	for ctx.Err() == nil {
		systems, n := p.chargeable(), p.allowance.take(int(p.batchSize.Load()))
		if len(systems) == 0 || n == 0 {
			return nil
		}
		q := ports.DueQuery{Now: p.Clock.Now(), From: from, Systems: systems, Limit: n}
		found, last, err := p.claim(ctx, q)
		p.allowance.giveBack(n - found)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return fmt.Errorf("claim: %w", err)
		case found == 0 && from.IsZero():
			return nil
		case found == q.Limit:
			p.needClaimers(true)
		}
		from = last // zero if the search found nothing
	}
	return nil
}

// claim bills a batch, stores its intents and passes them to the chargers. It
// returns the number of subscriptions that it found and the due time of the last
// one. The end of ctx does not interrupt the transaction, because it would be
// unknown whether the intents are stored.
func (p *pipeline) claim(ctx context.Context, q ports.DueQuery) (found int, last time.Time, err error) {
	deadline := p.collector.SendDeadline().Add(p.queueTime())
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.collector.RecordTimeout)
	defer cancel()
	c, err := ports.InTx(ctx, p.Store, func(tx ports.Repos) (claimed, error) {
		due, err := tx.Subscriptions.LockDue(ctx, q)
		if err != nil || len(due) == 0 {
			return claimed{}, err
		}
		c, err := p.billAll(due, q.Now)
		if err != nil {
			return claimed{}, err
		}
		return c, c.store(ctx, tx, p.sendWindow())
	})
	if err != nil {
		return 0, time.Time{}, err
	}
	p.stats.add(ports.Summary{Due: len(c.payments), Ended: c.ended})
	if len(c.payments) > 0 {
		p.charge(c.intents(deadline))
	}
	return len(c.subscriptions), c.last, nil
}

// queueTime bounds how long a stored intent waits for a charger: no longer than one
// charge takes.
func (p *pipeline) queueTime() time.Duration { return p.collector.ChargeTimeout }

// sendWindow is the time during which an intent of a run may be sent, counted from
// its commit.
func (p *pipeline) sendWindow() time.Duration { return p.collector.SendWindow() + p.queueTime() }

// claimed is a batch of due subscriptions after billing. A subscription either has
// a payment or has ended.
type claimed struct {
	subscriptions []billing.Subscription
	payments      []billing.Payment
	billed        []billedTo // per payment
	events        []billing.Event
	ended         int
	last          time.Time // due time of the last subscription
}

// billedTo refers to the subscription and the method of a payment.
type billedTo struct {
	subscription int // index in claimed.subscriptions
	version      ports.RowVersion
	token        billing.Secret
}

func (p *pipeline) billAll(due []ports.Due, now time.Time) (claimed, error) {
	c := claimed{
		subscriptions: make([]billing.Subscription, 0, len(due)), payments: make([]billing.Payment, 0, len(due)),
		billed: make([]billedTo, 0, len(due)), last: due[len(due)-1].NextChargeAt,
	}
	for i := range due {
		d := &due[i]
		s, payment, events, billed := p.bill(*d, now)
		c.subscriptions = append(c.subscriptions, s)
		c.events = append(c.events, events...)
		switch {
		case billed:
			c.payments = append(c.payments, payment)
			c.billed = append(c.billed, billedTo{len(c.subscriptions) - 1, d.Version, d.Method.Token})
		case !s.Live():
			c.ended++
		default: // the search would find it again and again
			return claimed{}, fmt.Errorf("subscription %s is due, but can be neither charged nor ended", d.ID)
		}
	}
	ports.Identify(c.events, p.NewID)
	return c, nil
}

// store writes the batch. It writes payments and events first: their foreign keys
// need no second lock while the subscriptions are locked and not yet written.
func (c claimed) store(ctx context.Context, tx ports.Repos, sendFor time.Duration) error {
	if err := tx.Payments.Add(ctx, sendFor, c.payments...); err != nil {
		return err
	}
	if err := tx.Events.Append(ctx, c.events...); err != nil {
		return err
	}
	return tx.Subscriptions.Save(ctx, c.subscriptions...)
}

// intents returns the stored payments as intents for the chargers.
func (c claimed) intents(deadline time.Time) []intent {
	list := make([]intent, len(c.payments))
	for i, b := range c.billed {
		list[i] = intent{
			Attempt: payments.Attempt{
				Payment: &c.payments[i], Subscription: &c.subscriptions[b.subscription], Version: b.version, Deadline: deadline,
			},
			token: b.token,
		}
	}
	return list
}
