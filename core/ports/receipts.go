package ports

import (
	"context"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// PurposeContact is the kind of the encrypted contacts for receipts.
const PurposeContact Purpose = "receipt contact"

// ReceiptKey identifies a receipt: see [PaymentKey].
type ReceiptKey struct {
	User billing.UserID
	ID   billing.ReceiptID
}

// Receipts stores the receipts of payments and refunds at payment systems that need them,
// and the viewers' contacts. A transaction adds a receipt after its payment or refund.
type Receipts interface {
	// Facts returns the facts for receipts of new payments, in the order of the queries.
	Facts(ctx context.Context, queries ...ReceiptQuery) ([]ReceiptFacts, error)
	// AddContact stores contacts. Each is the newest one of its user from then on.
	AddContact(ctx context.Context, c ...billing.ReceiptContact) error
	// Add stores pending receipts. Sweeps look them up from a minute later on.
	Add(ctx context.Context, r ...billing.Receipt) error
	// Find returns the receipts that exist, with their contacts, in any order. It locks
	// nothing.
	Find(ctx context.Context, keys ...ReceiptKey) ([]billing.Receipt, error)
	// Save updates the status of a receipt, unless it is settled.
	Save(ctx context.Context, r billing.Receipt) error
	// LeaseForSweep returns the pending receipts of q whose time has come, without their
	// contacts, and moves it by the interval. The age is counted from Add.
	LeaseForSweep(ctx context.Context, q SweepQuery) ([]UnsettledReceipt, error)
}

// ReceiptQuery names the viewer and the plan of a new payment.
type ReceiptQuery struct {
	User billing.UserID
	Plan billing.PlanID
}

// ReceiptFacts are the facts of a [ReceiptQuery].
type ReceiptFacts struct {
	Contact billing.ReceiptContact // the newest one; zero if the viewer has given none
	Plan    string                 // its name today
	VAT     billing.VAT            // of the plan today
}

// UnsettledReceipt is a pending receipt that a sweep has leased.
type UnsettledReceipt struct {
	billing.Receipt
	Age time.Duration // since it was added, on the store's clock
}

// ReceiptViews reads receipts, without their contacts, outside a transaction.
type ReceiptViews interface {
	// Receipts returns the receipts of payments of the user, and of their refunds, oldest
	// first.
	Receipts(ctx context.Context, user billing.UserID, payments ...billing.PaymentID) ([]billing.Receipt, error)
	// SystemsToSweepReceipts returns the codes of the payment systems at which a sweep would
	// lease receipts now, in any order.
	SystemsToSweepReceipts(ctx context.Context) ([]string, error)
}
