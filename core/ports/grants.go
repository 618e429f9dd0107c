package ports

import (
	"context"

	"github.com/online-cinema/billing/core/billing"
)

// Grants stores the periods that operators gave to viewers.
type Grants interface {
	// Add stores a grant. It returns [billing.ErrAlreadyGiven] if the user has one from the
	// same source.
	Add(ctx context.Context, g billing.Grant) error
	// Of returns the grants of a user, the earliest period first.
	Of(ctx context.Context, user billing.UserID) ([]billing.Grant, error)
}
