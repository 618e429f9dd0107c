package main

import (
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
	cmd := &cobra.Command{
		Use: "reconcile", Short: "Compare our payments with a payment system's ledger",
		Long: "Compare our payments with a payment system's ledger. The exit code is 1 if they differ. It changes nothing.\n\n" +
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
			return t.compare(cmd, system, from, metricsFile)
		}),
	}
	cmd.Flags().StringVar(&system, "payment-system", "", "code of the payment system")
	cmd.Flags().StringVar(&since, "since", "", "compare payments from this time, such as 2026-01-31T00:00:00Z or 2026-01-31, or those of this long, such as 7d (default: all)")
	cmd.Flags().StringVar(&metricsFile, "metrics-file", "", "write the number of differences for Prometheus' textfile collector")
	require(cmd, "payment-system")
	return t.withJSON(cmd)
}

type reconciliationJSON struct {
	Matched      int                 `json:"matched"`
	InFlight     int                 `json:"in_flight"`
	MissingHere  []billing.PaymentID `json:"missing_here"`
	MissingThere []billing.PaymentID `json:"missing_there"`
	Different    []billing.PaymentID `json:"different"`
	Double       []billing.PaymentID `json:"double"`
}

func (t *tool) compare(cmd *cobra.Command, system string, since time.Time, metricsFile string) error {
	r, err := t.reconciliation(cmd, system, since)
	if err != nil {
		return err
	}
	if metricsFile != "" {
		if err := writeMismatches(metricsFile, system, r, clock.System{}.Now()); err != nil {
			t.errorf("warning: %v; the comparison itself is complete", err)
		}
	}
	list := func(ids []billing.PaymentID) []billing.PaymentID { return append([]billing.PaymentID{}, ids...) }
	err = t.print(reconciliationJSON{
		r.Matched, r.InFlight, list(r.MissingHere), list(r.MissingThere), list(r.Different), list(r.Double),
	}, func() { t.showReconciliation(r) })
	if err == nil && r.Differs() {
		t.errorf("our payments and the ledger of %s differ", system)
		return errReported
	}
	return err
}

func (t *tool) reconciliation(cmd *cobra.Command, system string, since time.Time) (r payments.Reconciliation, err error) {
	provider, closeProvider, err := t.openPaymentSystem(cmd.Context(), system)
	if errors.Is(err, boot.ErrNoAdapter) {
		return r, usageErrorf("--payment-system: %v", err)
	}
	if err != nil {
		return r, err
	}
	defer closeProvider()
	ledger, ok := provider.(ports.Ledger)
	if !ok {
		return r, fmt.Errorf("payment system %s cannot list its charges", system)
	}
	err = t.withStore(cmd.Context(), func(s *postgres.Store) error {
		r, err = payments.Reconciler{
			Payments: s, Ledger: ledger, System: system, Clock: clock.System{},
		}.Compare(cmd.Context(), since)
		return err
	})
	return r, err
}

// writeMismatches writes the result and the time of a comparison as metrics.
func writeMismatches(file, system string, r payments.Reconciliation, now time.Time) error {
	labels := prometheus.Labels{"provider": system}
	mismatches := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "billing_reconcile_mismatches", ConstLabels: labels,
		Help: "Payments that differed from the payment system's ledger in the last comparison.",
	}, []string{"kind"})
	for kind, ids := range map[string][]billing.PaymentID{
		"missing_here": r.MissingHere, "missing_there": r.MissingThere, "different": r.Different, "double": r.Double,
	} {
		mismatches.WithLabelValues(kind).Set(float64(len(ids)))
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

func (t *tool) showReconciliation(r payments.Reconciliation) {
	rows := [][]string{
		{"matched", strconv.Itoa(r.Matched), ""},
		{"in flight", strconv.Itoa(r.InFlight), "being settled, or settled a moment ago"},
	}
	for _, group := range []struct {
		name, means string
		ids         []billing.PaymentID
	}{
		{"missing here", "in the ledger, not paid in our database", r.MissingHere},
		{"missing there", "paid in our database, not in the ledger", r.MissingThere},
		{"different", "another amount in the ledger, or not as the subscription says", r.Different},
		{"double", "charged more than once", r.Double},
	} {
		rows = append(rows, []string{group.name, strconv.Itoa(len(group.ids)), group.means})
		for _, id := range group.ids {
			rows = append(rows, []string{"", "", fmt.Sprint(id)})
		}
	}
	t.table([]string{"PAYMENTS", "NUMBER", ""}, rows)
}
