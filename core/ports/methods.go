package ports

import (
	"cmp"
	"context"

	"github.com/online-cinema/billing/core/billing"
)

// Methods stores payment methods: the links between users and their tokens at
// payment systems.
type Methods interface {
	// Find returns a user's method, removed or not. Until the transaction ends no other
	// can remove it. It returns [billing.ErrPaymentMethodNotFound] if there is none.
	Find(ctx context.Context, user billing.UserID, id billing.PaymentMethodID) (billing.PaymentMethod, error)
	// Add stores methods. A method either has a token that no other method of the user
	// has, or belongs to a card or a page and has no token yet.
	Add(ctx context.Context, m ...billing.PaymentMethod) error
	// SetToken sets the token of a method that belongs to a card or a page and is not
	// removed. It leaves other methods unchanged.
	SetToken(ctx context.Context, user billing.UserID, id billing.PaymentMethodID, token billing.Secret) error
	// LockForRemoval locks and returns the methods that r names, and the methods with the
	// same tokens. It waits for transactions that use one of them. It also returns the
	// methods that were removed together with one of those. The order is that of the ids.
	LockForRemoval(ctx context.Context, r MethodRemoval) ([]billing.PaymentMethod, error)
	// Remove stores that locked methods are removed, together, and erases their tokens.
	Remove(ctx context.Context, r MethodRemoval, removed ...billing.PaymentMethod) error
	// MayBeCharged reports whether a pending payment by one of the methods may still be
	// sent, or waits for the viewer's confirmation.
	MayBeCharged(ctx context.Context, user billing.UserID, ids ...billing.PaymentMethodID) (bool, error)
}

// MethodOf returns the method of a subscription as [Methods.Find] does, or the zero method
// if the subscription was given.
func MethodOf(ctx context.Context, tx Repos, s billing.Subscription) (billing.PaymentMethod, error) {
	if s.Given() {
		return billing.PaymentMethod{}, nil
	}
	return tx.Methods.Find(ctx, s.UserID, s.MethodID)
}

// MethodRemoval names the payment methods that a user removes: all methods of a card, or
// one method. The other id is empty.
type MethodRemoval struct {
	User   billing.UserID
	Card   billing.CardID
	Method billing.PaymentMethodID
}

// Target returns the id of the card or of the method.
func (r MethodRemoval) Target() string { return cmp.Or(string(r.Card), string(r.Method)) }
