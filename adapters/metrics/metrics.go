// Package metrics counts what happens, for Prometheus to ask for.
//
//	provider ─ Metrics.Provider ─┐
//	HTTP API ─ Metrics.Served ───┼─► registry ─► Metrics.Handler
//	Collector ─ Metrics.Event ───┤
//	database, vault ─ .Watch ────┘ when asked
//
// Labels are from short, closed lists: codes, routes, statuses. No id, no
// amount, nothing of a viewer is one.
//
// A renewal run ends before anybody can ask it: what it did is in the database,
// and in the file that it may write ([LastRun]).
//
// Not here: the listeners (cmd/api, cmd/admin), the dashboard and the alerts
// (cmd/api/monitoring).
package metrics

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/online-cinema/billing/core/billing"
)

// Metrics is what is counted in one process.
type Metrics struct {
	registry *prometheus.Registry
	charges  charges
	requests *prometheus.HistogramVec
	events   *prometheus.CounterVec
}

// New returns metrics that count from zero.
func New(version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		charges:  newCharges(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "billing_http_request_duration_seconds",
			Help:    "How long requests to the API took, by method, route and status.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"method", "route", "status"}),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "billing_payment_events_total",
			Help: "What payments came to, by type of event. Any payment_contradicted is for a person to look at.",
		}, []string{"type"}),
	}
	// Something that has not happened yet counts zero: an alert on what is not
	// there never fires.
	for _, t := range paymentEvents {
		m.events.WithLabelValues(string(t))
	}
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "billing_build_info", Help: "Always 1; the label says what runs.", ConstLabels: prometheus.Labels{"version": version},
	})
	info.Set(1)
	m.registry.MustRegister(m.requests, m.events, info, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.charges.register(m.registry)
	return m
}

// Handler shows the metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry, ErrorHandling: promhttp.ContinueOnError})
}

// Masked shows how much a log has masked that looked like the number of a card.
func (m *Metrics) Masked(total func() int64) { m.registry.MustRegister(Masked(total)) }

// Masked is [Metrics.Masked] for another registry.
func Masked(total func() int64) prometheus.Collector {
	return prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "billing_log_masked_total",
		Help: "What looked like a card's number, or a secret, and was kept out of the log. Any is a fault of ours.",
	}, func() float64 { return float64(total()) })
}

// Served counts an answered request. The route is a template, or empty when
// there is none; methods that HTTP does not know count as one.
func (m *Metrics) Served(method, route string, status int, took time.Duration) {
	if !slices.Contains(methods, method) {
		method = "other"
	}
	if route == "" {
		route = "none"
	}
	m.requests.WithLabelValues(method, route, strconv.Itoa(status)).Observe(took.Seconds())
}

var methods = []string{
	http.MethodDelete, http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPatch, http.MethodPost, http.MethodPut,
}

var paymentEvents = []billing.EventType{
	billing.EventSubscribed, billing.EventRenewed, billing.EventPaymentDeclined, billing.EventPaymentAbandoned, billing.EventPaymentContradicted,
	billing.EventEnded,
}

// Event counts what a payment caused.
func (m *Metrics) Event(t billing.EventType) { m.events.WithLabelValues(string(t)).Inc() }
