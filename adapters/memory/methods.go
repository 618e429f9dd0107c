package memory

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

type methods struct{ *tx }

func (r methods) Find(_ context.Context, user billing.UserID, id billing.PaymentMethodID) (billing.PaymentMethod, error) {
	m, ok := r.methods[id]
	if !ok || m.UserID != user {
		return billing.PaymentMethod{}, billing.ErrPaymentMethodNotFound
	}
	return m, nil
}

func (r methods) Add(_ context.Context, list ...billing.PaymentMethod) error {
	for _, m := range list {
		if c, ok := r.cards[m.CardID]; m.CardID != "" && (!ok || c.UserID != m.UserID) {
			return fmt.Errorf("add method %s: the user has no card %s", m.ID, m.CardID)
		}
		if m.CardID == "" && !m.FromPage && r.methodWith(m.UserID, m.PaymentSystem, m.Token) != nil {
			return r.abort(fmt.Errorf("add method %s: the user has one with the same token", m.ID))
		}
		r.methods[m.ID] = m
	}
	return nil
}

func (r methods) SetToken(_ context.Context, user billing.UserID, id billing.PaymentMethodID, token billing.Secret) error {
	m, ok := r.methods[id]
	if ok && m.UserID == user && (m.CardID != "" || m.FromPage) && m.RemovedAt.IsZero() {
		m.Token = token
		r.methods[id] = m
	}
	return nil
}

func (r methods) LockForRemoval(_ context.Context, removal ports.MethodRemoval) ([]billing.PaymentMethod, error) {
	target := removal.Target()
	var named []billing.PaymentMethod
	var removals []string // that have removed one of the named methods
	for _, m := range r.methods {
		if m.UserID != removal.User || string(m.ID) != target && string(m.CardID) != target {
			continue
		}
		named = append(named, m)
		if with, ok := r.removedWith[m.ID]; ok {
			removals = append(removals, with)
		}
	}
	var list []billing.PaymentMethod
	for _, m := range r.methods {
		sameToken := func(n billing.PaymentMethod) bool {
			return n.ID == m.ID || n.PaymentSystem == m.PaymentSystem && !n.Token.IsZero() && n.Token.Equal(m.Token)
		}
		if m.UserID == removal.User && (slices.Contains(removals, r.removedWith[m.ID]) || slices.ContainsFunc(named, sameToken)) {
			list = append(list, m)
		}
	}
	slices.SortFunc(list, func(a, b billing.PaymentMethod) int { return cmp.Compare(a.ID, b.ID) })
	return list, nil
}

func (r methods) Remove(_ context.Context, removal ports.MethodRemoval, removed ...billing.PaymentMethod) error {
	for _, m := range removed {
		stored, ok := r.methods[m.ID]
		if !ok || stored.UserID != removal.User {
			return fmt.Errorf("remove method %s: not found", m.ID)
		}
		stored.RemovedAt, stored.Token = m.RemovedAt, billing.Secret{}
		r.methods[m.ID] = stored
		r.removedWith[m.ID] = removal.Target()
	}
	return nil
}

func (r methods) MayBeCharged(_ context.Context, user billing.UserID, ids ...billing.PaymentMethodID) (bool, error) {
	for _, p := range r.payments {
		byOne := p.UserID == user && slices.Contains(ids, p.MethodID)
		if byOne && !p.Settled() && (r.wall().Before(p.sendUntil) || p.ActionURL != "") {
			return true, nil
		}
	}
	return false, nil
}

func (v views) Methods(_ context.Context, user billing.UserID, p ports.Page) ([]ports.MethodView, error) {
	st := v.state()
	charging := make(map[billing.PaymentMethodID]bool)
	for _, pay := range st.payments {
		if !pay.Settled() {
			charging[pay.MethodID] = true
		}
	}
	var list []ports.MethodView
	for _, m := range st.methods {
		if m.UserID == user && m.RemovedAt.IsZero() {
			view := st.methodView(m)
			view.Charging = charging[m.ID]
			list = append(list, view)
		}
	}
	return page(list, p, func(m ports.MethodView) string { return string(m.ID) }), nil
}
