package billingtest

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// ErrCrashed is returned by the store and the provider of a crashed process.
var ErrCrashed = errors.New("the process has crashed")

// Crash ends a process after a number of steps. A step is right before or right
// after a commit or a charge. The process must use [Crash.Store] and
// [Crash.Provider].
type Crash struct{ steps atomic.Int64 }

// CrashAfter returns a crash after the given number of steps.
func CrashAfter(steps int) *Crash {
	c := new(Crash)
	c.steps.Store(int64(steps))
	return c
}

func (c *Crash) step() error {
	if c.steps.Add(-1) < 0 {
		return ErrCrashed
	}
	return nil
}

// Happened reports whether the process has crashed.
func (c *Crash) Happened() bool { return c.steps.Load() < 0 }

// Store returns s for the process that crashes.
func (c *Crash) Store(s ports.Store) ports.Store { return crashingStore{s, c} }

// Provider returns p for the process that crashes. It cannot cancel.
func (c *Crash) Provider(p ports.Provider) ports.Provider { return crashingProvider{p, c} }

// Cancelling returns p for the process that crashes. A cancel is a step too.
func (c *Crash) Cancelling(p *FakeProvider) ports.Provider {
	return crashingCanceller{crashingProvider{p, c}, p}
}

type crashingCanceller struct {
	crashingProvider
	canceller ports.Canceller
}

func (p crashingCanceller) Cancel(ctx context.Context, q ports.ChargeQuery) error {
	if err := p.crash.step(); err != nil {
		return err
	}
	err := p.canceller.Cancel(ctx, q)
	if crashed := p.crash.step(); crashed != nil {
		return crashed
	}
	return err
}

// Saver returns s for the process that crashes.
func (c *Crash) Saver(s ports.Saver) ports.Saver { return crashingSaver{s, c} }

// Forgetter returns f for the process that crashes.
func (c *Crash) Forgetter(f ports.Forgetter) ports.Forgetter { return crashingForgetter{f, c} }

type crashingSaver struct {
	ports.Saver
	crash *Crash
}

func (s crashingSaver) Save(ctx context.Context, r ports.SaveRequest) (billing.SaveOutcome, error) {
	if err := s.crash.step(); err != nil {
		return billing.SaveOutcome{}, err
	}
	o, err := s.Saver.Save(ctx, r)
	if crashed := s.crash.step(); crashed != nil {
		return billing.SaveOutcome{}, crashed
	}
	return o, err
}

type crashingForgetter struct {
	ports.Forgetter
	crash *Crash
}

func (f crashingForgetter) Forget(ctx context.Context, token billing.Secret) error {
	if err := f.crash.step(); err != nil {
		return err
	}
	err := f.Forgetter.Forget(ctx, token)
	if crashed := f.crash.step(); crashed != nil {
		return crashed
	}
	return err
}

type crashingStore struct {
	ports.Store
	crash *Crash
}

func (s crashingStore) InTx(ctx context.Context, f func(ports.Repos) error) error {
	if s.crash.Happened() {
		return ErrCrashed
	}
	err := s.Store.InTx(ctx, func(tx ports.Repos) error {
		if err := f(tx); err != nil {
			return err
		}
		return s.crash.step()
	})
	if err != nil {
		return err
	}
	return s.crash.step()
}

func (s crashingStore) Views() ports.Views {
	v := s.Store.Views()
	v.ViewerViews = crashingViews{v.ViewerViews, s.crash}
	return v
}

type crashingViews struct {
	ports.ViewerViews
	crash *Crash
}

func (v crashingViews) Subscription(ctx context.Context, user billing.UserID, ref string) (ports.SubscriptionView, error) {
	if v.crash.Happened() {
		return ports.SubscriptionView{}, ErrCrashed
	}
	return v.ViewerViews.Subscription(ctx, user, ref)
}

type crashingProvider struct {
	ports.Provider
	crash *Crash
}

func (p crashingProvider) Charge(ctx context.Context, r ports.ChargeRequest) (billing.Outcome, error) {
	if err := p.crash.step(); err != nil {
		return billing.Outcome{}, err
	}
	o, err := p.Provider.Charge(ctx, r)
	if crashed := p.crash.step(); crashed != nil {
		return billing.Outcome{}, crashed
	}
	return o, err
}
