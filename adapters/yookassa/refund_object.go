package yookassa

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// refund is a refund at YooKassa, as far as the adapter reads it. Its statuses are those of
// a payment.
type refund struct {
	ID                  string         `json:"id"`
	PaymentID           string         `json:"payment_id"`
	Status              string         `json:"status"`
	Amount              amount         `json:"amount"`
	CreatedAt           time.Time      `json:"created_at"`
	Registration        string         `json:"receipt_registration"`
	Metadata            refundMetadata `json:"metadata"`
	CancellationDetails struct {
		Reason string `json:"reason"`
	} `json:"cancellation_details"`
}

var errOtherRefund = errors.New("the response is about another refund")

// outcome returns the outcome of the refund. An error leaves it unknown.
func (r refund) outcome() (billing.RefundOutcome, error) {
	o := billing.RefundOutcome{ProviderRef: r.ID, Receipt: receiptStatus(r.Registration)}
	if r.ID == "" {
		return billing.RefundOutcome{}, errOtherRefund
	}
	switch r.Status {
	case statusSucceeded:
		o.Status = billing.PaymentSucceeded
	case statusPending:
		o.Status = billing.PaymentPending
	case statusCanceled:
		o.Status, o.DeclineCode = billing.PaymentDeclined, refundDecline(r.CancellationDetails.Reason)
	default:
		return billing.RefundOutcome{}, fmt.Errorf("the refund has the unexpected status %s", word(r.Status))
	}
	return o, nil
}

// repeated returns the outcome of the refund in a response to a request. It returns
// [ports.ErrKeyConflict] for a refund of another amount.
func (r refund) repeated(payment string, request ports.RefundRequest) (billing.RefundOutcome, error) {
	if r.Metadata.RefundID != string(request.Key) || r.PaymentID != payment {
		return billing.RefundOutcome{}, errOtherRefund
	}
	amount, err := r.Amount.money()
	switch {
	case err != nil:
		return billing.RefundOutcome{}, err
	case amount != request.Amount:
		return billing.RefundOutcome{}, ports.ErrKeyConflict
	default:
		return r.outcome()
	}
}

// isOf reports whether the refund has the key of the query or belongs to its payment. A
// refund that a person made in the merchant account has no key.
func (r refund) isOf(q ports.RefundQuery) bool {
	return q.Key != "" && r.Metadata.RefundID == string(q.Key) ||
		q.Payment != "" && r.Metadata.PaymentID == string(q.Payment) ||
		q.PaymentRef != "" && r.PaymentID == q.PaymentRef
}

// rank orders refunds with the same key. The refund that moved money counts most.
func (r refund) rank() int {
	switch r.Status {
	case "":
		return 0
	case statusSucceeded:
		return 3
	case statusCanceled:
		return 1
	default:
		return 2
	}
}

// Refunds implements [ports.Refunder]. Times have milliseconds. YooKassa lists the refunds
// of three years. A refund without our metadata was made in the merchant account or by
// another program, so its payment is read. Refunds of other programs' payments are skipped.
func (y *YooKassa) Refunds(ctx context.Context, from time.Time, each func(ports.RefundEntry) error) error {
	for r, err := range items[refund](ctx, y, "/refunds", filter("created_at.gte", from, "created_at.lt", time.Time{})) {
		if err == nil && !r.CreatedAt.Before(from) {
			err = y.enter(ctx, r, each)
		}
		if err != nil {
			return fmt.Errorf("yookassa: read the refunds: %w", err)
		}
	}
	return nil
}

// enter calls each for the refund if its payment belongs to the service.
func (y *YooKassa) enter(ctx context.Context, r refund, each func(ports.RefundEntry) error) error {
	payment, err := y.paymentOf(ctx, r)
	if err != nil || !billing.IsID(payment) {
		return err
	}
	o, err := r.outcome()
	if err != nil {
		return err
	}
	amount, err := r.Amount.money()
	if err != nil {
		return err
	}
	return each(ports.RefundEntry{
		Key: billing.RefundID(r.Metadata.RefundID), Ref: r.ID, Payment: billing.PaymentID(payment), PaymentRef: r.PaymentID,
		Amount: amount, Status: o.Status, At: r.CreatedAt.UTC(),
	})
}

// paymentOf returns our id of the refund's payment, or another text for the payment of
// another program.
func (y *YooKassa) paymentOf(ctx context.Context, r refund) (string, error) {
	if billing.IsID(r.Metadata.PaymentID) {
		return r.Metadata.PaymentID, nil
	}
	var p payment
	err := y.get(ctx, "/payments/"+url.PathEscape(r.PaymentID), &p)
	return p.Metadata.PaymentID, err
}

// refundDeclines maps the reasons of canceled refunds to decline codes. The list of reasons
// is that of the API's description.
func refundDeclines() map[string]billing.DeclineCode {
	return map[string]billing.DeclineCode{
		"general_decline":          billing.GenericDecline,
		"insufficient_funds":       billing.InsufficientFunds, // of the shop
		"rejected_by_payee":        billing.DoNotHonor,
		"rejected_by_timeout":      billing.ActionExpired,
		"yoo_money_account_closed": billing.NotPermitted,
		// The service takes no electronic certificates.
		"payment_article_number_not_found": billing.UnknownDecline,
		"payment_basket_id_not_found":      billing.UnknownDecline,
		"payment_tru_code_not_found":       billing.UnknownDecline,
		"some_articles_already_refunded":   billing.UnknownDecline,
		"too_many_refunding_articles":      billing.UnknownDecline,
	}
}

// refundDecline returns the decline code of a reason.
func refundDecline(reason string) billing.DeclineCode {
	if code, listed := refundDeclines()[reason]; listed {
		return code
	}
	return billing.UnknownDecline
}
