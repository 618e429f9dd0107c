package payments

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// refundLookupInterval is the time between two lookups of a refund that stays pending. A
// bank may need days.
var refundLookupInterval = billing.LookupInterval{Min: SweepLease, Max: time.Hour}

// SweptRefunds lists the refunds that a sweep took, as the sweep left them.
type SweptRefunds []billing.Refund

// Count returns how many of the refunds are settled and how many are still pending.
func (s SweptRefunds) Count() (settled, pending int) { return count(s, billing.Refund.Settled) }

// SystemsToRefund returns the codes of the payment systems that have refunds to send or to
// look up, in any order.
func (c *Collector) SystemsToRefund(ctx context.Context) ([]string, error) {
	systems, err := c.Store.Views().SystemsToRefund(ctx)
	if err != nil {
		err = fmt.Errorf("sweep refunds: %w", err)
	}
	return systems, err
}

// SweepRefunds sends and looks up at most limit refunds of one payment system, and records
// their outcomes. A refund that was sent before is looked up before it is sent again with
// the same key. A refund that the payment system may have forgotten waits for a person. At
// most concurrency calls are in flight. It returns the refunds that it took, as they are
// stored afterwards, even with an error.
//
// Any number of sweeps may run concurrently.
func (c *Collector) SweepRefunds(ctx context.Context, system string, limit, concurrency int) (SweptRefunds, error) {
	leased, err := ports.InTx(ctx, c.Store, func(tx ports.Repos) ([]ports.UnsettledRefund, error) {
		return tx.RefundLeases.LeaseForSweep(ctx, ports.SweepQuery{System: system, Interval: refundLookupInterval, Limit: limit})
	})
	if err != nil {
		return nil, fmt.Errorf("sweep refunds of %s: %w", system, err)
	}
	return sweepEach(concurrency, leased, func(u ports.UnsettledRefund) (billing.Refund, error) { return c.sweepRefund(ctx, u) })
}

// sweepRefund sends a refund or looks it up.
func (c *Collector) sweepRefund(ctx context.Context, u ports.UnsettledRefund) (billing.Refund, error) {
	refunder, ok := c.Refunders[u.PaymentSystem]
	switch {
	case !ok:
		c.Log.ErrorContext(ctx, "a refund is pending at a payment system without an adapter that refunds",
			"refund_id", u.ID, "payment_system", u.PaymentSystem)
		return u.Refund, nil
	case ctx.Err() != nil:
		return u.Refund, nil
	case u.Times.First.IsZero() && !u.Settled():
		return c.sendRefund(ctx, refunder, u)
	}
	o, err := c.findRefund(ctx, refunder, u)
	limits := c.Providers[u.PaymentSystem].Capabilities()
	switch {
	case err == nil:
		return c.recordRefund(ctx, u.Refund, o)
	case !errors.Is(err, ports.ErrRefundNotFound):
		c.Log.WarnContext(ctx, "lookup of a refund failed", "refund_id", u.ID, "payment_system", u.PaymentSystem, "error", err)
		return u.Refund, nil
	case u.Settled():
		return c.recordRefund(ctx, u.Refund, billing.RefundOutcome{})
	case !limits.AbsenceFinal(u.Times):
		return u.Refund, nil
	case limits.Forgotten(u.Times) || u.NeedsReview():
		return c.reviewRefund(ctx, u.Refund)
	default:
		return c.sendRefund(ctx, refunder, u)
	}
}

