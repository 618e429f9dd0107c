package memory

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// payment is a payment with its leases, on the wall clock.
type payment struct {
	billing.Payment
	lease
	recheckAt time.Time // when an abandoned payment is looked up again; zero for never
	rechecks  int
}

type payments struct{ *tx }

type paymentLeases struct{ *tx }

func (r payments) Add(_ context.Context, send time.Duration, list ...billing.Payment) error {
	now := r.wall()
	for _, p := range list {
		if err := r.checkNew(p); err != nil {
			return r.abort(err)
		}
		r.putPayment(payment{Payment: p, lease: newLease(now, send)})
	}
	return nil
}

func (r payments) checkNew(p billing.Payment) error {
	if _, taken := r.payments[p.ID]; taken {
		return billing.ErrAlreadyExists
	}
	if p.Settled() {
		return fmt.Errorf("add payment %s: the status is %s, want pending", p.ID, p.Status)
	}
	if s, ok := r.subscriptions[p.SubscriptionID]; !ok || s.UserID != p.UserID {
		return fmt.Errorf("add payment %s: the user has no subscription %s", p.ID, p.SubscriptionID)
	}
	for _, other := range r.payments {
		if other.SubscriptionID == p.SubscriptionID && (!other.Settled() || paidFor(other.Payment, p.Period)) {
			return billing.ErrAlreadyExists
		}
	}
	return nil
}

func paidFor(p billing.Payment, period billing.Period) bool {
	return p.Status == billing.PaymentSucceeded && p.Period.Start.Equal(period.Start)
}

func (r paymentLeases) ReleaseSweep(_ context.Context, keys ...ports.PaymentKey) error {
	now := r.wall()
	for _, k := range keys {
		p, ok := r.payments[k.ID]
		if ok && p.UserID == k.User && !p.Settled() {
			p.sweepAt = now
			r.putPayment(p)
		}
	}
	return nil
}

func (r paymentLeases) LeaseForSweep(_ context.Context, q ports.SweepQuery) ([]ports.Unsettled, error) {
	now := r.wall()
	due := slices.DeleteFunc(r.toSweep(now), func(p payment) bool { return p.PaymentSystem != q.System })
	var leased []ports.Unsettled
	for _, p := range due[:min(q.Limit, len(due))] {
		leased = append(leased, ports.Unsettled{Payment: p.Payment, Times: p.times(now)})
		p.lease = p.swept(now, q.Interval)
		r.putPayment(p)
	}
	return leased, nil
}

type notices struct{ *tx }

func (r notices) LookUpNow(_ context.Context, system string, n ports.Notice) (found bool, err error) {
	if n.Refund != "" || n.RefundRef != "" {
		return r.lookUpRefund(system, n), nil
	}
	if n.Method != "" {
		return false, nil
	}
	for _, p := range r.payments {
		named := p.ID == n.Key || n.ProviderRef != "" && p.ProviderRef == n.ProviderRef
		if !named || p.PaymentSystem != system || p.Settled() && p.Status != billing.PaymentAbandoned {
			continue
		}
		now := r.wall()
		switch {
		case p.Settled():
			p.recheckAt = now
		case now.Before(p.sweepAt):
			p.sweepAt = now
		}
		r.putPayment(p)
		found = true
	}
	return found, nil
}

// toSweep returns the pending payments that a sweep may take, oldest first.
func (s *state) toSweep(now time.Time) []payment {
	return arrived(s.payments, now, func(p payment) (time.Time, bool) { return p.sweepAt, !p.Settled() })
}

func (r payments) Lock(_ context.Context, keys ...ports.PaymentKey) ([]billing.Payment, error) {
	seen := make(map[billing.PaymentID]bool, len(keys))
	var list []billing.Payment
	for _, k := range keys {
		p, ok := r.payments[k.ID]
		if ok && p.UserID == k.User && !seen[k.ID] {
			seen[k.ID] = true
			list = append(list, p.Payment)
		}
	}
	return list, nil
}

func (t *tx) putPayment(p payment) {
	t.payments[p.ID] = p
	t.versions[string(p.ID)] = t.version
}

func (r payments) Save(ctx context.Context, list ...billing.Payment) error {
	return r.SaveIfUnchanged(ctx, locked(list)...)
}

