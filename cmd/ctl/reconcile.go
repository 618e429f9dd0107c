package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"github.com/online-cinema/billing/adapters/clock"
	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/cmd/internal/boot"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
)

func (t *tool) reconcile() *cobra.Command {
	var system, since, metricsFile string
	var record bool
	cmd := &cobra.Command{
		Use: "reconcile", Short: "Compare our payments and refunds with a payment system's ledger",
		Long: "Compare our payments and refunds with a payment system's ledger. The exit code is 1 if they differ. It changes\n" +
			"nothing, unless --record enters the refunds that were made in the payment system's own panel.\n\n" +
			"A payment that is being settled, or was within the last 15 minutes, is in flight. That is no difference. A payment\n" +
			"whose amount, payment method or payment system is not that of its subscription is different.",
		Args: noArgs,
		RunE: t.action(func(cmd *cobra.Command, _ []string) error {
			f := flagFaults(cmd)
			from, err := parseSince(since, clock.System{}.Now())
			f.add(err)
			if err := f.err(); err != nil {
				return err
			}
			return t.compare(cmd, comparison{system, from, record}, metricsFile)
		}),
	}
	cmd.Flags().StringVar(&system, "payment-system", "", "code of the payment system")
	cmd.Flags().StringVar(&since, "since", "", "compare payments from this time, such as 2026-01-31T00:00:00Z or 2026-01-31, or those of this long, such as 7d (default: all)")
	cmd.Flags().StringVar(&metricsFile, "metrics-file", "", "write the number of differences for Prometheus' textfile collector")
	cmd.Flags().BoolVar(&record, "record", false, "enter refunds that only the payment system has; they change no access")
	require(cmd, "payment-system")
	return t.withJSON(cmd)
}

// comparison is a comparison of our payments and refunds with those of a payment system.
type comparison struct {
	system string
	since  time.Time
	record bool // refunds that only the payment system has
}

// compared is the result of a comparison.
type compared struct {
	payments.Reconciliation
	refunds  payments.RefundReconciliation
	recorded []billing.Refund
}

func (c compared) differs() bool { return c.Reconciliation.Differs() || c.refunds.Differs() }

type reconciliationJSON struct {
	Matched      int                 `json:"matched"`
	InFlight     int                 `json:"in_flight"`
	MissingHere  []billing.PaymentID `json:"missing_here"`
	MissingThere []billing.PaymentID `json:"missing_there"`
	Different    []billing.PaymentID `json:"different"`
	Double       []billing.PaymentID `json:"double"`

	Refunds refundReconciliationJSON `json:"refunds"`
}

type refundReconciliationJSON struct {
	Matched      int                `json:"matched"`
	InFlight     int                `json:"in_flight"`
	MissingHere  []string           `json:"missing_here"` // references
	MissingThere []billing.RefundID `json:"missing_there"`
	Different    []billing.RefundID `json:"different"`
	Recorded     []string           `json:"recorded"` // references
}

func (t *tool) compare(cmd *cobra.Command, c comparison, metricsFile string) error {
	r, err := t.reconciliation(cmd, c)
	if err != nil {
		return err
	}
	if metricsFile != "" {
		if err := writeMismatches(metricsFile, c.system, r, clock.System{}.Now()); err != nil {
			t.errorf("warning: %v; the comparison itself is complete", err)
		}
	}
	err = t.print(toReconciliationJSON(r), func() { t.showReconciliation(r) })
	if err == nil && r.differs() {
		t.errorf("our payments or refunds and the ledger of %s differ", c.system)
		return errReported
	}
	return err
}

// toReconciliationJSON returns lists that are never null.
func toReconciliationJSON(r compared) reconciliationJSON {
	list := func(ids []billing.PaymentID) []billing.PaymentID { return append([]billing.PaymentID{}, ids...) }
	refunds := func(ids []billing.RefundID) []billing.RefundID { return append([]billing.RefundID{}, ids...) }
	return reconciliationJSON{
		r.Matched, r.InFlight, list(r.MissingHere), list(r.MissingThere), list(r.Different), list(r.Double),
		refundReconciliationJSON{
			r.refunds.Matched, r.refunds.InFlight, mapped(r.refunds.MissingHere, func(e ports.RefundEntry) string { return e.Ref }),
			refunds(r.refunds.MissingThere), refunds(r.refunds.Different), mapped(r.recorded, func(f billing.Refund) string { return f.ProviderRef }),
		},
	}
}

func (t *tool) reconciliation(cmd *cobra.Command, c comparison) (r compared, err error) {
	ctx := cmd.Context()
	provider, closeProvider, err := t.openPaymentSystem(ctx, c.system)
	if errors.Is(err, boot.ErrNoAdapter) {
		return r, usageErrorf("--payment-system: %v", err)
	}
	if err != nil {
		return r, err
	}
	defer closeProvider()
	ledger, ok := provider.(ports.Ledger)
	if !ok {
		return r, fmt.Errorf("payment system %s cannot list its charges", c.system)
	}
	err = t.withStore(ctx, func(s *postgres.Store) error {
		r.Reconciliation, err = payments.Reconciler{
			Payments: s, Ledger: ledger, System: c.system, Clock: clock.System{},
		}.Compare(ctx, c.since)
		if err != nil {
			return err
		}
		if refunder, ok := provider.(ports.Refunder); ok {
			err = t.compareRefunds(ctx, s, refunder, c, &r)
		}
		return err
	})
	return r, err
}