func (c *Collector) findRefund(ctx context.Context, refunder ports.Refunder, u ports.UnsettledRefund) (billing.RefundOutcome, error) {
	ref, err := c.paymentRef(ctx, u.Refund)
	if err != nil {
		return billing.RefundOutcome{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.ChargeTimeout)
	defer cancel()
	return refunder.FindRefund(ctx, ports.RefundQuery{Key: u.ID, ProviderRef: u.ProviderRef, Payment: u.PaymentID, PaymentRef: ref})
}

func (c *Collector) paymentRef(ctx context.Context, r billing.Refund) (string, error) {
	p, err := c.Store.Views().Payment(ctx, r.UserID, r.PaymentID)
	if err != nil {
		return "", fmt.Errorf("read the payment of refund %s: %w", r.ID, err)
	}
	return p.ProviderRef, nil
}

// sendRefund takes the right to send a refund, sends it and records the outcome. The end of
// ctx does not interrupt the call, because money may be moving.
func (c *Collector) sendRefund(ctx context.Context, refunder ports.Refunder, u ports.UnsettledRefund) (billing.Refund, error) {
	deadline := c.SendDeadline()
	granted, err := ports.InTx(ctx, c.Store, func(tx ports.Repos) (refundGrant, error) { return c.grantRefund(ctx, tx, u) })
	if err != nil {
		return u.Refund, fmt.Errorf("send refund %s: %w", u.ID, err)
	}
	c.report(ctx, granted.events)
	if !granted.may {
		return u.Refund, nil
	}
	request := ports.RefundRequest{
		Key: u.ID, Payment: u.PaymentID, PaymentRef: granted.ref, Amount: u.Amount, FirstSent: u.Times.First, Receipt: granted.receipt,
	}
	o, err := c.callRefunder(ctx, refunder, request, deadline)
	if err == nil {
		return c.recordRefund(ctx, u.Refund, o)
	}
	c.Log.WarnContext(ctx, "refund failed", "refund_id", u.ID, "payment_system", u.PaymentSystem, "error", err)
	switch {
	case errors.Is(err, ports.ErrRefused):
		return c.recordRefund(ctx, u.Refund, billing.RefundOutcome{Status: billing.PaymentAbandoned, DeclineCode: billing.Refused})
	case errors.Is(err, ports.ErrTooLate):
		return c.reviewRefund(ctx, u.Refund)
	case (errors.Is(err, ports.ErrNotSent) || errors.Is(err, ports.ErrCredentials)) && time.Now().Before(deadline):
		return u.Refund, c.releaseRefund(ctx, u)
	default:
		return u.Refund, nil // unknown: the next sweep looks it up
	}
}

func (c *Collector) callRefunder(ctx context.Context, refunder ports.Refunder, r ports.RefundRequest, deadline time.Time) (billing.RefundOutcome, error) {
	ctx, cancel, err := sendContext(context.WithoutCancel(ctx), c.ChargeTimeout, deadline)
	if err != nil {
		return billing.RefundOutcome{}, err
	}
	defer cancel()
	if r.Receipt != nil && !readable(r.Receipt) {
		return billing.RefundOutcome{}, fmt.Errorf("the contact of the receipt cannot be decrypted: %w", ports.ErrNotSent)
	}
	return refunder.Refund(ctx, r)
}

// releaseRefund ends the send lease of a refund that this process did not send.
func (c *Collector) releaseRefund(ctx context.Context, u ports.UnsettledRefund) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.RecordTimeout)
	defer cancel()
	return c.Store.InTx(ctx, func(tx ports.Repos) error {
		return tx.RefundLeases.ReleaseUnsent(ctx, ports.KeyOfRefund(&u.Refund), u.Times.First.IsZero())
	})
}

// refundGrant is the right to send a refund.
type refundGrant struct {
	may     bool
	ref     string // the payment system's id of the payment
	receipt *billing.Receipt
	events  []billing.Event // that happened before
}

// grantRefund takes the right to send a refund, under lock, because another sweep may have
// been faster. Before the first sending it ends the subscription, if the refund says so.
func (c *Collector) grantRefund(ctx context.Context, tx ports.Repos, u ports.UnsettledRefund) (g refundGrant, err error) {
	l, err := lockRefund(ctx, tx, u.Refund)
	if err != nil {
		return g, err
	}
	before := l.subscription
	w := refundWrites{before: before, after: before}
	if l.refund.Settled() || l.refund.NeedsReview() {
		return g, nil
	}
	if u.Times.First.IsZero() {
		latest := l.payments[before.LatestPaymentID]
		s, extra, events, wait := before.SendRefund(l.refund, latest, c.Clock.Now())
		if wait {
			return g, nil
		}
		if extra != nil {
			others, err := tx.Refunds.OfPayment(ctx, ports.KeyOf(&latest))
			if err != nil || anyPending(others) { // it must be settled before the rest can be refunded
				return g, err
			}
			w.added = []billing.Refund{*extra}
		}
		w.after, w.events = s, events
	}
	granted, err := tx.RefundLeases.LeaseForSend(ctx, c.SendWindow(), ports.RefundAbsence{RefundKey: ports.KeyOfRefund(&u.Refund), SendUntil: u.Times.Until})
	if err != nil || len(granted) == 0 {
		return g, err
	}
	if err := c.writeRefunds(ctx, tx, w); err != nil {
		return g, err
	}
	receipt, err := receiptOf(ctx, tx, u.UserID, billing.ReceiptID(u.ID))
	return refundGrant{may: true, ref: l.payments[u.PaymentID].ProviderRef, receipt: receipt, events: w.events}, err
}
