package ports

import (
	"context"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// Cards stores the viewers' cards.
type Cards interface {
	// Same locks and returns the user's card with this fingerprint. It returns
	// [billing.ErrNotFound] if there is none.
	Same(ctx context.Context, user billing.UserID, f billing.Fingerprint) (billing.Card, error)
	// Find returns a card of the user, removed or not. Until the transaction ends no
	// other can remove it. It returns [billing.ErrCardNotFound] if there is none.
	Find(ctx context.Context, user billing.UserID, id billing.CardID) (billing.Card, error)
	// Lock is Find for a caller that changes the card.
	Lock(ctx context.Context, user billing.UserID, id billing.CardID) (billing.Card, error)
	// Add stores a card. It returns [billing.ErrAlreadyExists] if the user has the
	// same one.
	Add(ctx context.Context, c billing.Card) error
	// Save updates a locked card except its number and fingerprint. It erases both
	// if the card is removed.
	Save(ctx context.Context, c billing.Card) error
}

// CardLimits counts for the limits against card testing and flooding.
type CardLimits interface {
	// Added returns when the user's newest cards were added, including removed ones:
	// at most limit times, after since.
	Added(ctx context.Context, user billing.UserID, since time.Time, limit int) ([]time.Time, error)
	// Linked returns when the user's newest methods by token were added, including removed
	// ones: at most limit times, after since. It counts those that a subscribe has added.
	Linked(ctx context.Context, user billing.UserID, since time.Time, limit int) ([]time.Time, error)
	// Declined returns when the user's newest own payments were made that were declined
	// or have no outcome yet: at most limit times, after since. Renewals do not count.
	Declined(ctx context.Context, user billing.UserID, since time.Time, limit int) ([]time.Time, error)
}
