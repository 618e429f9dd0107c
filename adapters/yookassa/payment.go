package yookassa

import (
	"errors"
	"fmt"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// amount is a decimal amount, such as "399.00".
type amount struct {
	Value    string `json:"value"`
	Currency string `json:"currency"`
}

// metadata is stored with a payment at YooKassa. Means says that the payment was to be
// made on a page, so that a lookup knows whether to report the token.
type metadata struct {
	PaymentID string `json:"payment_id"`
	Means     string `json:"means,omitempty"`
}

// byPage is the means of a payment on a page.
const byPage = "page"

// payment is a payment at YooKassa, as far as the adapter reads it.
type payment struct {
	ID            string    `json:"id"`
	Status        string    `json:"status"`
	Amount        amount    `json:"amount"`
	CapturedAt    time.Time `json:"captured_at"`
	Registration  string    `json:"receipt_registration"`
	Metadata      metadata  `json:"metadata"`
	PaymentMethod struct {
		ID    string `json:"id"`
		Saved bool   `json:"saved"`
	} `json:"payment_method"`
	Confirmation struct {
		URL string `json:"confirmation_url"`
	} `json:"confirmation"`
	CancellationDetails struct {
		Reason string `json:"reason"`
	} `json:"cancellation_details"`
}

// The statuses of a payment. A payment never waits for its capture, because the adapter
// always requests the capture together with the payment.
const (
	statusPending   = "pending"
	statusSucceeded = "succeeded"
	statusCanceled  = "canceled"
)

var errOtherPayment = errors.New("the response is about another payment")

// outcome returns the outcome of the payment with the key, with the status of its receipt. It
// returns an error if the response proves nothing about it.
func (p payment) outcome(key billing.PaymentID) (billing.Outcome, error) {
	o, err := p.outcomeOf(key)
	if err == nil {
		o.Receipt = receiptStatus(p.Registration)
	}
	return o, err
}

func (p payment) outcomeOf(key billing.PaymentID) (billing.Outcome, error) {
	if p.ID == "" || p.Metadata.PaymentID != string(key) {
		return billing.Outcome{}, errOtherPayment
	}
	switch p.Status {
	case statusSucceeded:
		return p.success()
	case statusPending:
		return billing.Outcome{Status: billing.PaymentPending, ProviderRef: p.ID, ActionURL: p.Confirmation.URL}, nil
	case statusCanceled:
		code, advice := decline(p.CancellationDetails.Reason)
		return billing.Outcome{Status: billing.PaymentDeclined, ProviderRef: p.ID, DeclineCode: code, Advice: advice}, nil
	default:
		return billing.Outcome{}, fmt.Errorf("the payment has the unexpected status %s", word(p.Status))
	}
}

// success returns the outcome of a successful payment. It has the token if the payment
// was made on a page and YooKassa saved its method.
func (p payment) success() (billing.Outcome, error) {
	taken, err := p.Amount.money()
	if err != nil {
		return billing.Outcome{}, err
	}
	o := billing.Outcome{Status: billing.PaymentSucceeded, Amount: taken, ProviderRef: p.ID}
	if p.Metadata.Means == byPage && p.PaymentMethod.Saved {
		o.Token = billing.NewSecret(p.PaymentMethod.ID)
	}
	return o, nil
}
