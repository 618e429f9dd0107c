package payments_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
)

func TestConsents_Check(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	signed := billing.Subscription{
		ID: "sub", UserID: billingtest.Viewer, PlanID: "plan", MethodID: "method", PaymentSystem: billingtest.System,
		Price: billingtest.Price, IntervalMonths: 1,
	}
	if err := (payments.Consents{Keys: w.Keys}).Sign(&signed); err != nil || signed.ConsentMAC == "" {
		t.Fatalf("Sign: MAC %q, %v", signed.ConsentMAC, err)
	}
	tests := []struct {
		name              string
		change            func(*billing.Subscription)
		optional, require payments.ConsentFinding
	}{
		{"signed", func(*billing.Subscription) {}, "", ""},
		{"plan code renamed", func(s *billing.Subscription) { s.PlanCode = "renamed" }, "", ""},
		{"no signature", func(s *billing.Subscription) { s.ConsentMAC = "" }, payments.ConsentUnsigned, payments.ConsentMissing},
		{"price raised", func(s *billing.Subscription) { s.Price.Amount = 99_999_00 }, payments.ConsentForged, payments.ConsentForged},
		{"another method", func(s *billing.Subscription) { s.MethodID = "other" }, payments.ConsentForged, payments.ConsentForged},
		{"of another subscription", func(s *billing.Subscription) { s.ID = "other" }, payments.ConsentForged, payments.ConsentForged},
		{"of another viewer", func(s *billing.Subscription) { s.UserID = "other" }, payments.ConsentForged, payments.ConsentForged},
		{"not a signature", func(s *billing.Subscription) { s.ConsentMAC = "x" }, payments.ConsentForged, payments.ConsentForged},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := signed
			tt.change(&s)
			for required, want := range map[bool]payments.ConsentFinding{false: tt.optional, true: tt.require} {
				c := payments.Consents{Keys: w.Keys, Required: func() bool { return required }}
				if got := c.Check(&s); got != want {
					t.Errorf("required %t: the finding is %q, want %q", required, got, want)
				}
			}
			if got := (payments.Consents{}).Check(&s); got != "" {
				t.Errorf("without keys the finding is %q, want none", got)
			}
		})
	}
}

// The price of the subscription and of its pending payment were raised alike.
func TestSweep_NeverSendsPaymentOfForgedSubscription(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.MustSubscribe()
		w.Clock.Advance(billingtest.Month)
		w.Provider.SetFault(billingtest.RequestLost)
		if _, err := w.Renewer().Run(w.T.Context()); err != nil {
			w.T.Fatal(err)
		}
		s, p := w.Subscriptions()[0].Subscription, w.Payments()[0]
		s.Price.Amount, p.Amount.Amount = 99_999_00, 99_999_00
		w.InTx(func(ctx context.Context, tx ports.Repos) error {
			return errors.Join(tx.Payments.Save(ctx, p), tx.Subscriptions.Save(ctx, s))
		})
		w.Provider.SetFault(billingtest.NoFault)
		time.Sleep(billingtest.PastSendWindow)
		process, found := w.Process(), make(map[payments.ConsentFinding]int)
		process.Consents.Watch = func(f payments.ConsentFinding, n int) { found[f] += n }
		swept, err := process.Sweep(w.T.Context(), 10, 1)
		if err != nil || len(swept) != 1 || !errors.Is(swept[0].Err, payments.ErrNotAgreed) {
			w.T.Errorf("Sweep = %+v, %v, want one payment that was not agreed to", swept, err)
		}
		if found[payments.ConsentForged] != 1 {
			w.T.Errorf("the findings are %v, want one forged", found)
		}
		w.ExpectCharges(1)
		if got := w.Subscriptions()[0]; got.Status != billing.StatusActive || got.Charging {
			w.T.Errorf("the subscription is %+v, want it active and not charged", got)
		}
	})
}
