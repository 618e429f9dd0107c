package main

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/online-cinema/billing/adapters/metrics"
	"github.com/online-cinema/billing/core/app"
)

// writeMetrics writes what a run did, for the textfile collector of Prometheus'
// node exporter: a job that ends cannot be asked. The file is replaced as a whole.
func writeMetrics(file string, r app.Run, masked func() int64) error {
	registry := prometheus.NewRegistry()
	registry.MustRegister(metrics.LastRun(r), metrics.Masked(masked))
	if err := prometheus.WriteToTextfile(file, registry); err != nil {
		return fmt.Errorf("--metrics-file: %w", err)
	}
	return nil
}
