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

// save is a save with its leases.
type save struct {
	billing.MethodSave
	lease
}

// saves implements [ports.Saves].
type saves struct{ *tx }

func (r saves) Add(_ context.Context, send time.Duration, s billing.MethodSave) error {
	if m, ok := r.methods[s.MethodID]; !ok || m.UserID != s.UserID {
		return fmt.Errorf("add the save of method %s: the user has no such method", s.MethodID)
	}
	r.saves[s.MethodID] = save{s, newLease(r.wall(), send)}
	return nil
}

func (r saves) Lock(_ context.Context, user billing.UserID, id billing.PaymentMethodID) (billing.MethodSave, error) {
	s, ok := r.saves[id]
	if !ok || s.UserID != user {
		return billing.MethodSave{}, billing.ErrPaymentMethodNotFound
	}
	return s.MethodSave, nil
}

func (r saves) Save(_ context.Context, s billing.MethodSave) error {
	old, ok := r.saves[s.MethodID]
	if !ok || old.UserID != s.UserID {
		return fmt.Errorf("save the save of method %s: not found", s.MethodID)
	}
	old.MethodSave = s
	r.saves[s.MethodID] = old
	return nil
}

func (r saves) Release(_ context.Context, user billing.UserID, id billing.PaymentMethodID) error {
	if s, ok := r.saves[id]; ok && s.UserID == user && !s.Settled() {
		s.sweepAt = r.wall()
		r.saves[id] = s
	}
	return nil
}

func (r saves) LeaseForSweep(_ context.Context, q ports.SweepQuery) ([]ports.UnsettledSave, error) {
	now := r.wall()
	due := slices.DeleteFunc(r.savesToSweep(now), func(s save) bool { return s.PaymentSystem != q.System })
	var leased []ports.UnsettledSave
	for _, s := range due[:min(q.Limit, len(due))] {
		leased = append(leased, ports.UnsettledSave{MethodSave: s.MethodSave, Times: s.times(now)})
		s.lease = s.swept(now, q.Interval)
		r.saves[s.MethodID] = s
	}
	return leased, nil
}

func (r saves) LookUpNow(_ context.Context, system string, n ports.Notice) (found bool, err error) {
	for _, s := range r.saves {
		named := s.MethodID == n.Method || n.ProviderRef != "" && s.ProviderRef == n.ProviderRef
		if !named || s.PaymentSystem != system || s.Settled() {
			continue
		}
		if now := r.wall(); now.Before(s.sweepAt) {
			s.sweepAt = now
			r.saves[s.MethodID] = s
		}
		found = true
	}
	return found, nil
}

// savesToSweep returns the pending saves that a sweep may take, oldest first.
func (s *state) savesToSweep(now time.Time) []save {
	return arrived(s.saves, now, func(one save) (time.Time, bool) { return one.sweepAt, !one.Settled() })
}

func (v views) SystemsToSweepSaves(context.Context) ([]string, error) {
	return systemsOf(v.state().savesToSweep(v.store.wall()), func(s save) string { return s.PaymentSystem }), nil
}

func (v views) SavedMethod(_ context.Context, user billing.UserID, id billing.PaymentMethodID) (ports.MethodView, error) {
	st := v.state()
	if s, ok := st.saves[id]; !ok || s.UserID != user {
		return ports.MethodView{}, billing.ErrPaymentMethodNotFound
	}
	return st.methodView(st.methods[id]), nil
}

// methodView adds the card and the save of a method.
func (s *state) methodView(m billing.PaymentMethod) ports.MethodView {
	card, saved := s.cards[m.CardID], s.saves[m.ID]
	_, isSave := s.saves[m.ID]
	return ports.MethodView{
		PaymentMethod: m, Brand: cmp.Or(card.Brand, saved.Brand), Last4: cmp.Or(card.Last4, saved.Last4),
		Saving: isSave && !saved.Settled(), ActionURL: saved.ActionURL, PageUntil: saved.PageUntil,
	}
}

// tokenRemoval is a token with its lease, on the wall clock.
type tokenRemoval struct {
	ports.TokenRemoval
	removedAt, forgetAt time.Time
}

// tokenRemovals implements [ports.TokenRemovals].
type tokenRemovals struct{ *tx }

func (r tokenRemovals) Add(_ context.Context, list ...billing.PaymentMethod) error {
	now := r.wall()
	for _, m := range list {
		if _, known := r.tokenRemovals[m.ID]; known || m.Token.IsZero() {
			continue
		}
		r.tokenRemovals[m.ID] = tokenRemoval{
			TokenRemoval: ports.TokenRemoval{User: m.UserID, Method: m.ID, PaymentSystem: m.PaymentSystem, Token: m.Token},
			removedAt:    now, forgetAt: now,
		}
	}
	return nil
}

func (r tokenRemovals) Lease(_ context.Context, interval billing.LookupInterval, limit int) ([]ports.TokenRemoval, error) {
	now := r.wall()
	due := arrived(r.tokenRemovals, now, func(t tokenRemoval) (time.Time, bool) { return t.forgetAt, true })
	var leased []ports.TokenRemoval
	for _, t := range due[:min(limit, len(due))] {
		age := now.Sub(t.removedAt)
		t.forgetAt = now.Add(interval.After(age))
		r.tokenRemovals[t.Method] = t
		t.Age = age
		leased = append(leased, t.TokenRemoval)
	}
	return leased, nil
}

func (r tokenRemovals) Done(_ context.Context, user billing.UserID, id billing.PaymentMethodID) error {
	if t, ok := r.tokenRemovals[id]; ok && t.User == user {
		delete(r.tokenRemovals, id)
	}
	return nil
}

func (r tokenRemovals) InUse(_ context.Context, t ports.TokenRemoval) (bool, error) {
	for _, m := range r.methods {
		if m.UserID == t.User && m.PaymentSystem == t.PaymentSystem && m.RemovedAt.IsZero() && !m.Token.IsZero() && m.Token.Equal(t.Token) {
			return true, nil
		}
	}
	return false, nil
}
