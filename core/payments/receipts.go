package payments

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// errNoReceipt means that a payment system needs a receipt, and that none with a readable
// contact is stored with the payment. Nothing was sent.
var errNoReceipt = errors.New("the payment system needs a receipt, and the viewer has given no contact for it")

// ReceiptTerms returns the terms of the receipts that a payment system needs, and false if it
// needs none.
func (c *Collector) ReceiptTerms(system string) (billing.ReceiptTerms, bool) {
	c.termsOnce.Do(func() {
		for code, p := range c.Providers {
			if t := p.Capabilities().Receipts; t != nil {
				if c.terms == nil {
					c.terms = make(map[string]billing.ReceiptTerms)
				}
				c.terms[code] = *t
			}
		}
	})
	t, needs := c.terms[system]
	return t, needs
}

// NewPayment is a payment that needs a receipt, and its plan.
type NewPayment struct {
	*billing.Payment
	Plan billing.PlanID
}

// AddReceipts stores the receipts of renewals, after the payments themselves. It returns the
// receipts by payment. A payment has none if its viewer has given no contact: then it is not
// sent, and abandoned as [billing.ReceiptContactMissing].
func (c *Collector) AddReceipts(ctx context.Context, tx ports.Repos, list []NewPayment) (map[billing.PaymentID]*billing.Receipt, error) {
	if len(list) == 0 {
		return nil, nil
	}
	queries := make([]ports.ReceiptQuery, len(list))
	for i, p := range list {
		queries[i] = ports.ReceiptQuery{User: p.UserID, Plan: p.Plan}
	}
	facts, err := tx.Receipts.Facts(ctx, queries...)
	if err != nil {
		return nil, err
	}
	receipts := make([]billing.Receipt, 0, len(list))
	byPayment := make(map[billing.PaymentID]*billing.Receipt, len(list))
	for i, p := range list {
		if f := facts[i]; !f.Contact.Contact.IsZero() {
			terms, _ := c.ReceiptTerms(p.PaymentSystem)
			receipts = append(receipts, billing.NewReceipt(*p.Payment, f.Plan, f.VAT, f.Contact, terms))
			byPayment[p.ID] = &receipts[len(receipts)-1]
		}
	}
	return byPayment, tx.Receipts.Add(ctx, receipts...)
}

// mayCharge returns [errNoReceipt] if the payment system needs a receipt that the attempt
// does not have.
func (c *Collector) mayCharge(a *Attempt) error {
	_, needs := c.ReceiptTerms(a.Payment.PaymentSystem)
	if (needs || a.Receipt != nil) && !readable(a.Receipt) {
		return errNoReceipt
	}
	return nil
}

func readable(r *billing.Receipt) bool { return r != nil && !r.Contact.IsZero() }