// compareRefunds compares the refunds. If it is asked to, it enters those that only the
// payment system has, and compares again.
func (t *tool) compareRefunds(ctx context.Context, s *postgres.Store, theirs ports.Refunder, c comparison, r *compared) error {
	refunds := payments.RefundReconciler{Ours: s, Theirs: theirs, System: c.system, Clock: clock.System{}}
	var err error
	if r.refunds, err = refunds.Compare(ctx, c.since); err != nil || !c.record || len(r.refunds.MissingHere) == 0 {
		return err
	}
	cfg, err := boot.Load[settleConfig](t.environ)
	if err != nil {
		return err
	}
	var failed error
	if r.recorded, failed = t.payments(cfg, s, clock.System{}).RecordRefunds(ctx, s, c.system, r.refunds.MissingHere); failed != nil {
		t.errorf("%v", failed)
	}
	r.refunds, err = refunds.Compare(ctx, c.since)
	return err
}

// writeMismatches writes the result and the time of a comparison as metrics.
func writeMismatches(file, system string, r compared, now time.Time) error {
	labels := prometheus.Labels{"provider": system}
	mismatches := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "billing_reconcile_mismatches", ConstLabels: labels,
		Help: "Payments and refunds that differed from the payment system's ledger in the last comparison.",
	}, []string{"kind"})
	for kind, ids := range map[string][]billing.PaymentID{
		"missing_here": r.MissingHere, "missing_there": r.MissingThere, "different": r.Different, "double": r.Double,
	} {
		mismatches.WithLabelValues(kind).Set(float64(len(ids)))
	}
	for kind, n := range map[string]int{
		"refund_missing_here": len(r.refunds.MissingHere), "refund_missing_there": len(r.refunds.MissingThere), "refund_different": len(r.refunds.Different),
	} {
		mismatches.WithLabelValues(kind).Set(float64(n))
	}
	ended := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "billing_reconcile_timestamp_seconds", ConstLabels: labels, Help: "Time of the last comparison.",
	})
	ended.Set(float64(now.Unix()))
	registry := prometheus.NewRegistry()
	registry.MustRegister(mismatches, ended)
	if err := prometheus.WriteToTextfile(file, registry); err != nil {
		return fmt.Errorf("--metrics-file: %w", err)
	}
	return nil
}

// parseSince parses a time, a day in UTC, or a duration before now.
func parseSince(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, s); err == nil {
			return at.UTC(), nil
		}
	}
	if ago, err := boot.ParseDuration(s); err == nil && ago > 0 {
		return now.Add(-ago), nil
	}
	return time.Time{}, usageErrorf("--since %q is not a time such as 2026-01-31T00:00:00Z or 2026-01-31, or a duration such as 7d", s)
}

// differences is a line of a table, and the items below it.
type differences struct {
	name, means string
	items       []string
}

func (t *tool) showReconciliation(r compared) {
	ids := func(ids []billing.PaymentID) []string {
		return mapped(ids, func(id billing.PaymentID) string { return string(id) })
	}
	t.showGroups("PAYMENTS", [][]string{
		{"matched", strconv.Itoa(r.Matched), ""},
		{"in flight", strconv.Itoa(r.InFlight), "being settled, or settled a moment ago"},
	}, []differences{
		{"missing here", "in the ledger, not paid in our database", ids(r.MissingHere)},
		{"missing there", "paid in our database, not in the ledger", ids(r.MissingThere)},
		{"different", "another amount in the ledger, or not as the subscription says", ids(r.Different)},
		{"double", "charged more than once", ids(r.Double)},
	})
	t.printf("")
	refunds := func(ids []billing.RefundID) []string {
		return mapped(ids, func(id billing.RefundID) string { return string(id) })
	}
	t.showGroups("REFUNDS", [][]string{
		{"matched", strconv.Itoa(r.refunds.Matched), ""},
		{"in flight", strconv.Itoa(r.refunds.InFlight), "pending, or made a moment ago"},
	}, []differences{
		{"missing here", "made at the payment system only; --record enters them", mapped(r.refunds.MissingHere, func(e ports.RefundEntry) string {
			return e.Ref + " of " + e.Amount.String()
		})},
		{"missing there", "succeeded here, not made at the payment system", refunds(r.refunds.MissingThere)},
		{"different", "another amount or status at the payment system", refunds(r.refunds.Different)},
		{"recorded", "entered now", mapped(r.recorded, func(f billing.Refund) string { return f.ProviderRef + " of " + f.Amount.String() })},
	})
}

// showGroups prints a table of counts, followed by groups with their items.
func (t *tool) showGroups(title string, rows [][]string, groups []differences) {
	for _, g := range groups {
		rows = append(rows, []string{g.name, strconv.Itoa(len(g.items)), g.means})
		for _, item := range g.items {
			rows = append(rows, []string{"", "", item})
		}
	}
	t.table([]string{title, "NUMBER", ""}, rows)
}
