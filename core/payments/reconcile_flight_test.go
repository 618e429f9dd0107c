package payments_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/payments"
)

// The payments of these cases were charged a moment before the comparison.
func TestReconcile_InFlight(t *testing.T) {
	t.Parallel()
	type ids = []billing.PaymentID
	declined := paidAt("a", may)
	declined.Status = billing.PaymentDeclined
	contradicted := pendingPayment("a")
	contradicted.Contradiction = "the payment system took 1.00 RUB"
	otherAmount := chargedAt("a", may)
	otherAmount.Amount = billingtest.Rubles(1_00)
	created := pendingPayment("019de0d5-c800-7000-8000-000000000001") // at the start of May 2026
	tests := []struct {
		name   string
		table  paidTable
		ledger ledger
		now    time.Time
		want   payments.Reconciliation
	}{
		{"pending, charged", paidTable{pendingPayment("a")}, ledger{chargedAt("a", may)}, may.Add(14 * time.Minute), payments.Reconciliation{InFlight: 1}},
		{"pending, charged long ago", paidTable{pendingPayment("a")}, ledger{chargedAt("a", may)}, may.Add(15 * time.Minute), payments.Reconciliation{MissingHere: ids{"a"}}},
		{
			"pending, charged on a test clock, with an id of now", paidTable{created}, ledger{chargedAt(created.ID, may.AddDate(1, 0, 0))},
			may.Add(14 * time.Minute), payments.Reconciliation{InFlight: 1},
		},
		{"pending, another amount charged", paidTable{pendingPayment("a")}, ledger{otherAmount}, may, payments.Reconciliation{MissingHere: ids{"a"}}},
		{"pending, not as its subscription says, charged", paidTable{differing(pendingPayment("a"))}, ledger{chargedAt("a", may)}, may, payments.Reconciliation{MissingHere: ids{"a"}}},
		{"pending, with a contradiction", paidTable{contradicted}, ledger{chargedAt("a", may)}, may, payments.Reconciliation{MissingHere: ids{"a"}}},
		{
			"pending, charged twice", paidTable{pendingPayment("a")}, ledger{chargedAt("a", may), chargedAt("a", may)},
			may, payments.Reconciliation{MissingHere: ids{"a"}, Double: ids{"a"}},
		},
		{"paid, not charged", paidTable{paidAt("a", may)}, nil, may.Add(14 * time.Minute), payments.Reconciliation{InFlight: 1}},
		{"paid, not charged for long", paidTable{paidAt("a", may)}, nil, may.Add(15 * time.Minute), payments.Reconciliation{MissingThere: ids{"a"}}},
		{"paid, another amount", paidTable{paidAt("a", may)}, ledger{otherAmount}, may, payments.Reconciliation{Different: ids{"a"}}},
		{"paid, charged", paidTable{paidAt("a", may)}, ledger{chargedAt("a", may)}, may, payments.Reconciliation{Matched: 1}},
		{"declined, charged", paidTable{declined}, ledger{chargedAt("a", may)}, may, payments.Reconciliation{MissingHere: ids{"a"}}},
		{"not stored, charged", nil, ledger{chargedAt("a", may)}, may, payments.Reconciliation{MissingHere: ids{"a"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := reconcileAt(t, tt.now, tt.table, tt.ledger, time.Time{})
			if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
				t.Errorf("error %v, difference (-want +got):\n%s", err, diff)
			}
		})
	}
}
