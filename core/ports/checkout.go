package ports

import (
	"context"

	"github.com/online-cinema/billing/core/billing"
)

// Checkout takes orders: it finds out what they are decided by.
type Checkout interface {
	// Take first claims the orders' keys as [Answers.Claim] does, all or none, and
	// then returns what there is of what each order names, in their order. Until the
	// transaction ends nobody else changes the plans, archived or not, nor what is
	// live, which is locked, and nobody removes a method.
	Take(ctx context.Context, asked ...CheckoutQuery) ([]CheckoutFacts, error)
}

// CheckoutQuery is what an order names.
type CheckoutQuery struct {
	Request       *KeyedRequest          // nil when the request has no Idempotency-Key
	Subscription  billing.SubscriptionID // on which the request does its work
	User          billing.UserID
	Plan          string         // its code or id
	PaymentSystem string         // its code
	Token         billing.Secret // zero when it is paid with a card
}

// CheckoutFacts is what was found of it; nil is what was not.
type CheckoutFacts struct {
	Plan          *billing.Plan
	PaymentSystem *billing.PaymentSystem // archived or not
	Live          *billing.Subscription  // the user's, to the plan
	Method        *billing.PaymentMethod // the user's, with the token, and not removed
	Version       RowVersion             // that this transaction will have written, when there is a plan
}
