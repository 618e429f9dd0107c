package httpapi

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// outage is a store that is out of reach while it is on.
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

// forgetful is a store that cannot keep answers while it is on.
type forgetful struct {
	ports.Store

	on atomic.Bool
}

func newForgetful(t *testing.T) (*service, *forgetful) {
	t.Helper()
	f := &forgetful{}
	s := newService(t, func(c *Config) {
		f.Store = c.Requests.Store
		c.Requests.Store = f
	})
	return s, f
}

func (f *forgetful) InTx(ctx context.Context, do func(ports.Repos) error) error {
	return f.Store.InTx(ctx, func(tx ports.Repos) error {
		if f.on.Load() {
			tx.IdempotencyKeys = noKeep{tx.IdempotencyKeys}
		}
		return do(tx)
	})
}

type noKeep struct{ ports.IdempotencyKeys }

func (noKeep) Keep(context.Context, ports.KeyedRequest, ports.Response) (ports.KeyRecord, error) {
	return ports.KeyRecord{}, billing.ErrUnavailable
}

// lostCommit is a store that keeps a transaction and loses the answer, once.
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

// blindfold is a store that cannot show a subscription or the plans while it is on.
type blindfold struct {
	ports.Store

	on atomic.Bool
}

func (b *blindfold) Views() ports.Views { return blindViews{b.Store.Views(), b} }

type blindViews struct {
	ports.Views

	blindfold *blindfold
}

func (v blindViews) Subscription(ctx context.Context, user billing.UserID, ref string) (ports.SubscriptionView, error) {
	if v.blindfold.on.Load() {
		return ports.SubscriptionView{}, billing.ErrUnavailable
	}
	return v.Views.Subscription(ctx, user, ref)
}

func (v blindViews) Plans(ctx context.Context) ([]billing.Plan, error) {
	if v.blindfold.on.Load() {
		return nil, billing.ErrUnavailable
	}
	return v.Views.Plans(ctx)
}
