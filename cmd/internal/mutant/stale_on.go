//go:build mutant

package mutant

import (
	"context"
	"sync"
	"time"

	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

// staleSubscriptionSaved settles what a run has claimed as it was then, and
// writes that over whatever the viewer has changed since.
func staleSubscriptionSaved(_ *bug, tx *app.Repos) {
	tx.Subscriptions = &subscriptionsRemembered{Subscriptions: tx.Subscriptions}
}

type subscriptionsRemembered struct {
	app.Subscriptions
	claims bool // this transaction claims
}

// claimed is what each subscription was when this process claimed it.
var claimed sync.Map

func (s *subscriptionsRemembered) LockDue(ctx context.Context, q app.DueQuery) ([]app.Due, error) {
	s.claims = true
	return s.Subscriptions.LockDue(ctx, q)
}

func (s *subscriptionsRemembered) Save(ctx context.Context, list ...billing.Subscription) error {
	for _, one := range list {
		if s.claims {
			claimed.Store(one.ID, one)
		}
	}
	return s.Subscriptions.Save(ctx, list...)
}

func (s *subscriptionsRemembered) Lock(ctx context.Context, keys ...app.SubscriptionKey) ([]billing.Subscription, error) {
	list, err := s.Subscriptions.Lock(ctx, keys...)
	for i := range list {
		if was, ok := claimed.LoadAndDelete(list[i].ID); ok {
			list[i] = was.(billing.Subscription)
		}
	}
	return list, err
}

// changeWithoutLock reads the subscription that a viewer changes as anybody may,
// and takes its time.
func changeWithoutLock(b *bug, tx *app.Repos) {
	tx.Subscriptions = subscriptionsUnlocked{tx.Subscriptions, b.store}
}

type subscriptionsUnlocked struct {
	app.Subscriptions
	store app.Store
}

func (s subscriptionsUnlocked) Named(ctx context.Context, user billing.UserID, ref string) (found billing.Subscription, err error) {
	err = s.store.InTx(ctx, func(tx app.Repos) (err error) {
		found, err = tx.Subscriptions.Named(ctx, user, ref)
		return err
	})
	time.Sleep(200 * time.Millisecond)
	return found, err
}

// removalDoesNotWait finds no payment by the card that may still be sent.
func removalDoesNotWait(_ *bug, tx *app.Repos) { tx.Cards = cardsSettled{tx.Cards} }

type cardsSettled struct{ app.Cardfile }

func (cardsSettled) Sending(context.Context, billing.UserID, billing.CardID) (bool, error) {
	return false, nil
}
