package billingtest

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

var ErrDead = errors.New("the process is dead")

// life is how many more steps a process lives.
type Life struct{ Steps atomic.Int64 }

func (l *Life) step() error {
	if l.Steps.Add(-1) < 0 {
		return ErrDead
	}
	return nil
}

func (l *Life) Dead() bool { return l.Steps.Load() < 0 }

// mortalStore dies just before or just after it keeps a transaction.
type MortalStore struct {
	ports.Store
	Life *Life
}

func (s MortalStore) InTx(ctx context.Context, f func(ports.Repos) error) error {
	if s.Life.Dead() {
		return ErrDead
	}
	err := s.Store.InTx(ctx, func(tx ports.Repos) error {
		if err := f(tx); err != nil {
			return err
		}
		return s.Life.step()
	})
	if err != nil {
		return err
	}
	return s.Life.step()
}

func (s MortalStore) Views() ports.Views { return mortalViews{s.Store.Views(), s.Life} }

type mortalViews struct {
	ports.Views
	Life *Life
}

func (v mortalViews) Subscription(ctx context.Context, user billing.UserID, ref string) (ports.SubscriptionView, error) {
	if v.Life.Dead() {
		return ports.SubscriptionView{}, ErrDead
	}
	return v.Views.Subscription(ctx, user, ref)
}

// mortalProvider dies just before or just after the money is taken.
type MortalProvider struct {
	ports.Provider
	Life *Life
}

func (p MortalProvider) Charge(ctx context.Context, r ports.ChargeRequest) (billing.Outcome, error) {
	if err := p.Life.step(); err != nil {
		return billing.Outcome{}, err
	}
	o, err := p.Provider.Charge(ctx, r)
	if dead := p.Life.step(); dead != nil {
		return billing.Outcome{}, dead
	}
	return o, err
}
