package payments_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
)

// paidTable is the payments table: its succeeded and its pending payments.
type paidTable []ports.PaidPayment

func (table paidTable) Paid(_ context.Context, system string, first billing.PaymentID, each func(ports.PaidPayment) error) error {
	for _, p := range table {
		if p.PaymentSystem != system || p.ID < first || (p.Settled() && p.Status != billing.PaymentSucceeded) {
			continue
		}
		if err := each(p); err != nil {
			return err
		}
	}
	return nil
}

func (table paidTable) PaymentsByID(_ context.Context, system string, ids ...billing.PaymentID) ([]ports.PaidPayment, error) {
	return slices.DeleteFunc(slices.Clone(table), func(p ports.PaidPayment) bool {
		return p.PaymentSystem != system || !slices.Contains(ids, p.ID)
	}), nil
}

type ledger []ports.LedgerEntry

func (l ledger) Charges(_ context.Context, from, to time.Time, each func(ports.LedgerEntry) error) error {
	for _, e := range l {
		if e.At.Before(from) || (!to.IsZero() && !e.At.Before(to)) {
			continue
		}
		if err := each(e); err != nil {
			return err
		}
	}
	return nil
}

var may = time.Date(2026, time.May, 1, 0, 0, 0, 0, time.UTC)

// wall is a clock that stands still.
type wall time.Time

func (w wall) Now() time.Time { return time.Time(w) }

// reconcileAt compares at a time.
func reconcileAt(t *testing.T, now time.Time, books ports.PaymentReader, l ports.Ledger, since time.Time) (payments.Reconciliation, error) {
	t.Helper()
	return payments.Reconciler{Payments: books, Ledger: l, System: billingtest.System, Clock: wall(now)}.Compare(t.Context(), since)
}

// tomorrow is long after all charges of may.
var tomorrow = may.AddDate(0, 0, 1)

// agreed are the terms of all subscriptions.
var agreed = billing.Terms{Price: billingtest.Price, MethodID: "method", PaymentSystem: billingtest.System}

func paidAt(id billing.PaymentID, at time.Time) ports.PaidPayment {
	p := pendingPayment(id)
	p.Status, p.SettledAt = billing.PaymentSucceeded, at
	return p
}

func pendingPayment(id billing.PaymentID) ports.PaidPayment {
	return ports.PaidPayment{
		Payment: billing.Payment{
			ID: id, PaymentSystem: agreed.PaymentSystem, MethodID: agreed.MethodID, Amount: agreed.Price, Status: billing.PaymentPending,
		},
		Agreed: agreed,
	}
}

// differing returns the payment after the price of its subscription was changed.
func differing(p ports.PaidPayment) ports.PaidPayment {
	p.Agreed.Price = billingtest.Rubles(1_00)
	return p
}

func chargedAt(id billing.PaymentID, at time.Time) ports.LedgerEntry {
	return ports.LedgerEntry{Key: id, Amount: billingtest.Price, At: at}
}

