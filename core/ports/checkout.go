package ports

import (
	"context"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// Checkout reads the records that decide whether orders are accepted.
type Checkout interface {
	// Take claims the keys of the queries as [IdempotencyKeys.Claim] does, all or
	// none. Then it returns the facts of each query, in the order of the queries.
	// Until the transaction ends, other transactions cannot change the plans or the
	// live subscriptions, and cannot remove the payment methods.
	Take(ctx context.Context, queries ...CheckoutQuery) ([]CheckoutFacts, error)
}

// CheckoutQuery names the records of one order.
type CheckoutQuery struct {
	Request       *KeyedRequest          // nil when the request has no Idempotency-Key
	Subscription  billing.SubscriptionID // the new subscription of the order
	User          billing.UserID
	Plan          string         // its code or id
	PaymentSystem string         // its code
	Token         billing.Secret // empty if a card pays
	DeclinedSince time.Time      // start of the window of [CheckoutFacts.Declined]; zero leaves it false
}

// CheckoutFacts are the records that a [CheckoutQuery] names. A record that does
// not exist is nil.
type CheckoutFacts struct {
	Plan          *billing.Plan          // archived or not
	PaymentSystem *billing.PaymentSystem // archived or not
	Live          []billing.Subscription // the user's live subscriptions to plans of the plan's group, by id
	Method        *billing.PaymentMethod // the user's method with the token, unless removed
	Declined      bool                   // the user made a payment after DeclinedSince that was declined or has no outcome yet
	Version       RowVersion             // of the rows that this transaction writes; set if there is a plan
}
