package httpapi

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// outage is a store that is unavailable while on is set.
type outage struct {
	ports.Store

	on atomic.Bool
}

func (o *outage) InTx(ctx context.Context, f func(ports.Repos) error) error {
	if o.on.Load() {
		return billing.ErrUnavailable
	}
	return o.Store.InTx(ctx, f)
}

// unstorable is a store that cannot store responses for replay while on is set.
type unstorable struct {
	ports.Store

	on atomic.Bool
}

func newUnstorable(t *testing.T) (*service, *unstorable) {
	t.Helper()
	u := &unstorable{}
	s := newService(t, func(c *Config) {
		u.Store = c.Requests.Store
		c.Requests.Store = u
	})
	return s, u
}

func (u *unstorable) InTx(ctx context.Context, f func(ports.Repos) error) error {
	return u.Store.InTx(ctx, func(tx ports.Repos) error {
		if u.on.Load() {
			tx.IdempotencyKeys = unstorableKeys{tx.IdempotencyKeys}
		}
		return f(tx)
	})
}

type unstorableKeys struct{ ports.IdempotencyKeys }

func (unstorableKeys) Keep(context.Context, ports.KeyedRequest, ports.Response) (ports.KeyRecord, error) {
	return ports.KeyRecord{}, billing.ErrUnavailable
}

// lostCommit is a store that commits a transaction but reports a failure, once.
type lostCommit struct {
	ports.Store

	once atomic.Bool
}

func (l *lostCommit) InTx(ctx context.Context, f func(ports.Repos) error) error {
	err := l.Store.InTx(ctx, f)
	if err == nil && l.once.CompareAndSwap(true, false) {
		return billing.ErrUnavailable
	}
	return err
}

// unreadable is a store whose views of a subscription and of the plans are
// unavailable while on is set.
type unreadable struct {
	ports.Store

	on atomic.Bool
}

func (u *unreadable) Views() ports.Views {
	v := u.Store.Views()
	v.PublicViews, v.ViewerViews = unreadableCatalog{v.PublicViews, u}, unreadableViews{v.ViewerViews, u}
	return v
}

type unreadableCatalog struct {
	ports.PublicViews

	store *unreadable
}

type unreadableViews struct {
	ports.ViewerViews

	store *unreadable
}

func (v unreadableViews) Subscription(ctx context.Context, user billing.UserID, ref string) (ports.SubscriptionView, error) {
	if v.store.on.Load() {
		return ports.SubscriptionView{}, billing.ErrUnavailable
	}
	return v.ViewerViews.Subscription(ctx, user, ref)
}

func (v unreadableCatalog) Plans(ctx context.Context) ([]billing.Plan, error) {
	if v.store.on.Load() {
		return nil, billing.ErrUnavailable
	}
	return v.PublicViews.Plans(ctx)
}
