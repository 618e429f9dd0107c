package stripe_test

import (
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

const refundKey = billing.RefundID("0198f4f0-0000-7000-8000-0000000000f1")

// paid charges with a payment method, and returns a request to refund 99.00 of the payment.
func (w world) paid(t *testing.T, token string) ports.RefundRequest {
	t.Helper()
	r := request(token)
	o, err := w.charge(t, r)
	expectSuccess(t, o, err)
	return ports.RefundRequest{Key: refundKey, Payment: r.Key, PaymentRef: o.ProviderRef, Amount: rubles(9900)}
}

func rubles(minor int64) billing.Money { return billing.Money{Amount: minor, Currency: "RUB"} }

// refund refunds until the fake withholds a response.
func (w world) refund(t *testing.T, r ports.RefundRequest) (billing.RefundOutcome, error) {
	t.Helper()
	ctx, cancel := w.untilLost(t)
	defer cancel()
	o, err := w.Refund(ctx, r)
	expectNoSecret(t, err)
	return o, err
}

func (w world) findRefund(t *testing.T, q ports.RefundQuery) (billing.RefundOutcome, error) {
	t.Helper()
	o, err := w.FindRefund(t.Context(), q)
	expectNoSecret(t, err)
	return o, err
}

// refundQuery returns the query for a refund whose reference is not known.
func refundQuery(r ports.RefundRequest) ports.RefundQuery {
	return ports.RefundQuery{Key: r.Key, Payment: r.Payment, PaymentRef: r.PaymentRef}
}

// refunds returns the list of refunds from a time.
func (w world) refunds(t *testing.T, from time.Time) (entries []ports.RefundEntry) {
	t.Helper()
	err := w.Refunds(t.Context(), from, func(e ports.RefundEntry) error {
		entries = append(entries, e)
		return nil
	})
	if err != nil {
		t.Fatalf("Refunds: %v", err)
	}
	return entries
}

func (w world) expectRefunded(t *testing.T, key billing.RefundID, want int) {
	t.Helper()
	if n, _ := w.fake.Refunded(string(key)); n != want {
		t.Errorf("the account has %d refunds with the key, want %d", n, want)
	}
}

func expectRefundStatus(t *testing.T, o billing.RefundOutcome, err error, want billing.PaymentStatus, code billing.DeclineCode) {
	t.Helper()
	if err != nil || o.Status != want || o.DeclineCode != code || o.ProviderRef == "" {
		t.Fatalf("the outcome is %+v, %v; want %s %s with a reference", o, err, want, code)
	}
}

// sendRefunds makes the adapter send every request about refunds that it can send.
func sendRefunds(t *testing.T, w world) {
	t.Helper()
	r := request("pm_ok_refunds")
	r.Key += "refunds"
	o, err := w.charge(t, r)
	expectSuccess(t, o, err)
	refund := ports.RefundRequest{Key: refundKey, Payment: r.Key, PaymentRef: o.ProviderRef, Amount: rubles(9900)}
	made, err := w.refund(t, refund)
	expectRefundStatus(t, made, err, billing.PaymentSucceeded, "")
	for _, ref := range []string{"", made.ProviderRef} {
		q := refundQuery(refund)
		q.ProviderRef = ref
		found, err := w.findRefund(t, q)
		expectRefundStatus(t, found, err, billing.PaymentSucceeded, "")
	}
	w.refunds(t, w.clock.Now().Add(-time.Hour))
	w.fake.RefundByHand(string(r.Key), 100)
	w.refunds(t, time.Time{})
}
