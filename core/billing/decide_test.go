package billing_test

import (
	"errors"
	"testing"

	"github.com/online-cinema/billing/core/billing"
)

func TestPayment_Decide(t *testing.T) {
	t.Parallel()
	_, p := started(t)
	for as, want := range map[billing.PaymentStatus]billing.Outcome{
		billing.PaymentSucceeded: {Status: billing.PaymentSucceeded, Amount: money(399_00, "RUB")},
		billing.PaymentDeclined:  {Status: billing.PaymentDeclined, DeclineCode: billing.GenericDecline},
		billing.PaymentAbandoned: billing.Abandon(billing.NotSent),
	} {
		got, err := p.Decide(as)
		if err != nil || got != want {
			t.Errorf("Decide(%s) = %+v, %v", as, got, err)
		}
	}
	for _, as := range []billing.PaymentStatus{billing.PaymentPending, "", "paid"} {
		if _, err := p.Decide(as); !errors.Is(err, billing.ErrInvalid) {
			t.Errorf("Decide(%q) = %v, want ErrInvalid", as, err)
		}
	}
}
