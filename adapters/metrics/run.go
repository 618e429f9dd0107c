package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/online-cinema/billing/core/ports"
)

// LastRun exports a finished renewal run. Its metrics are gauges, because each run
// starts at zero.
func LastRun(r ports.Run) prometheus.Collector { return lastRun{r} }

type lastRun struct{ ports.Run }

var runMetrics = struct{ success, gaveUp, ended, took, items *prometheus.Desc }{
	runMetric("success", "1 if the last run completed every item, else 0."),
	runMetric("gave_up", "1 if the last run gave up a payment system, else 0."),
	runMetric("timestamp_seconds", "End of the last run."),
	runMetric("duration_seconds", "Duration of the last run."),
	runMetric("items", "Items of the last run, by result.", "result"),
}

func runMetric(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("billing_renewal_last_run_"+name, help, labels, nil)
}

// Describe implements [prometheus.Collector].
func (r lastRun) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{runMetrics.success, runMetrics.gaveUp, runMetrics.ended, runMetrics.took, runMetrics.items} {
		out <- d
	}
}

// Collect implements [prometheus.Collector].
func (r lastRun) Collect(out chan<- prometheus.Metric) {
	gauge(out, runMetrics.success, oneIf(r.OK()))
	gauge(out, runMetrics.gaveUp, oneIf(r.GaveUp))
	gauge(out, runMetrics.ended, float64(r.FinishedAt.Unix()))
	gauge(out, runMetrics.took, r.FinishedAt.Sub(r.StartedAt).Seconds())
	s := r.Summary
	for result, n := range map[string]int{
		"settled": s.Settled, "due": s.Due, "renewed": s.Renewed, "declined": s.Declined, "held": s.Held,
		"unknown": s.Unknown, "ended": s.Ended, "failed": s.Failed, "waiting": s.Waiting,
	} {
		gauge(out, runMetrics.items, float64(n), result)
	}
}

func gauge(out chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func oneIf(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
