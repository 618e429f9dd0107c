package ports

import (
	"context"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// Cards keeps the viewers' cards.
type Cards interface {
	// Same locks and returns the user's card with this fingerprint.
	// [billing.ErrNotFound] when there is none.
	Same(ctx context.Context, user billing.UserID, f billing.Fingerprint) (billing.Card, error)
	// Find returns a user's card, removed or not, and keeps others from removing
	// it until the transaction ends. [billing.ErrCardNotFound] when there is none.
	Find(ctx context.Context, user billing.UserID, id billing.CardID) (billing.Card, error)
	// Lock is Find for whoever is going to change the card.
	Lock(ctx context.Context, user billing.UserID, id billing.CardID) (billing.Card, error)
	// Add adds a card. [billing.ErrAlreadyExists] when the user has the same.
	Add(ctx context.Context, c billing.Card) error
	// Save writes a card that was locked, all but its number and fingerprint; when
	// it is removed, those are gone.
	Save(ctx context.Context, c billing.Card) error
	// Added returns when the user's newest cards were added, removed ones among
	// them: up to limit, later than since.
	Added(ctx context.Context, user billing.UserID, since time.Time, limit int) ([]time.Time, error)
	// Declined does the same for the payments that the user made with a card and
	// that were declined, or of which nobody knows yet.
	Declined(ctx context.Context, user billing.UserID, since time.Time, limit int) ([]time.Time, error)
	// Sending reports whether a payment by a method of the card may be sent to its
	// payment system still: it is pending, and its time to be sent is not over.
	Sending(ctx context.Context, user billing.UserID, id billing.CardID) (bool, error)
}
