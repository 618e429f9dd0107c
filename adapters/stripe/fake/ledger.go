package fake

// Charge is a charge that took money.
type Charge struct {
	Payment  string // payment_id of its metadata
	Amount   int64
	Currency string
}

// Taken returns all charges that took money, whatever lists show.
func (f *Fake) Taken() (taken []Charge) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.catchUp()
	for _, c := range f.charges {
		if c.status == "succeeded" {
			taken = append(taken, Charge{c.metadata["payment_id"], c.amount, c.currency})
		}
	}
	return taken
}

// Charged returns how often the account was charged for a payment, whatever lists show.
func (f *Fake) Charged(payment string) (n int) {
	for _, c := range f.Taken() {
		if c.Payment == payment {
			n++
		}
	}
	return n
}

// Intents returns the statuses of the PaymentIntents of a payment, in the order of their
// creation.
func (f *Fake) Intents(payment string) (statuses []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.catchUp()
	for _, i := range f.intents {
		if i.metadata["payment_id"] == payment {
			statuses = append(statuses, i.status)
		}
	}
	return statuses
}
