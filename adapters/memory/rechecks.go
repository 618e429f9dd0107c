package memory

import (
	"context"
	"slices"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

type rechecks struct{ *tx }

func (r rechecks) Schedule(_ context.Context, after time.Duration, checks int, keys ...ports.PaymentKey) error {
	for _, k := range keys {
		p, ok := r.payments[k.ID]
		if !ok || p.UserID != k.User || p.Status != billing.PaymentAbandoned || p.firstSent.IsZero() {
			continue
		}
		if p.recheckAt, p.rechecks = (time.Time{}), checks; after != 0 {
			p.recheckAt = r.wall().Add(after)
		}
		r.putPayment(p)
	}
	return nil
}

func (r rechecks) LeaseForRecheck(_ context.Context, q ports.SweepQuery) ([]ports.Recheck, error) {
	now := r.wall()
	due := slices.DeleteFunc(r.toRecheck(now), func(p payment) bool { return p.PaymentSystem != q.System })
	var leased []ports.Recheck
	for _, p := range due[:min(q.Limit, len(due))] {
		leased = append(leased, ports.Recheck{
			Payment: p.Payment, Checks: p.rechecks, Times: billing.SendTimes{First: p.firstSent, Until: now, Lookup: now},
		})
		p.recheckAt = now.Add(q.Interval.Max)
		r.putPayment(p)
	}
	return leased, nil
}

// toRecheck returns the abandoned payments whose time has come, the earliest first.
func (s *state) toRecheck(now time.Time) []payment {
	return arrived(s.payments, now, func(p payment) (time.Time, bool) { return p.recheckAt, !p.recheckAt.IsZero() })
}
