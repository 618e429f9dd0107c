package providertest

import (
	"crypto/sha256"
	"errors"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// ReceivedReceipt holds the parts of a receipt that a payment system must get.
type ReceivedReceipt struct {
	Item    string
	VAT     billing.VAT
	Contact [sha256.Size]byte // digest of the e-mail address or the phone number
}

func contact(text string) billing.Contact { return billing.Contact{Secret: billing.NewSecret(text)} }

// newReceipt returns a receipt with the provider's terms, or nil if it needs none.
func (s suite) newReceipt() *billing.Receipt {
	terms := s.Provider.Capabilities().Receipts
	if terms == nil {
		return nil
	}
	return &billing.Receipt{Item: "Premium", VAT: billing.VAT20, Contact: contact("ann@example.com"), Terms: *terms}
}

// receiptStatus returns the status that a successful charge or refund may have, given the
// one that it has.
func (s suite) receiptStatus(got billing.ReceiptStatus) billing.ReceiptStatus {
	switch {
	case s.Provider.Capabilities().Receipts == nil:
		return ""
	case got == billing.ReceiptRegistered:
		return got
	default:
		return billing.ReceiptPending
	}
}

// otherReceipts are changes that make another request of a receipt.
var otherReceipts = map[string]func(*billing.Receipt){
	"line":    func(r *billing.Receipt) { r.Item = "Basic" },
	"rate":    func(r *billing.Receipt) { r.VAT = billing.VAT10 },
	"e-mail":  func(r *billing.Receipt) { r.Contact = contact("bob@example.com") },
	"contact": func(r *billing.Receipt) { r.Contact = contact("79001234567") },
}

func testReceipt(s suite) {
	if s.Provider.Capabilities().Receipts == nil {
		s.Skip("the provider needs no receipts")
	}
	if s.Receipt == nil {
		s.Fatal("the harness of a provider that needs receipts must have Receipt")
	}
	s.sub("missing", testReceiptMissing)
	for name, change := range otherReceipts {
		s.sub(name, func(s suite) { testReceiptOfCharge(s, change) })
		if refunder, is := s.Provider.(ports.Refunder); is {
			s.sub("refund, "+name, func(s suite) { testReceiptOfRefund(refundSuite{s, refunder}, change) })
		}
	}
}

func testReceiptMissing(s suite) {
	for _, by := range []billing.Initiator{billing.CustomerInitiated, billing.MerchantInitiated} {
		r := s.newRequest(s.Tokens.OK)
		r.Initiator, r.Receipt = by, nil
		s.expectRefusal(r, ports.ErrRefused)
		s.expectAbsent(r.Key)
	}
}

// testReceiptOfCharge charges with a changed receipt, again with an equal one, and then with
// the unchanged one and with none.
func testReceiptOfCharge(s suite, change func(*billing.Receipt)) {
	r := s.newRequest(s.Tokens.OK)
	other := r
	change(r.Receipt)
	other.Receipt = s.newReceipt()
	first := s.charge(r)
	s.expectSuccess(first, r.Amount)
	s.expectReceipt(billing.ReceiptID(r.Key), *r.Receipt)
	again := r
	repeated := *r.Receipt
	again.Receipt = &repeated
	if second := s.charge(again); second != first {
		s.Errorf("a repeated Charge = %+v, want %+v", second, first)
	}
	s.expectRefusal(other, ports.ErrKeyConflict)
	s.expectNoContact(other)
	s.expectReceipt(billing.ReceiptID(r.Key), *r.Receipt)
	s.expectLedger(r.Key, r.Amount)
}

// testReceiptOfRefund is testReceiptOfCharge for a refund. A provider that looks the refund up
// first may return it instead of a conflict.
func testReceiptOfRefund(s refundSuite, change func(*billing.Receipt)) {
	r := part(s.newRefund(s.Tokens.OK), 9900)
	other, missing := r, r
	changed := *r.Receipt
	change(&changed)
	r.Receipt, missing.Receipt = &changed, nil
	first := s.refund(r)
	s.expectReceipt(billing.ReceiptID(r.Key), changed)
	again := changed
	r.Receipt = &again
	if second := s.refund(r); second != first {
		s.Errorf("a repeated Refund = %+v, want %+v", second, first)
	}
	for name, r := range map[string]ports.RefundRequest{"the unchanged receipt": other, "no receipt": missing} {
		o, err := s.refundCtx(s.Context(), r)
		if conflict := errors.Is(err, ports.ErrKeyConflict) && onlyOne(err); !conflict && (err != nil || o != first) {
			s.Errorf("a repeated Refund with %s = %+v, %v; want ErrKeyConflict or %+v", name, o, err, first)
		}
	}
	s.expectReceipt(billing.ReceiptID(r.Key), changed)
	s.expectListed(r, 1)
}

// expectReceipt expects that the payment system has this receipt under the key.
func (s suite) expectReceipt(key billing.ReceiptID, r billing.Receipt) {
	s.Helper()
	got, err := s.Receipt(key)
	if want := (ReceivedReceipt{r.Item, r.VAT, sha256.Sum256([]byte(r.Contact.Reveal()))}); err != nil || got != want {
		s.Errorf("the payment system has the receipt %+v, %v; want %+v", got, err, want)
	}
}

// expectNoContact expects that the error of a charge does not contain the contact.
func (s suite) expectNoContact(r ports.ChargeRequest) {
	s.Helper()
	_, err := s.Provider.Charge(s.Context(), r)
	if err == nil || errors.Is(err, ports.ErrNotSent) {
		s.Errorf("Charge = %v, want a refusal", err)
	}
	s.expectNoSecret(err, r.Receipt.Contact.Secret)
}
