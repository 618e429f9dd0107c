package billing

// Terms are the price that a viewer agreed to pay, and the method to pay it with.
// Every payment of a subscription must be on its terms. Only the viewer's own payment may
// be by another method: it brings new terms.
type Terms struct {
	Price         Money
	MethodID      PaymentMethodID
	PaymentSystem string
}

// Terms returns the terms of the subscription.
func (s Subscription) Terms() Terms { return Terms{s.Price, s.MethodID, s.PaymentSystem} }

// Difference describes how the payment differs from the terms. It returns "" if the
// payment is on these terms. The method of a settled payment may have been replaced
// since.
func (t Terms) Difference(p Payment) string {
	fixed := p.Initiator == MerchantInitiated && !p.Settled()
	switch {
	case p.Amount != t.Price:
		return "it is for " + p.Amount.String() + ", but the viewer agreed to " + t.Price.String()
	case fixed && p.MethodID != t.MethodID:
		return "it has payment method " + string(p.MethodID) + ", but its subscription has " + string(t.MethodID)
	case fixed && p.PaymentSystem != t.PaymentSystem:
		return "it is for payment system " + p.PaymentSystem + ", but its subscription is for " + t.PaymentSystem
	default:
		return ""
	}
}
