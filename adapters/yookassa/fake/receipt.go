package fake

// receipt is the receipt in the body of a payment or a refund.
type receipt struct {
	Customer struct {
		Email string `json:"email"`
		Phone string `json:"phone"`
	} `json:"customer"`
	Items []struct {
		Amount  amount `json:"amount"`
		VATCode int    `json:"vat_code"`
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
