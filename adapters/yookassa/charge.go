package yookassa

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// newPayment is the body of POST /payments. YooKassa refuses a known key with another
// body. So a release that changes this struct breaks the repetition of renewals that the
// release before it has sent.
type newPayment struct {
	Amount             amount        `json:"amount"`
	Capture            bool          `json:"capture"`
	PaymentMethodID    string        `json:"payment_method_id,omitempty"`
	SavePaymentMethod  bool          `json:"save_payment_method,omitempty"`
	Confirmation       *confirmation `json:"confirmation,omitempty"`
	MerchantCustomerID string        `json:"merchant_customer_id,omitempty"`
	Metadata           metadata      `json:"metadata"`
	Receipt            *newReceipt   `json:"receipt,omitempty"`
}

// confirmation requests a page on which the viewer pays or confirms the payment.
type confirmation struct {
	Type      string `json:"type"`
	ReturnURL string `json:"return_url"`
}

// Charge takes money at most once per key. It repeats the same request while YooKassa
// works on it, until ctx ends. See [ports.Provider].
func (y *YooKassa) Charge(ctx context.Context, r ports.ChargeRequest) (billing.Outcome, error) {
	o, err := y.charge(ctx, r)
	if err != nil {
		return billing.Outcome{}, fmt.Errorf("yookassa: charge %q: %w", r.Key, err)
	}
	return o, nil
}

func (y *YooKassa) charge(ctx context.Context, r ports.ChargeRequest) (billing.Outcome, error) {
	if err := r.CheckCard(); err != nil {
		return billing.Outcome{}, err
	}
	body, err := y.body(r)
	if err != nil {
		return billing.Outcome{}, err
	}
	if !r.FirstSent.IsZero() && y.now().Sub(r.FirstSent) >= horizon {
		return billing.Outcome{}, ports.ErrTooLate
	}
	return y.create(ctx, r.Key, body)
}

// body returns the body of the request for r. It returns [ports.ErrRefused] if r must not
// be sent.
func (y *YooKassa) body(r ports.ChargeRequest) ([]byte, error) {
	byCustomer := r.Initiator == billing.CustomerInitiated
	onPage := r.Token.IsZero()
	byMerchant := r.Initiator == billing.MerchantInitiated && !onPage
	if r.Card != nil || !isKey(string(r.Key)) || !byCustomer && !byMerchant {
		return nil, ports.ErrRefused
	}
	amount, err := amountOf(r.Amount)
	if err != nil {
		return nil, err
	}
	receipt, err := y.receiptOf(r.Receipt, amount, y.receipts != nil)
	if err != nil {
		return nil, err
	}
	p := newPayment{
		Receipt: receipt,
		Amount:  amount, Capture: true, PaymentMethodID: r.Token.Reveal(), SavePaymentMethod: onPage,
		MerchantCustomerID: string(r.Payer), Metadata: metadata{PaymentID: string(r.Key)},
	}
	if onPage {
		p.Metadata.Means = byPage
	}
	if byCustomer {
		p.Confirmation = &confirmation{Type: "redirect", ReturnURL: cmp.Or(r.ReturnURL, y.returnURL)}
		if p.Confirmation.ReturnURL == "" {
			return nil, ports.ErrRefused
		}
	}
	return json.Marshal(p)
}

// create creates the payment, or reads it if the key was used before.
func (y *YooKassa) create(ctx context.Context, key billing.PaymentID, body []byte) (billing.Outcome, error) {
	var p payment
	if err := y.post(ctx, "/payments", string(key), body, &p); err != nil {
		return billing.Outcome{}, err
	}
	return p.outcome(key)
}
