//go:build mutant

package mutant

import (
	"context"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// changeWithoutLock writes what a viewer changes a moment after it was read, over
// whatever has become of the subscription since.
func changeWithoutLock(b *bug, tx *ports.Repos) {
	tx.Subscriptions = &subscriptionsUnlocked{Subscriptions: tx.Subscriptions, store: b.store}
}

type subscriptionsUnlocked struct {
	ports.Subscriptions
	store ports.Store
	named bool // by a viewer, in this transaction
}

func (s *subscriptionsUnlocked) Named(ctx context.Context, user billing.UserID, ref string) (billing.Subscription, error) {
	s.named = true
	return s.Subscriptions.Named(ctx, user, ref)
}

func (s *subscriptionsUnlocked) Save(ctx context.Context, list ...billing.Subscription) error {
	if !s.named {
		return s.Subscriptions.Save(ctx, list...)
	}
	ctx = context.WithoutCancel(ctx)
	go func() {
		time.Sleep(100 * time.Millisecond)
		// Nobody hears of it when it fails, as is the way of such mistakes.
		_ = s.store.InTx(ctx, func(tx ports.Repos) error { return tx.Subscriptions.Save(ctx, list...) })
	}()
	return nil
}

// removalDoesNotWait finds no payment by the card that may still be sent.
func removalDoesNotWait(_ *bug, tx *ports.Repos) { tx.Cards = cardsSettled{tx.Cards} }

type cardsSettled struct{ ports.Cards }

func (cardsSettled) Sending(context.Context, billing.UserID, billing.CardID) (bool, error) {
	return false, nil
}