func TestReconcile(t *testing.T) {
	t.Parallel()
	type ids = []billing.PaymentID
	const day = 24 * time.Hour
	tests := []struct {
		name   string
		table  paidTable
		ledger ledger
		since  time.Time
		want   payments.Reconciliation
	}{
		{name: "both empty"},
		{"equal", paidTable{paidAt("a", may), paidAt("b", may)}, ledger{chargedAt("b", may), chargedAt("a", may)}, time.Time{}, payments.Reconciliation{Matched: 2}},
		{"charged, not stored", nil, ledger{chargedAt("b", may), chargedAt("a", may)}, time.Time{}, payments.Reconciliation{MissingHere: ids{"a", "b"}}},
		{"charged, stored as pending", paidTable{pendingPayment("a")}, ledger{chargedAt("a", may)}, time.Time{}, payments.Reconciliation{MissingHere: ids{"a"}}},
		{"stored as pending, not charged", paidTable{pendingPayment("a")}, nil, time.Time{}, payments.Reconciliation{InFlight: 1}},
		{"stored as paid, not charged", paidTable{paidAt("b", may), paidAt("a", may)}, nil, time.Time{}, payments.Reconciliation{MissingThere: ids{"a", "b"}}},
		{
			"another amount", paidTable{paidAt("a", may)}, ledger{{Key: "a", Amount: billingtest.Rubles(1_00), At: may}},
			time.Time{}, payments.Reconciliation{Different: ids{"a"}},
		},
		{
			"another currency", paidTable{paidAt("a", may)}, ledger{{Key: "a", Amount: billing.Money{Amount: billingtest.Price.Amount, Currency: "USD"}, At: may}},
			time.Time{}, payments.Reconciliation{Different: ids{"a"}},
		},
		{"not as its subscription says", paidTable{differing(paidAt("a", may))}, ledger{chargedAt("a", may)}, time.Time{}, payments.Reconciliation{Different: ids{"a"}}},
		{"pending, not as its subscription says", paidTable{differing(pendingPayment("a"))}, nil, time.Time{}, payments.Reconciliation{Different: ids{"a"}}},
		{"charged twice", paidTable{paidAt("a", may)}, ledger{chargedAt("a", may), chargedAt("a", may)}, time.Time{}, payments.Reconciliation{Double: ids{"a"}}},
		{
			"charged twice, not stored", nil, ledger{chargedAt("a", may), chargedAt("a", may)},
			time.Time{}, payments.Reconciliation{MissingHere: ids{"a"}, Double: ids{"a"}},
		},
		{"since: both before", paidTable{paidAt("a", may.Add(-day))}, ledger{chargedAt("a", may.Add(-day))}, may, payments.Reconciliation{}},
		{"since: charged before, settled after", paidTable{paidAt("a", may)}, ledger{chargedAt("a", may.Add(-20*day))}, may, payments.Reconciliation{Matched: 1}},
		{"since: charged before, not stored", nil, ledger{chargedAt("a", may.Add(-day))}, may, payments.Reconciliation{}},
		{"since: charged after, not stored", nil, ledger{chargedAt("a", may)}, may, payments.Reconciliation{MissingHere: ids{"a"}}},
		{"since: charged before, still pending", paidTable{pendingPayment("a")}, ledger{chargedAt("a", may.Add(-day))}, may, payments.Reconciliation{MissingHere: ids{"a"}}},
		{"since: paid after, not charged", paidTable{paidAt("a", may)}, nil, may, payments.Reconciliation{MissingThere: ids{"a"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := reconcileAt(t, tomorrow, tt.table, tt.ledger, tt.since)
			if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
				t.Errorf("error %v, difference (-want +got):\n%s", err, diff)
			}
			if differs := len(got.MissingHere)+len(got.MissingThere)+len(got.Different)+len(got.Double) > 0; got.Differs() != differs {
				t.Errorf("Differs() = %t for %+v", got.Differs(), got)
			}
		})
	}
}

func TestReconcile_IgnoresOtherPaymentSystems(t *testing.T) {
	t.Parallel()
	other := paidAt("a", may)
	other.PaymentSystem = "other"
	got, err := reconcileAt(t, tomorrow, paidTable{other}, ledger{}, time.Time{})
	if err != nil || got.Differs() || got.Matched != 0 {
		t.Errorf("Reconcile = %+v, %v, want no payments", got, err)
	}
}

// broken is a table and a ledger that fail every call.
type broken struct{}

var errBroken = errors.New("broken")

func (broken) Charges(context.Context, time.Time, time.Time, func(ports.LedgerEntry) error) error {
	return errBroken
}

func (broken) Paid(context.Context, string, billing.PaymentID, func(ports.PaidPayment) error) error {
	return errBroken
}

func (broken) PaymentsByID(context.Context, string, ...billing.PaymentID) ([]ports.PaidPayment, error) {
	return nil, errBroken
}

// lookupBroken is an empty table that cannot be read by id.
type lookupBroken struct{ broken }

func (lookupBroken) Paid(context.Context, string, billing.PaymentID, func(ports.PaidPayment) error) error {
	return nil
}

func TestReconcile_SourceFails(t *testing.T) {
	t.Parallel()
	_, err := reconcileAt(t, tomorrow, paidTable{}, broken{}, time.Time{})
	billingtest.ExpectError(t, err, errBroken)
	_, err = reconcileAt(t, tomorrow, broken{}, ledger{}, time.Time{})
	billingtest.ExpectError(t, err, errBroken)
	_, err = reconcileAt(t, tomorrow, lookupBroken{}, ledger{chargedAt("a", may)}, time.Time{})
	billingtest.ExpectError(t, err, errBroken)
}
