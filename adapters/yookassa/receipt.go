package yookassa

import (
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// newReceipt is the receipt in the body of a payment or a refund: one line for the whole
// amount. See https://yookassa.ru/developers/payment-acceptance/receipts/54fz/parameters-values.
type newReceipt struct {
	Customer  customer  `json:"customer"`
	Items     []newItem `json:"items"`
	TaxSystem int       `json:"tax_system_code,omitempty"`
}

// customer has one of the two.
type customer struct {
	Email string `json:"email,omitempty"`
	Phone string `json:"phone,omitempty"`
}

// newItem is a line. The measure is necessary for format 1.2 of fiscal data.
type newItem struct {
	Description    string `json:"description"`
	Amount         amount `json:"amount"`
	VATCode        int    `json:"vat_code"`
	Quantity       int    `json:"quantity"`
	Measure        string `json:"measure"`
	PaymentSubject string `json:"payment_subject"`
	PaymentMode    string `json:"payment_mode"`
}

// receiptOf returns the receipt for the body of a request, or nil. It returns
// [ports.ErrRefused] if the receipt cannot be sent, or if the shop needs one and there is
// none.
func (y *YooKassa) receiptOf(r *billing.Receipt, total amount, needed bool) (*newReceipt, error) {
	if r == nil {
		if needed {
			return nil, ports.ErrRefused
		}
		return nil, nil
	}
	code, known := vatCodes()[r.VAT]
	if !known || r.Contact.IsZero() || r.Terms.Mode != billing.FullPayment && r.Terms.Mode != billing.FullPrepayment {
		return nil, ports.ErrRefused
	}
	to := customer{Phone: r.Contact.Reveal()}
	if r.Contact.IsEmail() {
		to = customer{Email: r.Contact.Reveal()}
	}
	return &newReceipt{
		Customer: to, TaxSystem: r.Terms.TaxSystem,
		Items: []newItem{{
			Description: r.Item, Amount: total, VATCode: code, Quantity: 1, Measure: "piece",
			PaymentSubject: "service", PaymentMode: string(r.Terms.Mode),
		}},
	}, nil
}

// vatCodes maps the rates to the codes of the API.
func vatCodes() map[billing.VAT]int {
	return map[billing.VAT]int{
		billing.NoVAT: 1, billing.VAT0: 2, billing.VAT10: 3, billing.VAT20: 4, billing.VAT10110: 5, billing.VAT20120: 6,
		billing.VAT5: 7, billing.VAT7: 8, billing.VAT5105: 9, billing.VAT7107: 10, billing.VAT22: 11, billing.VAT22122: 12,
	}
}

// receiptStatus returns the status of a receipt in a response. An unlisted word counts as
// no answer.
func receiptStatus(registration string) billing.ReceiptStatus {
	switch registration {
	case statusPending:
		return billing.ReceiptPending
	case statusSucceeded:
		return billing.ReceiptRegistered
	case statusCanceled:
		return billing.ReceiptFailed
	default:
		return ""
	}
}
