package operators

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Refund stores a refund as an operator requested, and writes the request into the audit
// log. r.By is not read. It calls no payment system: the API sends the refund within
// seconds. Errors:
//
//	billing.ErrInvalid               the amount or the reason is not valid
//	billing.ErrPaymentNotFound       the payment does not exist
//	billing.ErrInvalidTransition     the payment system has not taken the money of the payment
//	billing.ErrRefundExceedsPayment  less is left of the payment than the amount
//	billing.ErrRefundOpen            another refund of the payment is pending
func (p Payments) Refund(ctx context.Context, r billing.RefundRequest) (billing.Refund, error) {
	if err := r.Check(); err != nil {
		return billing.Refund{}, err
	}
	refund, err := ports.InTx(ctx, p.Collector.Store, func(tx ports.Repos) (billing.Refund, error) { return p.refundIn(ctx, tx, r) })
	if err != nil {
		return billing.Refund{}, fmt.Errorf("refund payment %s: %w", r.Payment.ID, err)
	}
	return refund, nil
}

func (p Payments) refundIn(ctx context.Context, tx ports.Repos, r billing.RefundRequest) (billing.Refund, error) {
	r.By = p.By.Name
	refund, err := p.Collector.OpenRefund(ctx, p.By.signed(tx, r.Reason, p.For), r)
	if err != nil {
		return refund, err
	}
	return refund, p.auditRefund(ctx, tx, PaymentRefunded, refund)
}

// SettleRefund settles a refund that waits for a person, as an operator decided, and writes
// the decision into the audit log. It calls no payment system. Errors:
//
//	billing.ErrInvalid            the reason or the status is not valid
//	billing.ErrNotFound           the refund does not exist
//	billing.ErrInvalidTransition  the refund does not wait for a person
func (p Payments) SettleRefund(ctx context.Context, r billing.Refund, as billing.PaymentStatus, reason string) (billing.Refund, error) {
	if err := (Decision{As: as, Reason: reason}).Check(); err != nil {
		return billing.Refund{}, err
	}
	settled, err := ports.InTx(ctx, p.Collector.Store, func(tx ports.Repos) (billing.Refund, error) {
		before, after, err := p.Collector.DecideRefund(ctx, p.By.signed(tx, reason, p.For), r, as)
		if err != nil {
			return after, err
		}
		return after, p.audit(ctx, tx, change{
			RefundSettled, string(after.ID),
			ports.Facts{"status": string(before.Status)},
			ports.Facts{"status": string(after.Status), "reason": strings.TrimSpace(reason)},
		})
	})
	if err != nil {
		return billing.Refund{}, fmt.Errorf("settle refund %s: %w", r.ID, err)
	}
	return settled, nil
}

// RecordRefunds stores refunds that were made in the payment system's own panel, each in a
// transaction of its own, and writes them into the audit log. Refunds that are stored
// already are left out. It returns the refunds that it stored, even with an error.
func (p Payments) RecordRefunds(ctx context.Context, reader ports.RefundReader, system string, entries []ports.RefundEntry) ([]billing.Refund, error) {
	var recorded []billing.Refund
	var failed []error
	for _, e := range entries {
		r, err := p.recordRefund(ctx, reader, system, e)
		switch {
		case errors.Is(err, billing.ErrAlreadyExists):
		case err != nil:
			failed = append(failed, fmt.Errorf("record refund %s: %w", e.Ref, err))
		default:
			recorded = append(recorded, r)
		}
	}
	return recorded, errors.Join(failed...)
}

func (p Payments) recordRefund(ctx context.Context, reader ports.RefundReader, system string, e ports.RefundEntry) (billing.Refund, error) {
	found, err := reader.PaymentsNamed(ctx, system, e)
	if err != nil {
		return billing.Refund{}, err
	}
	if len(found) != 1 {
		return billing.Refund{}, billing.ErrPaymentNotFound.WithMessage("%d payments have its reference %s, want one", len(found), e.PaymentRef)
	}
	return ports.InTx(ctx, p.Collector.Store, func(tx ports.Repos) (billing.Refund, error) {
		r, err := p.Collector.EnterRefund(ctx, tx, found[0], e)
		if err != nil {
			return r, err
		}
		return r, p.auditRefund(ctx, tx, RefundRecorded, r)
	})
}

func (p Payments) auditRefund(ctx context.Context, tx ports.Repos, action string, r billing.Refund) error {
	facts := ports.Facts{"refund": string(r.ID), "amount": r.Amount.String(), "reason": r.Reason}
	if r.EndNow {
		facts["subscription"] = "ends now"
	}
	return p.audit(ctx, tx, change{action: action, object: string(r.PaymentID), after: facts})
}
