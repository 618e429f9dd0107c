package viewers

import (
	"context"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// receiptOrder are the facts for the receipt of a viewer's payment.
type receiptOrder struct {
	ports.ReceiptFacts
	terms billing.ReceiptTerms
	given bool // the contact comes with the request and is not stored yet
}

// orderReceipt returns the facts for the receipt of a viewer's payment, or nil if the payment
// system needs none. The contact of the request counts before a stored one. Without
// either, orderReceipt returns an [billing.InvalidError] for the field receipt.
func (s *Subscriber) orderReceipt(
	ctx context.Context, tx ports.Repos, system string, q ports.ReceiptQuery, given billing.Contact,
) (*receiptOrder, error) {
	terms, needs := s.Collector.ReceiptTerms(system)
	if !needs {
		return nil, nil
	}
	facts, err := tx.Receipts.Facts(ctx, q)
	if err != nil {
		return nil, err
	}
	o := &receiptOrder{ReceiptFacts: facts[0], terms: terms}
	switch stored := o.Contact.Contact; {
	case !given.IsZero() && !given.Equal(stored.Secret):
		o.Contact, o.given = billing.ReceiptContact{ID: billing.ContactID(s.NewID()), UserID: q.User, Contact: given}, true
	case stored.IsZero():
		return nil, &billing.InvalidError{Faults: []billing.Fault{{
			Field: "receipt", Message: "is missing; payment system " + system + " sends receipts, so give an email or a phone",
		}}}
	}
	return o, nil
}

// contacts returns the contacts that must be stored.
func (o *receiptOrder) contacts() []billing.ReceiptContact {
	if o == nil || !o.given {
		return nil
	}
	return []billing.ReceiptContact{o.Contact}
}

// of returns the receipt of the payment, or nil.
func (o *receiptOrder) of(p billing.Payment) *billing.Receipt {
	if o == nil {
		return nil
	}
	r := billing.NewReceipt(p, o.Plan, o.VAT, o.Contact, o.terms)
	return &r
}

// store stores the contact and the receipt of a payment that is stored.
func (o *receiptOrder) store(ctx context.Context, tx ports.Repos, p billing.Payment) (*billing.Receipt, error) {
	if o == nil {
		return nil, nil
	}
	if err := tx.Receipts.AddContact(ctx, o.contacts()...); err != nil {
		return nil, err
	}
	r := o.of(p)
	return r, tx.Receipts.Add(ctx, *r)
}
