package ports

import (
	"context"
	"errors"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// Saver is a payment system that can save a payment method without a charge. The viewer
// enters the card on a page of the payment system.
type Saver interface {
	// Save opens the page. It opens at most one for each key: a repeated call returns the
	// present outcome. An outcome with the status active has a token that can be charged
	// without the viewer, and only the payer may be charged by it.
	//
	//	ErrNotSent       this call definitely did not reach it; also a *BusyError
	//	ErrRefused       it rejects the request as invalid
	//	ErrKeyConflict   the key was used for another request
	//	ErrCredentials   it rejects our credentials
	//	any other        unknown
	Save(ctx context.Context, r SaveRequest) (billing.SaveOutcome, error)
	// FindSave returns the outcome of the save that q describes. A payment system that
	// cannot search by our key may send the request again as long as it recognizes the
	// key. That charges nothing, and opens the page if the first request did not arrive.
	//
	//	ErrSaveNotFound  it has no such save; whether that is final depends on its
	//	                 [billing.KeyLimits]
	//	any other        unknown at the moment
	FindSave(ctx context.Context, q SaveQuery) (billing.SaveOutcome, error)
}

// ErrSaveNotFound means that a payment system does not know a save.
var ErrSaveNotFound = errors.New("the payment system has no such saved method")

// SaveRequest contains all data that a payment system receives for a save. All of it is
// stored, so a repeated request is the same to the byte.
type SaveRequest struct {
	Key       billing.PaymentMethodID // idempotency key and reference
	Payer     billing.UserID
	ReturnURL string // to which the viewer returns; empty if the client named none
}

// SaveQuery describes a save to look up.
type SaveQuery struct {
	SaveRequest
	ProviderRef string // empty if the payment system did not report one
	// The request was sent between these times, on the store's clock.
	SentFrom, SentUntil time.Time
}

// SaveOutcomeName returns the name of an outcome or error of a [Saver], for logs, metrics
// and traces. The set of names is small and fixed.
func SaveOutcomeName(o billing.SaveOutcome, err error) string {
	switch {
	case errors.Is(err, ErrSaveNotFound):
		return OutcomeName(billing.Outcome{}, ErrChargeNotFound)
	case err != nil:
		return OutcomeName(billing.Outcome{}, err)
	default:
		return string(o.Status)
	}
}
