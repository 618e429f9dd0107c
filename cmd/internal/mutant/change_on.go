//go:build mutant

package mutant

import (
	"context"
	"errors"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// changeWithoutLock saves a viewer's change in a later transaction, so that it
// overwrites everything stored since the subscription was read.
func changeWithoutLock(b *bug, tx *ports.Repos) {
	tx.Subscriptions = &unlockedSubscriptions{Subscriptions: tx.Subscriptions, store: b.store}
}

type unlockedSubscriptions struct {
	ports.Subscriptions
	store ports.Store
	named bool // a viewer's request has read it in this transaction
}

func (s *unlockedSubscriptions) Named(ctx context.Context, user billing.UserID, ref string) (billing.Subscription, error) {
	s.named = true
	return s.Subscriptions.Named(ctx, user, ref)
}

func (s *unlockedSubscriptions) Save(ctx context.Context, list ...billing.Subscription) error {
	if !s.named {
		return s.Subscriptions.Save(ctx, list...)
	}
	ctx = context.WithoutCancel(ctx)
	go func() {
		time.Sleep(300 * time.Millisecond) // longer than a charge of the scenario
		// The error is lost, as it usually is with such mistakes.
		_ = s.store.InTx(ctx, func(tx ports.Repos) error { return tx.Subscriptions.Save(ctx, list...) })
	}()
	return nil
}

// removalDoesNotWait hides payments that may still charge the removed card or method.
func removalDoesNotWait(_ *bug, tx *ports.Repos) { tx.Methods = neverCharged{tx.Methods} }

type neverCharged struct{ ports.Methods }

func (neverCharged) MayBeCharged(context.Context, billing.UserID, ...billing.PaymentMethodID) (bool, error) {
	return false, nil
}

// cancelDoesNotWait hides renewals that may still be sent.
func cancelDoesNotWait(_ *bug, tx *ports.Repos) { tx.Leases = unsentRenewals{tx.Leases} }

type unsentRenewals struct{ ports.PaymentLeases }

func (unsentRenewals) SendRemaining(context.Context, ports.PaymentKey) (time.Duration, error) {
	return 0, nil
}

// confirmationIgnored hides payments that wait for the viewer's confirmation.
func confirmationIgnored(b *bug, tx *ports.Repos) { tx.Methods = unconfirmed{tx.Methods, b.store} }

type unconfirmed struct {
	ports.Methods
	store ports.Store
}

func (m unconfirmed) MayBeCharged(ctx context.Context, user billing.UserID, ids ...billing.PaymentMethodID) (bool, error) {
	list, err := m.store.Views().Payments(ctx, user, ports.Page{Limit: 100})
	for _, p := range list {
		if !p.Settled() && p.ActionURL != "" {
			return false, err
		}
	}
	may, err2 := m.Methods.MayBeCharged(ctx, user, ids...)
	return may, errors.Join(err, err2)
}
