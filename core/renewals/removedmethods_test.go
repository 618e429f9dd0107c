package renewals_test

import (
	"context"
	"sync"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// removedMethods is a store that shows payment methods as removed, although the
// store beneath still has them.
type removedMethods struct {
	ports.Store
	at time.Time

	mu      *sync.Mutex
	removed map[billing.PaymentMethodID]bool
}

func (w world) removedMethods() removedMethods {
	return removedMethods{w.Store, w.Clock.Now(), new(sync.Mutex), make(map[billing.PaymentMethodID]bool)}
}

func (s removedMethods) remove(id billing.PaymentMethodID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.removed[id] = true
}

func (s removedMethods) apply(m billing.PaymentMethod) billing.PaymentMethod {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.removed[m.ID] {
		m.RemovedAt = s.at
	}
	return m
}

func (s removedMethods) InTx(ctx context.Context, f func(ports.Repos) error) error {
	return s.Store.InTx(ctx, func(tx ports.Repos) error {
		tx.Due = removedMethodsDue{tx.Due, s}
		tx.Methods = removedMethodsFind{tx.Methods, s}
		return f(tx)
	})
}

func (s removedMethods) Views() ports.Views {
	v := s.Store.Views()
	v.DueViews = removedMethodsViews{v.DueViews, s}
	return v
}

type removedMethodsDue struct {
	ports.DueSubscriptions
	store removedMethods
}

func (r removedMethodsDue) LockDue(ctx context.Context, q ports.DueQuery) ([]ports.Due, error) {
	due, err := r.DueSubscriptions.LockDue(ctx, q)
	for i := range due {
		due[i].Method = r.store.apply(due[i].Method)
	}
	return due, err
}

type removedMethodsFind struct {
	ports.Methods
	store removedMethods
}

func (r removedMethodsFind) Find(ctx context.Context, user billing.UserID, id billing.PaymentMethodID) (billing.PaymentMethod, error) {
	m, err := r.Methods.Find(ctx, user, id)
	return r.store.apply(m), err
}

type removedMethodsViews struct {
	ports.DueViews
	store removedMethods
}

func (v removedMethodsViews) Due(ctx context.Context, q ports.DueQuery, each func(ports.Due) error) error {
	return v.DueViews.Due(ctx, q, func(d ports.Due) error {
		d.Method = v.store.apply(d.Method)
		return each(d)
	})
}
