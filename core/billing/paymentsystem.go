package billing

import "time"

// PaymentSystem is a company that moves money for the service. The adapter that
// is registered under Code talks to it.
type PaymentSystem struct {
	Code       string
	Name       string
	CreatedAt  time.Time
	ArchivedAt time.Time // zero while new subscriptions can use it
}

// Check returns an [InvalidError] that lists every invalid field, or nil.
func (ps PaymentSystem) Check() error {
	var f faults
	f.check(validCode(ps.Code), "code", RuleCodeFormat)
	checkName(&f, ps.Name)
	return f.err()
}

// Archive returns the payment system as closed for new subscriptions. Archiving
// twice changes nothing.
func (ps PaymentSystem) Archive(now time.Time) PaymentSystem {
	if ps.ArchivedAt.IsZero() {
		ps.ArchivedAt = now
	}
	return ps
}

// Restore returns the payment system as open for new subscriptions again.
func (ps PaymentSystem) Restore() PaymentSystem {
	ps.ArchivedAt = time.Time{}
	return ps
}
