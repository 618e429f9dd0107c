// Package metrics exports the metrics of a process to Prometheus.
//
//	provider ─ Metrics.Provider ─┐
//	refunder ─ Metrics.Refunder ─┤
//	HTTP API ─ Metrics.Served ───┼─► registry ─► Metrics.Handler
//	Collector ─ Metrics.Event ───┤
//	PanelAuth ─ Metrics.SignIn ──┤
//	database, vault ─ .Watch ────┘ at each scrape
//
// Label values come from short, closed lists: codes, routes, statuses. Ids, amounts
// and data of viewers are never labels.
//
// A renewal run ends before Prometheus can scrape it. Its result is in the database,
// and in a file if one is configured ([LastRun]).
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

// Metrics holds the metrics of one process.
type Metrics struct {
	registry *prometheus.Registry
	charges  charges
	saving   saving
	requests *prometheus.HistogramVec
	events   *prometheus.CounterVec
	consents *prometheus.CounterVec
	refunds  *prometheus.CounterVec
	cancels  *prometheus.CounterVec
	receipts *prometheus.CounterVec
	webhooks *prometheus.CounterVec
	signIns  *prometheus.CounterVec
}

// New returns metrics that start at zero.
func New(version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		charges:  newCharges(),
		saving:   newSaving(),
		consents: newConsents(),
		refunds:  newRefunds(),
		cancels:  newCancels(),
		receipts: newReceipts(),
		webhooks: newWebhooks(),
		signIns:  newSignIns(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "billing_http_request_duration_seconds",
			Help:    "Duration of API requests, by method, route and status.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"method", "route", "status"}),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "billing_payment_events_total",
			Help: "Payment events, by type. Each payment_contradicted needs an operator's decision.",
		}, []string{"type"}),
	}
	// Every series exists from the start with 0, because an alert on a missing series
	// never fires.
	for _, t := range paymentEvents {
		m.events.WithLabelValues(string(t))
	}
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "billing_build_info", Help: "Always 1; the label is the version of the program.", ConstLabels: prometheus.Labels{"version": version},
	})
	info.Set(1)
	m.registry.MustRegister(m.requests, m.events, m.consents, m.refunds, m.cancels, m.receipts, m.webhooks, m.signIns, info,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.charges.register(m.registry)
	m.saving.register(m.registry)
	return m
}

// Handler serves the metrics in Prometheus' format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry, ErrorHandling: promhttp.ContinueOnError})
}

// Masked exports the number of values that the log has masked.
func (m *Metrics) Masked(total func() int64) { m.registry.MustRegister(Masked(total)) }

// Masked is [Metrics.Masked] for another registry.
func Masked(total func() int64) prometheus.Collector {
	return prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "billing_log_masked_total",
		Help: "Values masked in the log because they looked like a card number or a secret. Each one is a bug.",
	}, func() float64 { return float64(total()) })
}

// Served counts a request and its duration. The route is a template, or empty for an
// unknown path. All unknown methods share the label "other".
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
	billing.EventPaymentNeedsReview, billing.EventEnded,
}

// Event counts an event of a payment.
func (m *Metrics) Event(t billing.EventType) { m.events.WithLabelValues(string(t)).Inc() }
