package main

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/online-cinema/billing/core/app"
)

// writeMetrics writes what the last run did, for the textfile collector of
// Prometheus' node exporter: a job that ends cannot be asked. The file is
// replaced as a whole. They are gauges, since each run starts from zero.
func writeMetrics(file string, s app.Summary, ok bool, begin, end time.Time) error {
	registry := prometheus.NewRegistry()
	gauge := func(name, help string, value float64) {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "billing_renewal", Name: name, Help: help})
		g.Set(value)
		registry.MustRegister(g)
	}
	success := 0.0
	if ok {
		success = 1
	}
	gauge("last_run_success", "1 when the last run dealt with every item, else 0.", success)
	gauge("last_run_timestamp_seconds", "When the last run ended.", float64(end.Unix()))
	gauge("last_run_duration_seconds", "How long the last run took.", end.Sub(begin).Seconds())
	items := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: "billing_renewal", Name: "last_run_items", Help: "What the last run did with its items.",
	}, []string{"result"})
	for result, n := range map[string]int{
		"settled": s.Settled, "due": s.Due, "renewed": s.Renewed, "declined": s.Declined,
		"unknown": s.Unknown, "ended": s.Ended, "failed": s.Failed,
	} {
		items.WithLabelValues(result).Set(float64(n))
	}
	registry.MustRegister(items)
	if err := prometheus.WriteToTextfile(file, registry); err != nil {
		return fmt.Errorf("--metrics-file: %w", err)
	}
	return nil
}
