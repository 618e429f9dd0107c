package renewals

import (
	"context"
	"errors"
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
	var failed error // the first batch that had to be claimed one by one
	for ctx.Err() == nil {
		if n := p.refused.Load(); n >= maxRefused {
			return errors.Join(failed, fmt.Errorf("claim: %d subscriptions cannot be charged, because of their consent or their payment token; check the keysets of this program", n))
		}
		systems, n := p.chargeable(), p.allowance.take(int(p.batchSize.Load()))
		if len(systems) == 0 || n == 0 {
			return failed
		}
		q := p.dueQuery(p.Clock.Now(), systems)
		q.From, q.Limit = from, n
		found, last, err := p.claim(ctx, q)
		p.allowance.giveBack(n - found)
		if err != nil && failed == nil {
			failed = fmt.Errorf("claim: %w", err)
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case found == 0 && (err != nil || from.IsZero()):
			return failed
		case found == q.Limit:
			p.needClaimers(true)
		}
		from = last // zero if the search found nothing
	}
	return nil
}

// claim bills a batch, stores its intents and passes them to the chargers. It returns
// the number of subscriptions that it found and the due time of the last one.
//
// If the transaction of the batch fails although the database is available, one of
// the subscriptions may be the cause, so claim claims each in a transaction of its own.
// The run skips one that cannot be claimed alone either, and counts it as failed. The
// error of the batch is returned with the number of subscriptions. After any other
// error that number is 0.
func (p *pipeline) claim(ctx context.Context, q ports.DueQuery) (found int, last time.Time, err error) {
	var due []ports.Due
	err = p.claimWith(ctx, q.Now, func(ctx context.Context, tx ports.Repos) (_ []ports.Due, err error) {
		due, err = p.skipped.lockDue(ctx, tx, q)
		return due, err
	})
	if ports.ItemFault(err) {
		if alone := p.claimEach(ctx, q.Now, due); alone != nil {
			return 0, time.Time{}, alone
		}
	} else if err != nil {
		return 0, time.Time{}, err
	}
	if len(due) > 0 {
		last = due[len(due)-1].NextChargeAt
	}
	return len(due), last, err
}

func (p *pipeline) claimEach(ctx context.Context, now time.Time, due []ports.Due) error {
	for _, d := range due {
		err := p.claimWith(ctx, now, func(ctx context.Context, tx ports.Repos) ([]ports.Due, error) {
			return lockAgain(ctx, tx, d)
		})
		switch {
		case ports.ItemFault(err):
			p.skip(d.Subscription, err)
		case err != nil:
			return err
		}
	}
	return nil
}

// lockAgain locks and reads a subscription that was due. It returns none if the
// subscription has changed, because a later search finds it if it is still due.
func lockAgain(ctx context.Context, tx ports.Repos, d ports.Due) ([]ports.Due, error) {
	subs, err := tx.Subscriptions.Lock(ctx, ports.SubscriptionKey{User: d.UserID, ID: d.ID})
	if err != nil || len(subs) != 1 || subs[0] != d.Subscription {
		return nil, err
	}
	d.Version = ports.Locked
	d.Method, err = tx.Methods.Find(ctx, d.UserID, d.MethodID)
	return []ports.Due{d}, err
}

// claimWith bills the subscriptions that lock returns, stores their intents in the
// same transaction, and passes them to the chargers. The end of ctx does not interrupt
// the transaction, because it would be unknown whether the intents are stored.
func (p *pipeline) claimWith(ctx context.Context, now time.Time, lock func(context.Context, ports.Repos) ([]ports.Due, error)) error {
	deadline := p.collector.SendDeadline().Add(p.queueTime())
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.collector.RecordTimeout)
	defer cancel()
	c, err := ports.InTx(ctx, p.Store, func(tx ports.Repos) (claimed, error) {
		due, err := lock(ctx, tx)
		if err != nil || len(due) == 0 {
			return claimed{}, err
		}
		c := p.billAll(due, now)
		return c, c.store(ctx, tx, p.collector, p.sendWindow())
	})
	if err != nil {
		return err
	}
	for _, s := range c.odd {
		p.skip(s, errOdd)
	}
	p.stats.add(ports.Summary{Due: len(c.payments), Ended: c.ended})
	p.collector.Consents.Found(payments.ConsentUnsigned, c.unsigned)
	p.refuse(ctx, c.refused)
	if len(c.payments) > 0 {
		p.charge(c.intents(deadline))
	}
	return nil
}

