package billing_test

import (
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// forgeries change a payment so that the viewer did not agree to it.
var forgeries = []struct {
	name  string
	forge func(*billing.Payment)
	want  string // the difference
}{
	{"amount", func(p *billing.Payment) { p.Amount.Amount = 99_999_00 }, "it is for 99999.00 RUB, but the viewer agreed to 399.00 RUB"},
	{"currency", func(p *billing.Payment) { p.Amount.Currency = "USD" }, "it is for 399.00 USD, but the viewer agreed to 399.00 RUB"},
	{"payment method", func(p *billing.Payment) { p.MethodID = "method-2" }, "it has payment method method-2, but its subscription has method-1"},
	{"payment system", func(p *billing.Payment) { p.PaymentSystem = "other" }, "it is for payment system other, but its subscription is for simulator"},
}

func TestMayResend_PaymentDiffersFromSubscription(t *testing.T) {
	t.Parallel()
	for _, tt := range forgeries {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, p := renewing(t)
			if !s.MayResend(p, order().Method, day(32)) {
				t.Error("MayResend of the agreed payment is false")
			}
			tt.forge(&p)
			if s.MayResend(p, order().Method, day(32)) {
				t.Errorf("MayResend of %+v is true", p)
			}
			expectSame(t, s.Terms().Difference(p), tt.want)
		})
	}
}

// The payment system took the money, so a person must decide.
func TestSettle_PaymentDiffersFromSubscription(t *testing.T) {
	t.Parallel()
	for _, tt := range forgeries {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, p := renewing(t)
			tt.forge(&p)
			want := p
			want.Contradiction = "the payment was charged, although " + tt.want
			gotSub, gotPay, events := s.Settle(p, billing.Outcome{Status: billing.PaymentSucceeded, Amount: p.Amount}, retries, utc, day(32))
			expectSame(t, gotSub, s)
			expectSame(t, gotPay, want)
			if len(events) != 1 || events[0].Type != billing.EventPaymentContradicted {
				t.Errorf("the events are %+v, want one of a contradiction", events)
			}
		})
	}
}

// Only the payment is closed. The subscription stays as if it had not been there, even
// if the viewer has cancelled.
func TestSettle_AbandonsPaymentThatDiffers(t *testing.T) {
	t.Parallel()
	for _, cancelled := range []bool{false, true} {
		s := subscription(t, billing.StatusActive, cancelled)
		_, p := renewing(t)
		p.Amount.Amount = 99_999_00
		got, p, events := s.Settle(p, billing.Abandon(billing.NotSent), retries, utc, day(10))
		expectSame(t, got, s)
		expectSame(t, p.Status, billing.PaymentAbandoned)
		if len(events) != 1 || events[0].Type != billing.EventPaymentAbandoned {
			t.Errorf("the events are %+v, want one of an abandoned payment", events)
		}
	}
}

// The terms of a subscription may change after a payment.
func TestSettle_TermsChangedAfterPayment(t *testing.T) {
	t.Parallel()
	s, p := renewing(t)
	s, p, _ = s.Settle(p, paid(399_00), retries, utc, day(31))
	s.Price.Amount = 499_00
	got, again, events := s.Settle(p, paid(399_00), retries, utc, day(31).Add(time.Minute))
	expectSame(t, got, s)
	expectSame(t, again, p)
	expectSame(t, len(events), 0)
}
