package httpapi

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

// outage is a store that is out of reach while it is on.
type outage struct {
	app.Store

	on atomic.Bool
}

func (o *outage) InTx(ctx context.Context, f func(app.Repos) error) error {
	if o.on.Load() {
		return billing.ErrUnavailable
	}
	return o.Store.InTx(ctx, f)
}

// forgetful is a store that cannot keep answers while it is on.
type forgetful struct {
	app.Store

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

func (f *forgetful) InTx(ctx context.Context, do func(app.Repos) error) error {
	return f.Store.InTx(ctx, func(tx app.Repos) error {
		if f.on.Load() {
			tx.Answers = noKeep{tx.Answers}
		}
		return do(tx)
	})
}

type noKeep struct{ app.Answers }

func (noKeep) Keep(context.Context, app.Request, app.Answer) (app.Claim, error) {
	return app.Claim{}, billing.ErrUnavailable
}

// lostCommit is a store that keeps a transaction and loses the answer, once.
type lostCommit struct {
	app.Store

	once atomic.Bool
}

func (l *lostCommit) InTx(ctx context.Context, f func(app.Repos) error) error {
	err := l.Store.InTx(ctx, f)
	if err == nil && l.once.CompareAndSwap(true, false) {
		return billing.ErrUnavailable
	}
	return err
}

// blindfold is a store that cannot show a subscription while it is on.
type blindfold struct {
	app.Store

	on atomic.Bool
}

func (b *blindfold) Views() app.Views { return blindViews{b.Store.Views(), b} }

type blindViews struct {
	app.Views

	blindfold *blindfold
}

func (v blindViews) Subscription(ctx context.Context, user billing.UserID, ref string) (app.SubscriptionView, error) {
	if v.blindfold.on.Load() {
		return app.SubscriptionView{}, billing.ErrUnavailable
	}
	return v.Views.Subscription(ctx, user, ref)
}
