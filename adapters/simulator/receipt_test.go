package simulator

import (
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// A receipt is pending for the delay. Then it has the status that the odds have decided on,
// also for a simulator without faults.
func TestReceipts_DelayedAndFailed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		odds float64
		want billing.ReceiptStatus
	}{
		"registered": {0, billing.ReceiptRegistered},
		"failed":     {1, billing.ReceiptFailed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wall := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
			terms := &billing.ReceiptTerms{Mode: billing.FullPayment}
			cfg := Config{Receipts: terms, ReceiptDelay: time.Minute, Odds: Odds{FailReceipts: c.odds}, Wall: func() time.Time { return wall }}
			s := newSimulator(t, cfg)
			r := charge("tok_ok")
			r.Receipt = &billing.Receipt{Item: "Premium", VAT: billing.VAT20, Contact: billing.Contact{Secret: billing.NewSecret("ann@example.com")}, Terms: *terms}
			paid := mustCharge(t, s, r)
			refund := refundOf(r, "r1", 100)
			refund.Receipt = r.Receipt
			back := mustRefund(t, s, refund)
			if paid.Receipt != billing.ReceiptPending || back.Receipt != billing.ReceiptPending {
				t.Errorf("the new receipts are %s and %s, want them pending", paid.Receipt, back.Receipt)
			}
			wall = wall.Add(time.Minute)
			later := New(s.pool, Config{Clock: s.cfg.Clock, Receipts: terms, Wait: s.cfg.Wait, Wall: cfg.Wall})
			found, err := later.Find(t.Context(), ports.ChargeQuery{Key: r.Key})
			if err != nil || found.Receipt != c.want {
				t.Errorf("the receipt is %s, %v, want %s", found.Receipt, err, c.want)
			}
			if back, err = findRefund(t, later, refund); err != nil || back.Receipt != c.want {
				t.Errorf("the receipt of the refund is %s, %v, want %s", back.Receipt, err, c.want)
			}
		})
	}
}
