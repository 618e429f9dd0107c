package main

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/online-cinema/billing/adapters/metrics"
	"github.com/online-cinema/billing/core/ports"
)

// writeMetrics writes the results of a run for the textfile collector of
// Prometheus' node exporter, because a job that ends cannot be scraped. It replaces
// the file atomically.
func writeMetrics(file string, r ports.Run, consents metrics.RunConsents, masked func() int64) error {
	registry := prometheus.NewRegistry()
	registry.MustRegister(metrics.LastRun(r), consents, metrics.Masked(masked))
	if err := prometheus.WriteToTextfile(file, registry); err != nil {
		return fmt.Errorf("--metrics-file: %w", err)
	}
	return nil
}
