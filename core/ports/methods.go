package ports

import (
	"context"

	"github.com/online-cinema/billing/core/billing"
)

// Methods keeps the links between users and their tokens at payment systems.
type Methods interface {
	// Find returns a user's method. [billing.ErrNotFound] when there is none.
	Find(ctx context.Context, user billing.UserID, id billing.PaymentMethodID) (billing.PaymentMethod, error)
	// Add adds methods: with a token that the user has no method with, or made from
	// a card and without a token yet.
	Add(ctx context.Context, m ...billing.PaymentMethod) error
	// SetToken gives a method that was made from a card, and is not removed, this
	// token. What is anything else stays as it is.
	SetToken(ctx context.Context, user billing.UserID, id billing.PaymentMethodID, token billing.Secret) error
	// RemoveByCard removes every method of the user that was made from the card, or
	// that has the token of one that was, as of the card's removal; their tokens
	// are gone. It waits for transactions that use one of them.
	RemoveByCard(ctx context.Context, removed billing.Card) error
}
