package payments_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
)

// refundTable is our table of refunds.
type refundTable []billing.Refund

func (table refundTable) Refunded(_ context.Context, _ string, from time.Time, each func(billing.Refund) error) error {
	for _, r := range table {
		if r.CreatedAt.Before(from) || !r.Reserves() {
			continue
		}
		if err := each(r); err != nil {
			return err
		}
	}
	return nil
}

func (table refundTable) RefundsNamed(_ context.Context, _ string, entries ...ports.RefundEntry) (list []billing.Refund, _ error) {
	for _, r := range table {
		for _, e := range entries {
			if e.Key == r.ID || e.Ref == r.ProviderRef && e.Ref != "" {
				list = append(list, r)
			}
		}
	}
	return list, nil
}

func (refundTable) PaymentsNamed(context.Context, string, ...ports.RefundEntry) ([]billing.Payment, error) {
	return nil, errors.New("not needed")
}

// refundList is the list of a payment system.
type refundList struct {
	ports.Refunder
	entries []ports.RefundEntry
}

func (l refundList) Refunds(_ context.Context, from time.Time, each func(ports.RefundEntry) error) error {
	for _, e := range l.entries {
		if e.At.Before(from) {
			continue
		}
		if err := each(e); err != nil {
			return err
		}
	}
	return nil
}

func TestReconcileRefunds(t *testing.T) {
	t.Parallel()
	const succeeded, pending, declined = billing.PaymentSucceeded, billing.PaymentPending, billing.PaymentDeclined
	ours := func(id billing.RefundID, as billing.PaymentStatus, at time.Time) billing.Refund {
		r := billing.Refund{ID: id, PaymentSystem: billingtest.System, Amount: billingtest.Rubles(1_00), Status: as, ProviderRef: "re_" + string(id), CreatedAt: at}
		if r.Settled() {
			r.SettledAt = at
		}
		return r
	}
	theirs := func(id billing.RefundID, as billing.PaymentStatus, at time.Time) ports.RefundEntry {
		return ports.RefundEntry{Key: id, Ref: "re_" + string(id), Amount: billingtest.Rubles(1_00), Status: as, At: at}
	}
	byRef := theirs("a", succeeded, may)
	byRef.Key = ""
	other := theirs("a", succeeded, may)
	other.Amount = billingtest.Rubles(2_00)
	waiting := ours("a", pending, may)
	waiting.ReviewSince = may
	type ids = []billing.RefundID
	for name, tt := range map[string]struct {
		ours   refundTable
		theirs []ports.RefundEntry
		since  time.Time
		want   payments.RefundReconciliation
	}{
		"both empty":                        {},
		"equal":                             {refundTable{ours("a", succeeded, may)}, []ports.RefundEntry{theirs("a", succeeded, may)}, time.Time{}, payments.RefundReconciliation{Matched: 1}},
		"equal by reference":                {refundTable{ours("a", succeeded, may)}, []ports.RefundEntry{byRef}, time.Time{}, payments.RefundReconciliation{Matched: 1}},
		"failed on both sides":              {refundTable{ours("a", declined, may)}, []ports.RefundEntry{theirs("a", declined, may)}, time.Time{}, payments.RefundReconciliation{}},
		"made in the other panel":           {nil, []ports.RefundEntry{byRef}, time.Time{}, payments.RefundReconciliation{MissingHere: []ports.RefundEntry{byRef}}},
		"made there, and failed":            {nil, []ports.RefundEntry{theirs("a", declined, may)}, time.Time{}, payments.RefundReconciliation{}},
		"made there, and pending":           {nil, []ports.RefundEntry{theirs("a", pending, may)}, time.Time{}, payments.RefundReconciliation{InFlight: 1}},
		"made there a moment ago":           {nil, []ports.RefundEntry{theirs("a", succeeded, tomorrow)}, time.Time{}, payments.RefundReconciliation{InFlight: 1}},
		"made there before":                 {nil, []ports.RefundEntry{theirs("a", succeeded, may)}, may.Add(1), payments.RefundReconciliation{}},
		"not there":                         {refundTable{ours("a", succeeded, may)}, nil, time.Time{}, payments.RefundReconciliation{MissingThere: ids{"a"}}},
		"not there, settled a moment ago":   {refundTable{ours("a", succeeded, tomorrow)}, nil, time.Time{}, payments.RefundReconciliation{InFlight: 1}},
		"not there, pending":                {refundTable{ours("a", pending, may)}, nil, time.Time{}, payments.RefundReconciliation{InFlight: 1}},
		"not there, waits for a person":     {refundTable{waiting}, nil, time.Time{}, payments.RefundReconciliation{Different: ids{"a"}}},
		"there, waits for a person":         {refundTable{waiting}, []ports.RefundEntry{theirs("a", succeeded, may)}, time.Time{}, payments.RefundReconciliation{Different: ids{"a"}}},
		"not there, before":                 {refundTable{ours("a", succeeded, may)}, nil, may.Add(1), payments.RefundReconciliation{}},
		"another amount":                    {refundTable{ours("a", succeeded, may)}, []ports.RefundEntry{other}, time.Time{}, payments.RefundReconciliation{Different: ids{"a"}}},
		"failed later":                      {refundTable{ours("a", succeeded, may)}, []ports.RefundEntry{theirs("a", declined, may)}, time.Time{}, payments.RefundReconciliation{Different: ids{"a"}}},
		"failed here, succeeded there":      {refundTable{ours("a", declined, may)}, []ports.RefundEntry{theirs("a", succeeded, may)}, time.Time{}, payments.RefundReconciliation{Different: ids{"a"}}},
		"settled a moment ago, not as here": {refundTable{ours("a", succeeded, tomorrow)}, []ports.RefundEntry{theirs("a", declined, may)}, time.Time{}, payments.RefundReconciliation{InFlight: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := payments.RefundReconciler{
				Ours: tt.ours, Theirs: refundList{entries: tt.theirs}, System: billingtest.System, Clock: wall(tomorrow),
			}.Compare(t.Context(), tt.since)
			if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
				t.Errorf("error %v, difference (-want +got):\n%s", err, diff)
			}
		})
	}
}

// A charge that came too late is known and goes back, so it is no difference.
func TestReconcile_LateCharge(t *testing.T) {
	t.Parallel()
	p := paidAt("a", may)
	p.Status, p.ChargedLateAt = billing.PaymentAbandoned, may.Add(time.Hour)
	got, err := reconcileAt(t, tomorrow, paidTable{p, paidAt("b", may)}, ledger{chargedAt("a", may), chargedAt("b", may)}, time.Time{})
	if diff := cmp.Diff(payments.Reconciliation{Matched: 2}, got); err != nil || diff != "" {
		t.Errorf("error %v, difference (-want +got):\n%s", err, diff)
	}
	got, err = reconcileAt(t, tomorrow, paidTable{p}, ledger{chargedAt("a", may), chargedAt("a", may)}, time.Time{})
	if diff := cmp.Diff(payments.Reconciliation{Double: []billing.PaymentID{"a"}}, got); err != nil || diff != "" {
		t.Errorf("charged twice: error %v, difference (-want +got):\n%s", err, diff)
	}
}
