package ports

import (
	"context"

	"github.com/online-cinema/billing/core/billing"
)

// Orders takes orders: it finds out what they are decided by.
type Orders interface {
	// Take first claims the orders' keys as [Answers.Claim] does, all or none, and
	// then returns what there is of what each order names, in their order. Until the
	// transaction ends nobody else changes the plans, archived or not, nor what is
	// live, which is locked, and nobody removes a method.
	Take(ctx context.Context, asked ...OrderQuery) ([]OrderFacts, error)
}

// OrderQuery is what an order names.
type OrderQuery struct {
	Request       *Request               // nil when the request has no Idempotency-Key
	Subscription  billing.SubscriptionID // on which the request does its work
	User          billing.UserID
	Plan          string         // its code or id
	PaymentSystem string         // its code
	Token         billing.Secret // zero when it is paid with a card
}

// OrderFacts is what was found of it; nil is what was not.
type OrderFacts struct {
	Plan          *billing.Plan
	PaymentSystem *billing.PaymentSystem // archived or not
	Live          *billing.Subscription  // the user's, to the plan
	Method        *billing.PaymentMethod // the user's, with the token, and not removed
	Version       Version                // that this transaction will have written, when there is a plan
}
