package simulator

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// receipt is a receipt as the tables hold it. The zero receipt stands for none.
type receipt struct {
	text    string // its line, rate and terms
	contact []byte // digest of its contact, because the tables must not hold personal data
	fails   bool
	at      *time.Time // when it is registered, or fails, on the wall clock; nil for at once
}

// newReceipt returns the receipt of a new request, which may be nil.
func (s *Simulator) newReceipt(r *billing.Receipt) receipt {
	if r == nil {
		return receipt{}
	}
	sum := sha256.Sum256([]byte(r.Contact.Reveal()))
	q := receipt{text: fmt.Sprintf("%s|%s|%s|%d", r.Item, r.VAT, r.Terms.Mode, r.Terms.TaxSystem), contact: sum[:], fails: s.failsReceipt()}
	if s.cfg.ReceiptDelay > 0 {
		at := s.cfg.Wall().Add(s.cfg.ReceiptDelay).UTC()
		q.at = &at
	}
	return q
}

// same reports whether both are the receipt of one request.
func (q receipt) same(other receipt) bool {
	return q.text == other.text && bytes.Equal(q.contact, other.contact)
}

// status returns the status at a time of the wall clock; "" if there is no receipt.
func (q receipt) status(wall time.Time) billing.ReceiptStatus {
	switch {
	case q.text == "":
		return ""
	case q.at != nil && wall.Before(*q.at):
		return billing.ReceiptPending
	case q.fails:
		return billing.ReceiptFailed
	default:
		return billing.ReceiptRegistered
	}
}
