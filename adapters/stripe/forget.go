package stripe

import (
	"context"
	"fmt"
	"net/http"

	"github.com/online-cinema/billing/core/billing"
)

// Forget implements [ports.Forgetter]. It detaches the payment method from its customer,
// for good: Stripe lets no customer have it again.
func (s *Stripe) Forget(ctx context.Context, secret billing.Secret) error {
	t, err := parseToken(secret)
	if err != nil {
		return nil // no payment method has such an id
	}
	path := "/v1/payment_methods/" + t.method
	_, err = s.send(ctx, call{method: http.MethodPost, path: path + "/detach"}, &object{})
	if isStatus(err, func(e *apiError) bool { return e.status == http.StatusBadRequest }) && s.isDetached(ctx, path) {
		return nil
	}
	if err != nil && !isMissing(err) {
		return fmt.Errorf("stripe: detach the payment method: %w", err)
	}
	return nil
}

// isDetached reports whether a payment method definitely has no customer.
func (s *Stripe) isDetached(ctx context.Context, path string) bool {
	var m struct{ Customer object }
	return s.get(ctx, path, nil, &m) == nil && m.Customer.ID == ""
}

// Probe implements [ports.Prober]. It reads the balance. A restricted key needs the
// permission for that.
func (s *Stripe) Probe(ctx context.Context) error {
	if err := s.get(ctx, "/v1/balance", nil, &object{}); err != nil {
		return fmt.Errorf("stripe: read the balance: %w", err)
	}
	return nil
}
