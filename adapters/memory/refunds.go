package memory

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// refund is a refund with its leases.
type refund struct {
	billing.Refund
	lease
	lookUp bool // sweeps take it from sweepAt on
}

type refunds struct{ *tx }

type refundLeases struct{ *tx }

func (r refunds) Add(_ context.Context, list ...billing.Refund) error {
	for _, f := range list {
		if err := r.add(f); err != nil {
			return r.abort(err)
		}
	}
	return nil
}

func (r refunds) add(f billing.Refund) error {
	p, ok := r.payments[f.PaymentID]
	if !ok || p.UserID != f.UserID {
		return fmt.Errorf("add refund %s: the user has no payment %s", f.ID, f.PaymentID)
	}
	if _, taken := r.refunds[f.ID]; taken {
		return billing.ErrAlreadyExists
	}
	if f.Amount.Currency != p.Amount.Currency || p.Refunded+f.Amount.Amount > p.Amount.Amount {
		return billing.ErrRefundExceedsPayment
	}
	for _, other := range r.refunds {
		if other.PaymentID == f.PaymentID && !other.Settled() && !f.Settled() {
			return billing.ErrRefundOpen
		}
	}
	p.Refunded += f.Amount.Amount
	r.putPayment(p)
	now := r.wall()
	r.refunds[f.ID] = refund{Refund: f, lease: lease{sendUntil: now, sweepAt: now}, lookUp: !f.Settled()}
	return nil
}

func (r refunds) Lock(_ context.Context, keys ...ports.RefundKey) ([]billing.Refund, error) {
	seen := make(map[billing.RefundID]bool, len(keys))
	var list []billing.Refund
	for _, k := range keys {
		f, ok := r.refunds[k.ID]
		if ok && f.UserID == k.User && !seen[k.ID] {
			seen[k.ID] = true
			list = append(list, f.Refund)
		}
	}
	return list, nil
}

func (r refunds) Save(_ context.Context, list ...billing.Refund) error {
	for _, f := range list {
		old, ok := r.refunds[f.ID]
		if !ok || old.UserID != f.UserID {
			return r.abort(fmt.Errorf("save refund %s: %w", f.ID, ports.ErrChanged))
		}
		if old.Reserves() && !f.Reserves() {
			p := r.payments[old.PaymentID]
			p.Refunded -= old.Amount.Amount
			r.putPayment(p)
		}
		old.Status, old.DeclineCode, old.ProviderRef = f.Status, f.DeclineCode, f.ProviderRef
		old.ReviewSince, old.SettledAt = f.ReviewSince, f.SettledAt
		old.lookUp = old.lookUp && !f.Settled()
		r.refunds[f.ID] = old
	}
	return nil
}

func (r refunds) OfPayment(_ context.Context, key ports.PaymentKey) ([]billing.Refund, error) {
	return r.refundsOf(key.User, key.ID), nil
}

// refundsOf returns the refunds of payments of a user, oldest first.
func (s *state) refundsOf(user billing.UserID, ids ...billing.PaymentID) []billing.Refund {
	var list []billing.Refund
	for _, f := range s.refunds {
		if f.UserID == user && slices.Contains(ids, f.PaymentID) {
			list = append(list, f.Refund)
		}
	}
	slices.SortFunc(list, func(a, b billing.Refund) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return list
}

func (r refundLeases) LeaseForSweep(_ context.Context, q ports.SweepQuery) ([]ports.UnsettledRefund, error) {
	now := r.wall()
	due := slices.DeleteFunc(r.toRefund(now), func(f refund) bool { return f.PaymentSystem != q.System })
	var leased []ports.UnsettledRefund
	for _, f := range due[:min(q.Limit, len(due))] {
		leased = append(leased, ports.UnsettledRefund{Refund: f.Refund, Times: f.times(now)})
		f.lease = f.swept(now, q.Interval)
		r.refunds[f.ID] = f
	}
	return leased, nil
}

// toRefund returns the refunds that a sweep may take, oldest first.
func (s *state) toRefund(now time.Time) []refund {
	return arrived(s.refunds, now, func(f refund) (time.Time, bool) { return f.sweepAt, f.lookUp })
}

func (r refundLeases) LeaseForSend(_ context.Context, send time.Duration, absent ...ports.RefundAbsence) ([]ports.RefundKey, error) {
	now := r.wall()
	var granted []ports.RefundKey
	for _, a := range absent {
		f, ok := r.refunds[a.ID]
		if !ok || f.UserID != a.User || f.Settled() || !f.mayBeSent(now, a.SendUntil) {
			continue
		}
		f.lease = f.sent(now, send)
		r.refunds[f.ID] = f
		granted = append(granted, a.RefundKey)
	}
	return granted, nil
}

func (r refundLeases) ReleaseUnsent(_ context.Context, key ports.RefundKey, never bool) error {
	f, ok := r.refunds[key.ID]
	if !ok || f.UserID != key.User || f.Settled() {
		return nil
	}
	f.lease = f.unsent(r.wall(), never)
	r.refunds[f.ID] = f
	return nil
}

func (r notices) lookUpRefund(system string, n ports.Notice) (found bool) {
	for _, f := range r.refunds {
		named := f.ID == n.Refund || n.RefundRef != "" && f.ProviderRef == n.RefundRef
		if !named || f.PaymentSystem != system || !f.Reserves() {
			continue
		}
		if now := r.wall(); !f.lookUp || now.Before(f.sweepAt) {
			f.sweepAt, f.lookUp = now, true
			r.refunds[f.ID] = f
		}
		found = true
	}
	return found
}
