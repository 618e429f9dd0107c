package yookassa_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/online-cinema/billing/adapters/yookassa/fake"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Whatever fails, and however late the refund is repeated, money goes back at most once,
// and no error denies that it went back.
func TestRefund_ExactlyOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		y, f, closeFake := openImpatient(t)
		defer closeFake()
		paid, err := y.Charge(context.Background(), renewal(f.AddMethod(fake.Method{})))
		if err != nil {
			t.Fatal(err)
		}
		f.SetListLag(time.Duration(rapid.IntRange(0, 300).Draw(t, "lag")) * time.Second)
		r := ports.RefundRequest{Key: refundKey, Payment: key, PaymentRef: paid.ProviderRef, Amount: rubles(rapid.SampledFrom([]int64{100, 39900}).Draw(t, "amount"))}
		for range rapid.IntRange(1, 6).Draw(t, "calls") {
			f.FailRefunds(rapid.SliceOfN(rapid.SampledFrom(randomFaults()), 0, 3).Draw(t, "faults")...)
			before, _ := f.Refunded(string(r.Key))
			o, err := y.Refund(context.Background(), r)
			after, _ := f.Refunded(string(r.Key))
			checkRefund(t, o, err, before, after)
			if r.FirstSent.IsZero() {
				r.FirstSent = f.Now()
			}
			f.Advance(time.Duration(rapid.IntRange(0, 30*60).Draw(t, "minutes")) * time.Minute)
		}
		f.Advance(y.Capabilities().Settling)
		o, err := y.FindRefund(context.Background(), refundQuery(r))
		switch n, sum := f.Refunded(string(r.Key)); {
		case n == 1 && (err != nil || o.Status != billing.PaymentSucceeded || sum != r.Amount.Amount):
			t.Fatalf("FindRefund = %+v, %v; want a success", o, err)
		case n == 0 && !errors.Is(err, ports.ErrRefundNotFound):
			t.Fatalf("FindRefund = %+v, %v; want ErrRefundNotFound", o, err)
		}
	})
}

// checkRefund compares the result of Refund with the refunds of the shop.
func checkRefund(t *rapid.T, o billing.RefundOutcome, err error, before, after int) {
	t.Helper()
	nothing := errors.Is(err, ports.ErrNotSent) || errors.Is(err, ports.ErrCredentials) || errors.Is(err, ports.ErrRefused) ||
		errors.Is(err, ports.ErrTooLate)
	switch {
	case after > 1:
		t.Fatalf("the money went back %d times", after)
	case nothing && after != before, errors.Is(err, ports.ErrRefused) && after != 0:
		t.Fatalf("Refund = %v, but the money went back", err)
	case err == nil && o.Status == billing.PaymentSucceeded && after != 1:
		t.Fatalf("Refund = %+v, but no money went back", o)
	case errors.Is(err, ports.ErrKeyConflict):
		t.Fatalf("Refund = %v, although the request is the same", err)
	case err != nil && o != (billing.RefundOutcome{}):
		t.Fatalf("Refund = %+v and %v, want one of them", o, err)
	}
}
