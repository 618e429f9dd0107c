package fake

// Charge is a payment that took money.
type Charge struct {
	PaymentID       string // of its metadata
	Value, Currency string
}

// Taken returns all payments that took money by now, whatever lists show.
func (f *Fake) Taken() (taken []Charge) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.payments {
		if p.progress(f.now()); p.Status == succeeded {
			taken = append(taken, Charge{p.Metadata["payment_id"], p.Amount.Value, p.Amount.Currency})
		}
	}
	return taken
}
