package metrics

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// WatchFeed exports the lag of the feed, which it reads at most once in five seconds. While
// the database is unavailable it exports nothing.
func (m *Metrics) WatchFeed(lag func(context.Context) (time.Duration, error), log *slog.Logger) {
	m.registry.MustRegister(&feedLag{read: lag, log: log})
}

type feedLag struct {
	read func(context.Context) (time.Duration, error)
	log  *slog.Logger
	last cached[time.Duration]
}

var feedLagMetric = prometheus.NewDesc("billing_feed_lag_seconds",
	"Age of the oldest event that is recorded but that GET /v1/events does not return yet, because a transaction is open, or 0.", nil, nil)

// Describe implements [prometheus.Collector].
func (*feedLag) Describe(out chan<- *prometheus.Desc) { out <- feedLagMetric }

// Collect implements [prometheus.Collector].
func (f *feedLag) Collect(out chan<- prometheus.Metric) {
	lag, err := f.last.get(f.read)
	if err != nil {
		f.log.Debug("metrics without the feed", "error", err)
		return
	}
	gauge(out, feedLagMetric, lag.Seconds())
}