// queueTime bounds how long a stored intent waits for a charger: no longer than one
// charge takes.
func (p *pipeline) queueTime() time.Duration { return p.collector.ChargeTimeout }

// sendWindow is the time during which an intent of a run may be sent, counted from
// its commit.
func (p *pipeline) sendWindow() time.Duration { return p.collector.SendWindow() + p.queueTime() }

// claimed is a batch of due subscriptions after billing. A subscription has a payment,
// or has ended, or is odd, or was refused.
type claimed struct {
	subscriptions []billing.Subscription
	payments      []billing.Payment
	billed        []billedTo // per payment
	events        []billing.Event
	ended         int
	unsigned      int                    // payments of subscriptions whose consent is not signed
	odd           []billing.Subscription // due, but neither billed nor ended; not stored
	refused       []refusal              // due, but not to be charged; not stored
}

// billedTo refers to the subscription and the method of a payment.
type billedTo struct {
	subscription int // index in claimed.subscriptions
	version      ports.RowVersion
	token        billing.Secret
	receipt      *billing.Receipt // set when the payments are stored
}

func (p *pipeline) billAll(due []ports.Due, now time.Time) claimed {
	c := claimed{
		subscriptions: make([]billing.Subscription, 0, len(due)), payments: make([]billing.Payment, 0, len(due)),
		billed: make([]billedTo, 0, len(due)),
	}
	for i := range due {
		d := &due[i]
		s, payment, events, billed := p.bill(*d, now)
		if !billed && s.Live() {
			c.odd = append(c.odd, d.Subscription)
			continue
		}
		obstacle, finding := p.obstacle(d, billed)
		if obstacle != "" {
			c.refused = append(c.refused, refusal{&d.Subscription, obstacle, finding})
			continue
		}
		c.subscriptions = append(c.subscriptions, s)
		c.events = append(c.events, events...)
		if billed {
			if finding == payments.ConsentUnsigned {
				c.unsigned++
			}
			c.payments = append(c.payments, payment)
			c.billed = append(c.billed, billedTo{subscription: len(c.subscriptions) - 1, version: d.Version, token: d.Method.Token})
		} else {
			c.ended++
		}
	}
	ports.Identify(c.events, p.NewID)
	return c
}

// store writes the batch. It writes payments and events first: their foreign keys
// need no second lock while the subscriptions are locked and not yet written.
func (c claimed) store(ctx context.Context, tx ports.Repos, collector *payments.Collector, sendFor time.Duration) error {
	if err := tx.Payments.Add(ctx, sendFor, c.payments...); err != nil {
		return err
	}
	if err := c.addReceipts(ctx, tx, collector); err != nil {
		return err
	}
	if err := tx.Events.Append(ctx, c.events...); err != nil {
		return err
	}
	return tx.Subscriptions.Save(ctx, c.subscriptions...)
}

// addReceipts stores the receipts of the payments at payment systems that need them.
func (c claimed) addReceipts(ctx context.Context, tx ports.Repos, collector *payments.Collector) error {
	var list []payments.NewPayment
	for i := range c.payments {
		if _, needs := collector.ReceiptTerms(c.payments[i].PaymentSystem); needs {
			list = append(list, payments.NewPayment{Payment: &c.payments[i], Plan: c.subscriptions[c.billed[i].subscription].PlanID})
		}
	}
	receipts, err := collector.AddReceipts(ctx, tx, list)
	if len(receipts) == 0 {
		return err
	}
	for i := range c.billed {
		c.billed[i].receipt = receipts[c.payments[i].ID]
	}
	return err
}

// intents returns the stored payments as intents for the chargers.
func (c claimed) intents(deadline time.Time) []intent {
	list := make([]intent, len(c.payments))
	for i, b := range c.billed {
		list[i] = intent{
			Attempt: payments.Attempt{
				Payment: &c.payments[i], Subscription: &c.subscriptions[b.subscription], Version: b.version, Deadline: deadline,
				Receipt: b.receipt,
			},
			token: b.token,
		}
	}
	return list
}
