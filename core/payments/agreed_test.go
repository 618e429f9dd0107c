package payments_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
)

// A payment that the database got from outside is neither sent nor paid for.
func TestSweep_NeverSendsPaymentThatDiffers(t *testing.T) {
	t.Parallel()
	for name, forge := range map[string]func(*billing.Subscription, *billing.Payment){
		"amount":         func(_ *billing.Subscription, p *billing.Payment) { p.Amount = billingtest.Rubles(99_999_00) },
		"currency":       func(_ *billing.Subscription, p *billing.Payment) { p.Amount.Currency = "USD" },
		"payment method": func(s *billing.Subscription, _ *billing.Payment) { s.MethodID = "other" },
		"payment system": func(s *billing.Subscription, _ *billing.Payment) { s.PaymentSystem = "other" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			s := w.MustSubscribe().Subscription
			p := w.Payments()[0]
			p.ID, p.Initiator, p.Status = "z-forged", billing.MerchantInitiated, billing.PaymentPending
			p.Period = billing.Calendar{}.Period(s.AnchorAt, 1, 1)
			forge(&s, &p)
			w.InTx(func(ctx context.Context, tx ports.Repos) error {
				if err := tx.Payments.Add(ctx, 0, p); err != nil {
					return err
				}
				return errors.Join(tx.Subscriptions.Save(ctx, s), tx.Subscriptions.SaveTerms(ctx, s))
			})
			var log bytes.Buffer
			process := w.Process()
			process.Log = slog.New(slog.NewTextHandler(&log, nil))
			if _, err := process.Sweep(t.Context(), 10, 1); err != nil {
				t.Error(err)
			}
			w.ExpectCharges(1)
			if got := w.Payments()[0]; got.ID != "z-forged" || got.Status != billing.PaymentAbandoned {
				t.Errorf("the payment is %+v, want it abandoned", got)
			}
			if got := w.Subscriptions()[0]; got.Status != billing.StatusActive || !got.NextChargeAt.Equal(s.NextChargeAt) {
				t.Errorf("the subscription is %+v, want it unchanged", got)
			}
			if text := log.String(); !strings.Contains(text, "level=ERROR") || !strings.Contains(text, "payment_id=z-forged") {
				t.Errorf("the log is %s, want an error with the payment's id", text)
			}
		})
	}
}
