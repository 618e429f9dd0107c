package billing_test

import (
	"testing"

	"github.com/online-cinema/billing/core/billing"
)

func TestConsentText_HasAllTerms(t *testing.T) {
	t.Parallel()
	before, _ := started(t)
	for name, change := range map[string]func(*billing.Subscription){
		"plan":           func(s *billing.Subscription) { s.PlanID = "other" },
		"price":          func(s *billing.Subscription) { s.Price.Amount++ },
		"currency":       func(s *billing.Subscription) { s.Price.Currency = "USD" },
		"interval":       func(s *billing.Subscription) { s.IntervalMonths = 12 },
		"payment method": func(s *billing.Subscription) { s.MethodID = "other" },
		"payment system": func(s *billing.Subscription) { s.PaymentSystem = "other" },
		// The text does not say so by the order of its letters alone.
		"a letter moved": func(s *billing.Subscription) { s.MethodID, s.PaymentSystem = s.MethodID[:7], "1"+s.PaymentSystem },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := before
			change(&s)
			if string(s.ConsentText()) == string(before.ConsentText()) {
				t.Errorf("the text is still %q", s.ConsentText())
			}
		})
	}
}

// Stored signatures are of this text: another format needs another version.
func TestConsentText_Format(t *testing.T) {
	t.Parallel()
	s := billing.Subscription{
		PlanID: "plan", Price: money(399_00, "RUB"), IntervalMonths: 1, MethodID: "method", PaymentSystem: "mybank", PlanCode: "basic",
	}
	expectSame(t, string(s.ConsentText()), "\x011\x04plan\x0539900\x03RUB\x011\x06method\x06mybank")
}

func TestConsentText_StaysInAllTransitions(t *testing.T) {
	t.Parallel()
	s, p := renewing(t)
	text := string(s.ConsentText())
	paidFor, _, _ := s.Settle(p, paid(399_00), retries, utc, day(31))
	declinedOnce, _, _ := s.Settle(p, declined(billing.InsufficientFunds), retries, utc, day(31))
	cancelled, _, _ := paidFor.Cancel(billing.AtPeriodEnd, day(32))
	for _, after := range []billing.Subscription{paidFor, declinedOnce, cancelled} {
		expectSame(t, string(after.ConsentText()), text)
	}
}
