package payments

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// RefundReconciliation is the result of a comparison of our refunds with those of a payment
// system. Its lists are sorted.
type RefundReconciliation struct {
	Matched      int
	InFlight     int                 // pending, or made a moment ago; no difference
	MissingHere  []ports.RefundEntry // made there, such as in the payment system's own panel; by reference
	MissingThere []billing.RefundID  // succeeded here, not made there
	Different    []billing.RefundID  // another amount or another status there
}

// Differs reports whether there is anything that a person should look at.
func (r RefundReconciliation) Differs() bool {
	return len(r.MissingHere)+len(r.MissingThere)+len(r.Different) > 0
}

// RefundReconciler compares our refunds with those of one payment system.
type RefundReconciler struct {
	Ours   ports.RefundReader
	Theirs ports.Refunder
	System string
	Clock  ports.Clock
}

// Compare compares the refunds since a time, or all of them when it is zero. Memory holds
// the ids of the refunds that both sides have, and the differences.
func (r RefundReconciler) Compare(ctx context.Context, since time.Time) (RefundReconciliation, error) {
	c := refundComparison{RefundReconciler: r, since: since, now: r.Clock.Now(), there: make(map[billing.RefundID]struct{})}
	from := since
	if !since.IsZero() {
		from = since.Add(-settleSpan)
	}
	err := r.Theirs.Refunds(ctx, from, func(e ports.RefundEntry) error {
		if c.batch = append(c.batch, e); len(c.batch) < lookupSize {
			return nil
		}
		return c.judgeBatch(ctx)
	})
	if err == nil {
		err = c.judgeBatch(ctx)
	}
	if err == nil {
		err = r.Ours.Refunded(ctx, r.System, since, c.judgeOurs)
	}
	if err != nil {
		return RefundReconciliation{}, fmt.Errorf("compare our refunds with those of %s: %w", r.System, err)
	}
	slices.SortFunc(c.found.MissingHere, func(a, b ports.RefundEntry) int { return cmp.Compare(a.Ref, b.Ref) })
	slices.Sort(c.found.MissingThere)
	slices.Sort(c.found.Different)
	return c.found, nil
}

// refundComparison is a running comparison.
type refundComparison struct {
	RefundReconciler
	since, now time.Time
	batch      []ports.RefundEntry
	there      map[billing.RefundID]struct{} // ours that the payment system has
	found      RefundReconciliation
}

// judgeBatch judges the refunds of the payment system that were read last.
func (c *refundComparison) judgeBatch(ctx context.Context) error {
	ours, err := c.Ours.RefundsNamed(ctx, c.System, c.batch...)
	if err != nil {
		return fmt.Errorf("read our refunds: %w", err)
	}
	byKey, byRef := make(map[billing.RefundID]billing.Refund, len(ours)), make(map[string]billing.Refund, len(ours))
	for _, r := range ours {
		byKey[r.ID], byRef[r.ProviderRef] = r, r
	}
	for _, e := range c.batch {
		r, ok := byKey[e.Key]
		if !ok {
			r, ok = byRef[billing.CleanReference(e.Ref)]
		}
		if !ok {
			c.judgeForeign(e)
			continue
		}
		c.there[r.ID] = struct{}{}
		c.judge(r, e)
	}
	c.batch = c.batch[:0]
	return nil
}

// judgeForeign judges a refund that we do not have.
func (c *refundComparison) judgeForeign(e ports.RefundEntry) {
	switch {
	case e.Status != billing.PaymentSucceeded && e.Status != billing.PaymentPending, e.At.Before(c.since):
	case e.Status == billing.PaymentPending, c.recent(e.At):
		c.found.InFlight++
	default:
		c.found.MissingHere = append(c.found.MissingHere, e)
	}
}

// judge compares a refund that both sides have.
func (c *refundComparison) judge(r billing.Refund, e ports.RefundEntry) {
	switch {
	case r.CreatedAt.Before(c.since):
	case r.Amount != e.Amount, r.NeedsReview():
		c.found.Different = append(c.found.Different, r.ID)
	case r.Status == billing.PaymentPending || e.Status == billing.PaymentPending:
		c.found.InFlight++
	case r.Reserves() == (e.Status == billing.PaymentSucceeded):
		if r.Reserves() {
			c.found.Matched++
		}
	case c.recent(r.SettledAt):
		c.found.InFlight++
	default:
		c.found.Different = append(c.found.Different, r.ID)
	}
}

// judgeOurs judges a refund of ours that the payment system may not have.
func (c *refundComparison) judgeOurs(r billing.Refund) error {
	_, there := c.there[r.ID]
	switch {
	case there:
	case r.NeedsReview():
		c.found.Different = append(c.found.Different, r.ID)
	case !r.Settled() || c.recent(r.SettledAt):
		c.found.InFlight++
	default:
		c.found.MissingThere = append(c.found.MissingThere, r.ID)
	}
	return nil
}

func (c *refundComparison) recent(at time.Time) bool { return isRecent(at, c.now) }
