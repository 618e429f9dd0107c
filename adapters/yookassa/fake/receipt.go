package fake

// Receipt is the receipt of a payment or a refund.
type Receipt struct {
	Contact string // e-mail address or phone number
	Item    string
	VATCode int
}

// Receipt returns the receipt of the payment or the refund whose metadata has this
// payment_id or refund_id. It returns false if there is none.
func (f *Fake) Receipt(id string) (Receipt, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.payments {
		if p.Metadata["payment_id"] == id {
			return p.receipt.shown()
		}
	}
	for _, r := range f.refunds {
		if r.Metadata["refund_id"] == id {
			return r.receipt.shown()
		}
	}
	return Receipt{}, false
}

// shown returns the receipt of a valid request, which may have none.
func (r *receipt) shown() (Receipt, bool) {
	if r == nil {
		return Receipt{}, false
	}
	return Receipt{Contact: r.Customer.Email + r.Customer.Phone, Item: r.Items[0].Description, VATCode: r.Items[0].VATCode}, true
}

// receipt is the receipt in the body of a payment or a refund.
type receipt struct {
	Customer struct {
		Email string `json:"email"`
		Phone string `json:"phone"`
	} `json:"customer"`
	Items []struct {
		Description string `json:"description"`
		Amount      amount `json:"amount"`
		VATCode     int    `json:"vat_code"`
	} `json:"items"`
}

// checkReceipt returns the refusal of an invalid receipt, or nil.
func (f *Fake) checkReceipt(r *receipt, total amount, needed bool) response {
	switch {
	case r == nil && needed:
		return refuse("receipt", "Receipt is missing or illegal")
	case r == nil:
		return nil
	case (r.Customer.Email == "") == (r.Customer.Phone == ""):
		return refuse("receipt.customer", "The customer needs an e-mail or a phone")
	case len(r.Items) != 1 || r.Items[0].Amount != total:
		return refuse("receipt.items", "The sum of the items differs from the amount")
	default:
		return nil
	}
}

// registration returns the state of a new receipt.
func registration(r *receipt) string {
	if r == nil {
		return ""
	}
	return pending
}

// RegisterReceipts gives all pending receipts a final state: succeeded or canceled.
func (f *Fake) RegisterReceipts(state string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.payments {
		if p.Registration == pending {
			p.Registration = state
		}
	}
	for _, r := range f.refunds {
		if r.Registration == pending {
			r.Registration = state
		}
	}
}
