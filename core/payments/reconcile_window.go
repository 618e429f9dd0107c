package payments

import (
	"context"
	"fmt"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// comparison is a running comparison. It forgets a payment as soon as both sides
// agree about it.
type comparison struct {
	Reconciler
	since, now time.Time
	found      Reconciliation

	first, last billing.PaymentID // the ids listed so far are in this range
	listed      int               // payments listed since the ledger was read
	readTo      time.Time         // the ledger was read up to this time

	open      map[billing.PaymentID]openPayment // listed, without a charge so far
	unmatched map[billing.PaymentID]charges     // charged, without a settled payment so far
	charged   []billing.PaymentID               // the open payments with charges
}

// openPayment is the part of a payment that a comparison needs.
type openPayment struct {
	amount    billing.Money
	differs   bool // from the terms of its subscription
	pending   bool
	settledAt time.Time
	charges   charges
}

// charges are the ledger's entries with one key.
type charges struct {
	times   int
	amount  billing.Money // of the last one
	at      time.Time     // of the last one
	pending bool          // the payment was listed as pending
}

func (c charges) with(e ports.LedgerEntry) charges {
	return charges{c.times + 1, e.Amount, e.At, c.pending}
}

func newComparison(r Reconciler, since time.Time) *comparison {
	c := &comparison{
		Reconciler: r, since: since, now: r.Clock.Now(),
		open: make(map[billing.PaymentID]openPayment), unmatched: make(map[billing.PaymentID]charges),
	}
	if !since.IsZero() {
		c.readTo = since.Add(-settleSpan)
	}
	c.first = firstID(c.readTo)
	return c
}

// list adds a pending or succeeded payment. Its charge may be known already, because
// the clocks of the two sides differ.
func (c *comparison) list(p ports.PaidPayment) {
	o := openPayment{
		amount: p.Amount, differs: differs(p), pending: !p.Settled(), settledAt: p.SettledAt, charges: c.unmatched[p.ID],
	}
	if o.charges.times > 0 {
		delete(c.unmatched, p.ID)
		c.charged = append(c.charged, p.ID)
	}
	c.open[p.ID] = o
	c.last = p.ID
	c.listed++
}

// differs reports whether a payment is not what the viewer agreed to.
func differs(p ports.PaidPayment) bool { return p.Agreed.Difference(p.Payment) != "" }

// readLedger compares the charges of the next window, which ends at a time. The
// zero time means the end of the ledger.
func (c *comparison) readLedger(ctx context.Context, to time.Time) error {
	if err := c.Ledger.Charges(ctx, c.readTo, to, c.charge); err != nil {
		return fmt.Errorf("read the ledger: %w", err)
	}
	for _, id := range c.charged {
		o := c.open[id]
		delete(c.open, id)
		if o.pending {
			o.charges.pending = true
			c.unmatched[id] = o.charges
			continue
		}
		c.judge(id, o)
	}
	c.charged, c.listed, c.readTo = c.charged[:0], 0, to
	return nil
}

func (c *comparison) charge(e ports.LedgerEntry) error {
	o, listed := c.open[e.Key]
	if !listed {
		c.unmatched[e.Key] = c.unmatched[e.Key].with(e)
		return nil
	}
	if o.charges.times == 0 {
		c.charged = append(c.charged, e.Key)
	}
	o.charges = o.charges.with(e)
	c.open[e.Key] = o
	return nil
}

// judge compares a succeeded payment with its charges.
func (c *comparison) judge(id billing.PaymentID, o openPayment) {
	if o.charges.times > 1 {
		c.found.Double = append(c.found.Double, id)
	}
	switch {
	case o.settledAt.Before(c.since):
	case o.differs || o.charges.amount != o.amount:
		c.found.Different = append(c.found.Different, id)
	case o.charges.times == 1:
		c.found.Matched++
	}
}

// recent reports whether at is so close to the start of the comparison that time
// alone may explain a difference. A time far in the future comes from a test clock.
func (c *comparison) recent(at time.Time) bool { return isRecent(at, c.now) }

func isRecent(at, now time.Time) bool { return at.Sub(now).Abs() < inFlightSpan }
