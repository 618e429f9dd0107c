package ports

import (
	"context"

	"github.com/online-cinema/billing/core/billing"
)

// Methods stores payment methods: the links between users and their tokens at
// payment systems.
type Methods interface {
	// Find returns a user's method. It returns [billing.ErrNotFound] if there is none.
	Find(ctx context.Context, user billing.UserID, id billing.PaymentMethodID) (billing.PaymentMethod, error)
	// Add stores methods. A method either has a token that no other method of the user
	// has, or belongs to a card and has no token yet.
	Add(ctx context.Context, m ...billing.PaymentMethod) error
	// SetToken sets the token of a method that belongs to a card and is not removed. It
	// leaves other methods unchanged.
	SetToken(ctx context.Context, user billing.UserID, id billing.PaymentMethodID, token billing.Secret) error
	// RemoveByCard removes the user's methods of the card, and the methods with the
	// same tokens, at the time of the card's removal. It erases their tokens. It waits
	// for transactions that use one of these methods. It returns all methods that were
	// removed with the card, by this call or an earlier one.
	RemoveByCard(ctx context.Context, removed billing.Card) ([]billing.PaymentMethodID, error)
}
