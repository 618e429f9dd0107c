package payments

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Reconciliation is the result of a comparison of our payments with a payment
// system's ledger: ids of payments, sorted.
type Reconciliation struct {
	Matched      int                 // paid here and there, once, the same amount
	InFlight     int                 // being settled, or settled a moment ago; no difference
	MissingHere  []billing.PaymentID // charged there, not paid here
	MissingThere []billing.PaymentID // paid here, not charged there
	Different    []billing.PaymentID // another amount there, or other terms than those of its subscription
	Double       []billing.PaymentID // charged there more than once
}

// Differs reports whether there is anything that a person should look at.
func (r Reconciliation) Differs() bool {
	return len(r.MissingHere)+len(r.MissingThere)+len(r.Different)+len(r.Double) > 0
}

// settleSpan is how long before we wrote a payment down the payment system may
// have charged it.
const settleSpan = 35 * 24 * time.Hour

// inFlightSpan is how long a sweep may need to settle a payment that was charged,
// and a payment system to show a charge in its ledger. Afterwards time alone
// explains no difference.
const inFlightSpan = 15 * time.Minute

// windowPayments is the number of payments after which the ledger is read up to
// the time of the last one.
const windowPayments = 5000

// Reconciler compares our payments with the ledger of one payment system.
type Reconciler struct {
	Payments ports.PaymentReader
	Ledger   ports.Ledger
	System   string
	Clock    ports.Clock
}

// Compare compares the payments since a time, or all of them when it is zero. It
// reads both sides in windows of time. Memory holds one window, the payments that
// wait for a charge, and the differences, but never a whole side.
func (r Reconciler) Compare(ctx context.Context, since time.Time) (Reconciliation, error) {
	c := newComparison(r, since)
	err := r.Payments.Paid(ctx, r.System, c.first, func(p ports.PaidPayment) error {
		c.list(p)
		if c.listed < windowPayments || !p.CreatedAt.After(c.readTo) {
			return nil
		}
		return c.readLedger(ctx, p.CreatedAt)
	})
	if err == nil {
		err = c.readLedger(ctx, time.Time{})
	}
	if err == nil {
		c.closeUncharged()
		err = c.closeUnmatched(ctx)
	}
	if err != nil {
		return Reconciliation{}, fmt.Errorf("compare our payments with the ledger of %s: %w", r.System, err)
	}
	for _, list := range [][]billing.PaymentID{c.found.MissingHere, c.found.MissingThere, c.found.Different, c.found.Double} {
		slices.Sort(list)
	}
	return c.found, nil
}

// firstID returns the smallest id that a payment of this time can have: ids are
// UUIDs of version 7, which begin with the milliseconds since 1970.
func firstID(at time.Time) billing.PaymentID {
	ms := max(at.UnixMilli(), 0)
	return billing.PaymentID(fmt.Sprintf("%08x-%04x-7000-8000-000000000000", ms>>16, ms&0xffff))
}