// locked returns records that the transaction has locked.
func locked[T any](list []T) []ports.Versioned[T] {
	versioned := make([]ports.Versioned[T], len(list))
	for i, one := range list {
		versioned[i].Record = one
	}
	return versioned
}

func (r payments) SaveIfUnchanged(_ context.Context, list ...ports.Versioned[billing.Payment]) error {
	for _, v := range list {
		p := v.Record
		old, ok := r.payments[p.ID]
		if !ok || old.UserID != p.UserID {
			return fmt.Errorf("save payment %s: not found", p.ID)
		}
		if v.Version != ports.Locked && v.Version != r.versions[string(p.ID)] {
			return r.abort(ports.ErrChanged)
		}
		if err := r.checkSave(p); err != nil {
			return r.abort(err)
		}
		p.Period = old.Period                                                                                       // see SavePeriod
		p.ReviewSince, p.ChargedLateAt, p.ActionExpiresAt = old.ReviewSince, old.ChargedLateAt, old.ActionExpiresAt // see SaveReview
		p.Refunded = old.Refunded                                                                                   // see refunds
		old.Payment = p
		r.putPayment(old)
	}
	return nil
}

func (r payments) SavePeriod(_ context.Context, list ...billing.Payment) error {
	for _, p := range list {
		old, ok := r.payments[p.ID]
		if !ok || old.UserID != p.UserID {
			return fmt.Errorf("save the period of payment %s: not found", p.ID)
		}
		old.Period = p.Period
		if err := r.checkSave(old.Payment); err != nil {
			return r.abort(err)
		}
		r.putPayment(old)
	}
	return nil
}

func (r payments) SaveReview(_ context.Context, list ...billing.Payment) error {
	for _, p := range list {
		old, ok := r.payments[p.ID]
		if !ok || old.UserID != p.UserID {
			return fmt.Errorf("save the review of payment %s: not found", p.ID)
		}
		old.ReviewSince, old.ChargedLateAt = p.ReviewSince, p.ChargedLateAt
		old.ActionURL, old.ActionExpiresAt = p.ActionURL, p.ActionExpiresAt
		r.putPayment(old)
	}
	return nil
}

func (r payments) checkSave(p billing.Payment) error {
	for _, other := range r.payments {
		if other.ID == p.ID || other.SubscriptionID != p.SubscriptionID {
			continue
		}
		paidTwice := p.Status == billing.PaymentSucceeded && paidFor(other.Payment, p.Period)
		if paidTwice || (!p.Settled() && !other.Settled()) {
			return billing.ErrAlreadyExists
		}
	}
	return nil
}

func (r paymentLeases) ReleaseUnsent(_ context.Context, u ports.Unsent, keys ...ports.PaymentKey) error {
	now := r.wall()
	for _, k := range keys {
		p, ok := r.payments[k.ID]
		if ok && p.UserID == k.User && !p.Settled() {
			p.lease = p.unsent(now, u.Never)
			if !u.Swept {
				p.sweepAt = now
			}
			r.putPayment(p)
		}
	}
	return nil
}

func (r paymentLeases) LeaseForResend(_ context.Context, send time.Duration, absent ...ports.Absence) ([]ports.PaymentKey, error) {
	now := r.wall()
	var granted []ports.PaymentKey
	for _, a := range absent {
		p, ok := r.payments[a.ID]
		if ok && p.UserID == a.User && !p.Settled() && p.mayBeSent(now, a.SendUntil) {
			p.lease = p.sent(now, send)
			r.putPayment(p)
			granted = append(granted, a.PaymentKey)
		}
	}
	return granted, nil
}

func (r paymentLeases) SendRemaining(_ context.Context, key ports.PaymentKey) (time.Duration, error) {
	p, ok := r.payments[key.ID]
	if !ok || p.UserID != key.User || p.Settled() {
		return 0, nil
	}
	return max(0, p.sendUntil.Sub(r.wall())), nil
}

func (r paymentLeases) MaxSendRemaining(context.Context) (longest time.Duration, _ error) {
	now := r.wall()
	for _, p := range r.payments {
		if !p.Settled() && p.Initiator == billing.MerchantInitiated {
			longest = max(longest, p.sendUntil.Sub(now))
		}
	}
	return longest, nil
}
