package metrics

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

func newWebhooks() *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "billing_webhooks_total",
		Help: "Requests to endpoints of webhooks, by result: delivered, failed (the event was refused), down (the endpoint takes none) or gone (410).",
	}, []string{"result"})
	for _, r := range []billing.WebhookResult{billing.WebhookDelivered, billing.WebhookFailed, billing.WebhookDown, billing.WebhookGone} {
		v.WithLabelValues(string(r))
	}
	return v
}

// Webhook counts a request to an endpoint.
func (m *Metrics) Webhook(r billing.WebhookResult) { m.webhooks.WithLabelValues(string(r)).Inc() }

// WatchEndpoints exports the lag of each endpoint. Scrapes share a query of the database, as
// those of [Metrics.Watch] do. While the database is unavailable it exports nothing. The
// label is the id of the endpoint: there are few.
func (m *Metrics) WatchEndpoints(list func(context.Context) ([]ports.EndpointView, error), log *slog.Logger) {
	m.registry.MustRegister(&endpoints{read: list, log: log})
}

type endpoints struct {
	read func(context.Context) ([]ports.EndpointView, error)
	log  *slog.Logger
	last cached[[]ports.EndpointView]
}

var endpointMetrics = struct{ behind, lag, disabled *prometheus.Desc }{
	prometheus.NewDesc("billing_webhook_events_behind", "Events that the endpoint has not received yet, counted up to ten thousand.", []string{"endpoint"}, nil),
	prometheus.NewDesc("billing_webhook_lag_seconds", "Age of the oldest event that the endpoint has not received yet, or 0.", []string{"endpoint"}, nil),
	prometheus.NewDesc("billing_webhook_disabled", "1 if an operator has disabled the endpoint, or its receiver has responded with 410, else 0.", []string{"endpoint"}, nil),
}

// Describe implements [prometheus.Collector].
func (*endpoints) Describe(out chan<- *prometheus.Desc) {
	out <- endpointMetrics.behind
	out <- endpointMetrics.lag
	out <- endpointMetrics.disabled
}

// Collect implements [prometheus.Collector].
func (e *endpoints) Collect(out chan<- prometheus.Metric) {
	list, err := e.last.get(e.read)
	if err != nil {
		e.log.Debug("metrics without the endpoints", "error", err)
		return
	}
	for _, view := range list {
		id := string(view.ID)
		gauge(out, endpointMetrics.behind, float64(view.Behind), id)
		var lag time.Duration
		if !view.Oldest.IsZero() {
			lag = max(0, time.Since(view.Oldest))
		}
		gauge(out, endpointMetrics.lag, lag.Seconds(), id)
		gauge(out, endpointMetrics.disabled, oneIf(!view.DisabledAt.IsZero()), id)
	}
}
