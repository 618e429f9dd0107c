package billing

import (
	"time"
	"unicode"
)

// ReceiptID identifies a receipt: it is the id of the payment or of the refund.
type ReceiptID string

// Receipt holds the data of a fiscal receipt of Federal Law 54-FZ: one line for the whole
// amount of a payment or a refund, and the contact that gets it. It is stored with the
// payment or the refund and, except for its status, never changed. So a repeated request is
// the same to the byte, whatever has happened to the plan and the contact since.
type Receipt struct {
	ID            ReceiptID
	UserID        UserID
	PaymentID     PaymentID // of the receipt, or of the refunded payment
	PaymentSystem string
	ContactID     ContactID
	Contact       Contact // zero if the store cannot decrypt it, or was not asked for it
	Item          string  // name of the plan, at most [MaxReceiptItem] characters
	VAT           VAT
	Terms         ReceiptTerms

	Status    ReceiptStatus
	CreatedAt time.Time
	SettledAt time.Time // zero while pending
}

// ReceiptTerms are the parts of a receipt that depend on the merchant and its payment system.
type ReceiptTerms struct {
	Mode      ReceiptMode
	TaxSystem int // tag 1055 of the fiscal data format, 1 to 6; 0 if the payment system knows it
}

// ReceiptMode says whether the service was rendered when the viewer paid (tag 1214 of the
// fiscal data format).
type ReceiptMode string

// The modes of a receipt.
const (
	FullPayment    ReceiptMode = "full_payment"    // with the payment
	FullPrepayment ReceiptMode = "full_prepayment" // later
)

// ReceiptStatus is the status of a receipt at its payment system. All but pending are final.
type ReceiptStatus string

// The statuses of a receipt.
const (
	ReceiptPending    ReceiptStatus = "pending"
	ReceiptRegistered ReceiptStatus = "registered" // the tax service has it
	ReceiptFailed     ReceiptStatus = "failed"     // the payment system could not register it
	ReceiptVoid       ReceiptStatus = "void"       // no money moved, so none is due
)

// MaxReceiptItem is the longest text of a line, in characters (tag 1030 of the fiscal data
// format).
const MaxReceiptItem = 128

// NewReceipt returns the receipt of a payment for a plan with this name and rate.
func NewReceipt(p Payment, plan string, v VAT, c ReceiptContact, t ReceiptTerms) Receipt {
	return Receipt{
		ID: ReceiptID(p.ID), UserID: p.UserID, PaymentID: p.ID, PaymentSystem: p.PaymentSystem,
		ContactID: c.ID, Contact: c.Contact, Item: cutItem(plan), VAT: v, Terms: t,
		Status: ReceiptPending, CreatedAt: p.CreatedAt,
	}
}

// Refund returns the receipt of a refund of the payment of r. It has the same line and the
// same contact.
func (r Receipt) Refund(f Refund) Receipt {
	r.ID, r.Status, r.CreatedAt, r.SettledAt = ReceiptID(f.ID), ReceiptPending, f.CreatedAt, time.Time{}
	return r
}

// IsRefund reports whether r is the receipt of a refund.
func (r Receipt) IsRefund() bool { return string(r.ID) != string(r.PaymentID) }

// Settled reports whether the status is final.
func (r Receipt) Settled() bool { return r.Status != ReceiptPending }

// receiptVoidAfter is longer than the time for which a payment that was given up is looked
// up again: see [RecheckAfter].
const receiptVoidAfter = 48 * time.Hour

// Settle applies the status that the payment system reports. age is the age of the receipt.
// moved says whether the money of the payment or the refund moved. Without that, the receipt
// becomes void, but only after two days: the payment system may have charged a payment
// nevertheless. Any other status of the payment system changes nothing.
func (r Receipt) Settle(reported ReceiptStatus, moved bool, age time.Duration, now time.Time) Receipt {
	switch {
	case r.Settled():
		return r
	case moved && (reported == ReceiptRegistered || reported == ReceiptFailed):
		r.Status, r.SettledAt = reported, now
	case !moved && age >= receiptVoidAfter:
		r.Status, r.SettledAt = ReceiptVoid, now
	}
	return r
}

// cutItem returns the text for a line: at most MaxReceiptItem characters. It does not end
// within a character that consists of several code points.
func cutItem(name string) string {
	runes := []rune(name)
	if len(runes) <= MaxReceiptItem {
		return name
	}
	end := MaxReceiptItem
	for end > 1 && continues(runes[end-1], runes[end]) {
		end--
	}
	return string(runes[:end])
}

// continues reports whether next belongs to the same character as the code point before.
func continues(before, next rune) bool {
	return isJoiner(before) || isJoiner(next) || unicode.IsMark(next)
}
