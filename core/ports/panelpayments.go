package ports

import (
	"context"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// PaymentViews reads the payments of all users in the order of their ids. These begin with
// the time of the wall clock: see [billing.IDTime].
type PaymentViews interface {
	// Payments returns at most limit payments of a span that match the filter, in the
	// direction of the span.
	Payments(ctx context.Context, f PaymentFilter, s PaymentSpan, limit int) ([]PaymentRow, error)
	// Bound returns the id of the payment that is n payments after s.From in the
	// direction of the span, or "" if the span has at most n.
	Bound(ctx context.Context, s PaymentSpan, n int) (billing.PaymentID, error)
	// Totals sums the payments of a descending span that match the filter, by currency
	// and status.
	Totals(ctx context.Context, f PaymentFilter, s PaymentSpan) ([]PaymentTotal, error)
	// Ending returns the ids of a descending span that end with the 8 characters.
	Ending(ctx context.Context, end string, s PaymentSpan) ([]billing.PaymentID, error)
}

// PaymentSpan is a part of the payments, by id. From is exclusive, To is inclusive. A
// descending span reads from a later payment to an earlier one. An empty id means no bound.
type PaymentSpan struct {
	From, To  billing.PaymentID
	Ascending bool
}

// PaymentFilter selects payments. Empty fields select all.
type PaymentFilter struct {
	Since, Until time.Time // of the creation; Since is inclusive, Until is exclusive
	System       string    // code of the payment system
	Status       billing.PaymentStatus
	DeclineCode  billing.DeclineCode
	Plan         string // code
}

// PaymentRow is a payment with the code of its plan today.
type PaymentRow struct {
	billing.Payment
	PlanCode string
}

// PaymentTotal sums the payments of one status in one currency.
type PaymentTotal struct {
	Currency         billing.Currency
	Status           billing.PaymentStatus
	N                int
	Amount, Refunded int64 // minor units; Refunded is the part of Amount that refunds have reserved
}

// FindViews finds users and payments by their names.
type FindViews interface {
	// UsersNamed returns users by name, the last seen first.
	UsersNamed(ctx context.Context, n UserNames, limit int) ([]UserRow, error)
	// UsersByCard returns the users of cards and saved methods, the last seen first.
	UsersByCard(ctx context.Context, q CardQuery, limit int) ([]UserRow, error)
	// PaymentsNamed returns the payments with this id, if it is not empty, or this
	// reference at the payment system. A refund stands for its payment.
	PaymentsNamed(ctx context.Context, id billing.PaymentID, ref string, limit int) ([]PaymentRow, error)
}

// UserNames are names of users. Each selects its users.
type UserNames struct {
	Subject     string
	Display     billing.Secret // or its beginning, in any case; empty selects none
	First, Last billing.UserID // by id, inclusive; empty selects none
}

// CardQuery selects the users of cards with these last four digits. With a span of time,
// only cards count that paid within it, successfully or not.
type CardQuery struct {
	Last4        string
	Since, Until time.Time // zero: no bound
}
