package payments_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
)

// history is n payments, one each second from may on, that are charged three seconds
// later. It makes both sides while they are read. It measures the live heap.
type history struct {
	n                int
	base, peak       uint64
	paid, entries    int
	skipped, doubled int                 // the payment that was not charged, and the one that was charged again a day later
	late             billing.PaymentID   // settles while the comparison reads
	other            []ports.LedgerEntry // charges without payments
}

func (h *history) id(i int) billing.PaymentID {
	return billing.PaymentID(fmt.Sprintf("%08x-%04x-7000-8000-%012x", h.at(i).UnixMilli()>>16, h.at(i).UnixMilli()&0xffff, i))
}

func (h *history) at(i int) time.Time { return may.Add(time.Duration(i) * time.Second) }

func (h *history) payment(i int) ports.PaidPayment {
	p := paidAt(h.id(i), h.at(i+4))
	p.CreatedAt = h.at(i)
	return p
}

// measure notes the live heap every 25,000 calls.
func (h *history) measure(calls int) {
	if calls%25_000 != 0 {
		return
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if h.base == 0 {
		h.base = m.HeapAlloc
	}
	h.peak = max(h.peak, m.HeapAlloc)
}

func (h *history) Paid(_ context.Context, _ string, first billing.PaymentID, each func(ports.PaidPayment) error) error {
	for i := range h.n {
		p := h.payment(i)
		if p.ID < first {
			continue
		}
		if p.ID == h.late {
			p.Status, p.SettledAt = billing.PaymentPending, time.Time{}
		}
		h.measure(h.paid)
		h.paid++
		if err := each(p); err != nil {
			return err
		}
	}
	return nil
}

func (h *history) PaymentsByID(_ context.Context, _ string, ids ...billing.PaymentID) ([]ports.PaidPayment, error) {
	var list []ports.PaidPayment
	for _, id := range ids {
		var hi, lo, i int64
		if _, err := fmt.Sscanf(string(id), "%08x-%04x-7000-8000-%012x", &hi, &lo, &i); err == nil && h.id(int(i)) == id {
			list = append(list, h.payment(int(i)))
		}
	}
	return list, nil
}

func (h *history) Charges(_ context.Context, from, to time.Time, each func(ports.LedgerEntry) error) error {
	inWindow := func(at time.Time) bool { return !at.Before(from) && (to.IsZero() || at.Before(to)) }
	start := max(int(from.Sub(may)/time.Second)-4, 0)
	if from.IsZero() {
		start = 0
	}
	for i := start; i < h.n && (to.IsZero() || h.at(i).Before(to)); i++ {
		if at := h.at(i + 3); i != h.skipped && inWindow(at) {
			h.measure(h.entries)
			h.entries++
			if err := each(chargedAt(h.id(i), at)); err != nil {
				return err
			}
		}
	}
	for _, e := range append(h.other, chargedAt(h.id(h.doubled), h.at(h.doubled).AddDate(0, 0, 1))) {
		if inWindow(e.At) {
			if err := each(e); err != nil {
				return err
			}
		}
	}
	return nil
}

// A comparison must not hold a side in memory. It runs before the parallel tests, so
// that the heap is its own.
func TestReconcile_ConstantMemory(t *testing.T) {
	h := &history{n: 200_000, skipped: 70_000, doubled: 90_000}
	h.late = h.id(120_000)
	h.other = []ports.LedgerEntry{chargedAt("not ours", h.at(100))}
	got, err := reconcileAt(t, h.at(h.n).AddDate(0, 0, 1), h, h, time.Time{})
	want := payments.Reconciliation{
		Matched: h.n - 1, MissingHere: []billing.PaymentID{"not ours"},
		MissingThere: []billing.PaymentID{h.id(h.skipped)}, Double: []billing.PaymentID{h.id(h.doubled)},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("error %v, difference (-want +got):\n%s", err, diff)
	}
	if grown := int64(h.peak) - int64(h.base); grown > 10<<20 {
		t.Errorf("the heap grew by %d KiB, want at most 10 MiB", grown>>10)
	}
	if h.entries != h.n-1 {
		t.Errorf("%d entries of the ledger were read, want each of the %d once", h.entries, h.n-1)
	}
}

func TestReconcile_SinceBoundsBothSides(t *testing.T) {
	t.Parallel()
	h := &history{n: 40_000, skipped: -1, doubled: 39_000}
	since := h.at(30_000).AddDate(0, 0, 35)
	got, err := reconcileAt(t, since, h, h, since)
	want := payments.Reconciliation{Double: []billing.PaymentID{h.id(h.doubled)}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("error %v, difference (-want +got):\n%s", err, diff)
	}
	// The charges of three payments before that time come after it.
	if h.paid != 10_000 || h.entries != 10_003 {
		t.Errorf("%d payments and %d charges were read, want the 10,000 and 10,003 from 35 days before", h.paid, h.entries)
	}
}
