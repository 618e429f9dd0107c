package memory

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

func (r plans) Remove(_ context.Context, id billing.PlanID) error {
	for _, s := range r.subscriptions {
		if s.PlanID == id {
			return r.abort(ports.ErrInUse)
		}
	}
	for _, e := range r.planEndings {
		if e.PlanID == id {
			return r.abort(ports.ErrInUse)
		}
	}
	delete(r.plans, id)
	return nil
}

func (r plans) Subscribers(_ context.Context, id billing.PlanID) (n int, _ error) {
	for _, s := range r.subscriptions {
		if s.PlanID == id && s.Live() && s.Status != billing.StatusIncomplete {
			n++
		}
	}
	return n, nil
}

// Lock takes no lock, because transactions run one at a time.
func (r paymentSystems) Lock(_ context.Context, code string) (billing.PaymentSystem, error) {
	ps, ok := r.systems[code]
	if !ok {
		return billing.PaymentSystem{}, billing.ErrPaymentSystemNotFound
	}
	return ps, nil
}

func (r paymentSystems) Remove(_ context.Context, code string) error {
	for _, m := range r.methods {
		if m.PaymentSystem == code {
			return r.abort(ports.ErrInUse)
		}
	}
	delete(r.systems, code)
	return nil
}

type audit struct{ *tx }

func (r audit) Record(_ context.Context, e ports.AuditEntry) error {
	e.Before, e.After = maps.Clone(e.Before), maps.Clone(e.After)
	r.audit = append(r.audit, e)
	return nil
}

// Audit returns the audit log, oldest first.
func (s *Store) Audit() []ports.AuditEntry { return slices.Clone(s.committed.Load().audit) }

type panelUsers struct{ *tx }

func (r panelUsers) Lock(_ context.Context, name string) (ports.PanelUser, error) {
	u, ok := r.panelUsers[name]
	if !ok {
		return ports.PanelUser{}, billing.ErrNotFound
	}
	return u, nil
}

func (r panelUsers) Add(_ context.Context, u ports.PanelUser) error {
	if _, taken := r.panelUsers[u.Name]; taken {
		return r.abort(billing.ErrAlreadyExists)
	}
	r.panelUsers[u.Name] = u
	return nil
}

func (r panelUsers) Save(_ context.Context, u ports.PanelUser) error {
	if old, ok := r.panelUsers[u.Name]; !ok || old.ID != u.ID {
		return fmt.Errorf("save panel user %s: not found", u.Name)
	}
	r.panelUsers[u.Name] = u
	return nil
}

func (r panelUsers) List(context.Context) ([]ports.PanelUser, error) {
	return slices.SortedFunc(maps.Values(r.panelUsers), func(a, b ports.PanelUser) int { return cmp.Compare(a.Name, b.Name) }), nil
}

type sessions struct{ *tx }

func (r sessions) Add(_ context.Context, s ports.Session) error {
	r.sessions[s.Key] = s
	return nil
}

func (r sessions) Find(_ context.Context, k ports.SessionKey) (ports.Session, ports.PanelUser, error) {
	s, ok := r.sessions[k]
	if !ok {
		return ports.Session{}, ports.PanelUser{}, billing.ErrNotFound
	}
	for _, u := range r.panelUsers {
		if u.ID == s.UserID {
			return s, u, nil
		}
	}
	return ports.Session{}, ports.PanelUser{}, billing.ErrNotFound
}

func (r sessions) Seen(_ context.Context, k ports.SessionKey, at time.Time) error {
	if s, ok := r.sessions[k]; ok {
		s.SeenAt = at
		r.sessions[k] = s
	}
	return nil
}

func (r sessions) Of(_ context.Context, user string) (list []ports.Session, _ error) {
	for _, s := range r.sessions {
		if s.UserID == user {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b ports.Session) int {
		return cmp.Or(b.SeenAt.Compare(a.SeenAt), bytes.Compare(a.Key[:], b.Key[:]))
	})
	return list, nil
}

func (r sessions) End(_ context.Context, keys ...ports.SessionKey) error {
	for _, k := range keys {
		delete(r.sessions, k)
	}
	return nil
}

func (r sessions) Prune(_ context.Context, seen, begun time.Time) error {
	maps.DeleteFunc(r.sessions, func(_ ports.SessionKey, s ports.Session) bool {
		return s.SeenAt.Before(seen) || s.CreatedAt.Before(begun)
	})
	return nil
}