// receiptOf returns the receipt that is stored under an id, or nil.
func receiptOf(ctx context.Context, tx ports.Repos, user billing.UserID, id billing.ReceiptID) (*billing.Receipt, error) {
	found, err := tx.Receipts.Find(ctx, ports.ReceiptKey{User: user, ID: id})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

// addRefunds stores refunds. A refund that must be sent gets a receipt if its payment has
// one.
func addRefunds(ctx context.Context, tx ports.Repos, refunds ...billing.Refund) error {
	if err := tx.Refunds.Add(ctx, refunds...); err != nil {
		return err
	}
	for _, r := range refunds {
		if r.Settled() {
			continue
		}
		paid, err := receiptOf(ctx, tx, r.UserID, billing.ReceiptID(r.PaymentID))
		if err != nil {
			return err
		}
		if paid == nil {
			continue
		}
		if err := tx.Receipts.Add(ctx, paid.Refund(r)); err != nil {
			return err
		}
	}
	return nil
}

// receiptInterval is the time between two lookups of a receipt. Most are registered within
// minutes.
var receiptInterval = billing.LookupInterval{Min: time.Minute, Max: 6 * time.Hour}

// SweptReceipts lists the receipts that a sweep took, as the sweep left them.
type SweptReceipts []billing.Receipt

// Count returns how many of the receipts are settled and how many are still pending.
func (s SweptReceipts) Count() (settled, pending int) { return count(s, billing.Receipt.Settled) }

// SystemsToSweepReceipts returns the codes of the payment systems that have pending receipts
// to look up, in any order.
func (c *Collector) SystemsToSweepReceipts(ctx context.Context) ([]string, error) {
	systems, err := c.Store.Views().SystemsToSweepReceipts(ctx)
	if err != nil {
		err = fmt.Errorf("sweep receipts: %w", err)
	}
	return systems, err
}

// SweepReceipts looks up at most limit pending receipts of one payment system that no process
// works on, and records their statuses. It changes no payment and no refund: a receipt that
// failed undoes nothing. At most concurrency lookups are in flight.
//
// Any number of sweeps may run concurrently. The receipts are returned even with an error.
func (c *Collector) SweepReceipts(ctx context.Context, system string, limit, concurrency int) (SweptReceipts, error) {
	leased, err := ports.InTx(ctx, c.Store, func(tx ports.Repos) ([]ports.UnsettledReceipt, error) {
		return tx.Receipts.LeaseForSweep(ctx, ports.SweepQuery{System: system, Interval: receiptInterval, Limit: limit})
	})
	if err != nil {
		return nil, fmt.Errorf("sweep receipts of %s: %w", system, err)
	}
	return sweepEach(concurrency, leased, func(u ports.UnsettledReceipt) (billing.Receipt, error) { return c.sweepReceipt(ctx, u) })
}

// sweepReceipt looks a receipt up. A lookup that fails is logged, and repeated later.
func (c *Collector) sweepReceipt(ctx context.Context, u ports.UnsettledReceipt) (billing.Receipt, error) {
	if ctx.Err() != nil {
		return u.Receipt, nil
	}
	find := c.findReceipt
	if u.IsRefund() {
		find = c.findRefundReceipt
	}
	reported, moved, err := find(ctx, u.Receipt)
	if err != nil {
		c.Log.WarnContext(ctx, "lookup of a receipt failed", "receipt_id", u.ID, "payment_system", u.PaymentSystem, "error", err)
		return u.Receipt, nil
	}
	after := u.Settle(reported, moved, u.Age, c.Clock.Now())
	if after.Status == u.Status {
		return after, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.RecordTimeout)
	defer cancel()
	if err := c.Store.InTx(ctx, func(tx ports.Repos) error { return tx.Receipts.Save(ctx, after) }); err != nil {
		return u.Receipt, fmt.Errorf("record receipt %s: %w", u.ID, err)
	}
	if c.WatchReceipt != nil {
		c.WatchReceipt(u.PaymentSystem, after.Status)
	}
	if after.Status == billing.ReceiptFailed {
		c.Log.ErrorContext(ctx, "the payment system could not register a receipt; register it by hand", "receipt_id", u.ID,
			"payment_id", u.PaymentID, "payment_system", u.PaymentSystem, "user_id", u.UserID)
	}
	return after, nil
}

// findReceipt returns the status that the payment system reports for the receipt of a
// payment, and whether it took the money.
func (c *Collector) findReceipt(ctx context.Context, r billing.Receipt) (reported billing.ReceiptStatus, moved bool, err error) {
	p, err := c.Store.Views().Payment(ctx, r.UserID, r.PaymentID)
	if err != nil || !p.Charged() {
		return "", !p.Settled(), err // while the payment is pending, nothing proves that no money moved
	}
	provider, ok := c.Providers[r.PaymentSystem]
	if !ok {
		return "", true, fmt.Errorf("no adapter for payment system %q", r.PaymentSystem)
	}
	ctx, cancel := context.WithTimeout(ctx, c.ChargeTimeout)
	defer cancel()
	a := Attempt{Payment: &p}
	o, err := provider.Find(ctx, a.query(p.CreatedAt, p.SettledAt))
	return o.Receipt, true, err
}

// findRefundReceipt is findReceipt for the receipt of a refund.
func (c *Collector) findRefundReceipt(ctx context.Context, r billing.Receipt) (reported billing.ReceiptStatus, moved bool, err error) {
	refunds, err := c.Store.Views().Refunds(ctx, r.UserID, r.PaymentID)
	if err != nil {
		return "", true, err
	}
	var refund billing.Refund
	for _, f := range refunds {
		if string(f.ID) == string(r.ID) {
			refund = f
		}
	}
	if refund.Status != billing.PaymentSucceeded {
		return "", !refund.Settled(), nil
	}
	refunder, ok := c.Refunders[r.PaymentSystem]
	if !ok {
		return "", true, fmt.Errorf("no adapter that refunds for payment system %q", r.PaymentSystem)
	}
	o, err := c.findRefund(ctx, refunder, ports.UnsettledRefund{Refund: refund})
	return o.Receipt, true, err
}
