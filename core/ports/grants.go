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
	// Give stores grants together with the dates that they move: the end of the period, the
	// next charge, the start and the end of the grace, and the anchor. The subscriptions must
	// be locked. It returns [billing.ErrAlreadyGiven] as Add does.
	Give(ctx context.Context, given ...Given) error
	// Of returns the grants of a user, the earliest period first.
	Of(ctx context.Context, user billing.UserID) ([]billing.Grant, error)
	// GivenTo returns the users with a grant from the source, among the given ones, in any
	// order.
	GivenTo(ctx context.Context, source string, users ...billing.UserID) ([]billing.UserID, error)
}

// Given is a grant and its subscription after it.
type Given struct {
	Subscription billing.Subscription
	Grant        billing.Grant
}

// GrantQuery selects the live subscriptions of a plan.
type GrantQuery struct {
	Plan   billing.PlanID
	Source string
	Within billing.Period
	After  billing.UserID // only users with a greater id; empty for all
	Limit  int            // at least 1
}

// GrantCandidate is a live subscription, and facts that decide whether its viewer gets a
// grant.
type GrantCandidate struct {
	billing.Subscription
	Given bool // the user has a grant from the source
	// Earlier reports whether a subscription of the user to the plan that has ended gave
	// access within the period: see [billing.Subscription.AccessWithin].
	Earlier bool
}

// GrantViews reads subscriptions for grants to many viewers.
type GrantViews interface {
	// GrantCandidates returns the subscriptions that q selects, sorted by user. A user has at
	// most one.
	GrantCandidates(ctx context.Context, q GrantQuery) ([]GrantCandidate, error)
}
