package metrics

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Archive is the state of Postgres' WAL archive, which restores to a moment need.
type Archive struct {
	Enabled           bool
	Succeeded, Failed time.Time // last success and last failure; zero if there was none
}

// WatchArchive exports the state of the WAL archive. It reads the state on each
// scrape. While the database is unavailable it exports nothing.
func (m *Metrics) WatchArchive(read func(context.Context) (Archive, error), log *slog.Logger) {
	m.registry.MustRegister(archive{read, log})
}

type archive struct {
	read func(context.Context) (Archive, error)
	log  *slog.Logger
}

var archiveMetrics = struct{ enabled, succeeded, failed *prometheus.Desc }{
	prometheus.NewDesc("billing_wal_archive_enabled", "1 if Postgres archives WAL, else 0.", nil, nil),
	prometheus.NewDesc("billing_wal_archive_success_timestamp_seconds", "Time of the last WAL file that was archived; 0 if there was none.", nil, nil),
	prometheus.NewDesc("billing_wal_archive_failure_timestamp_seconds", "Time of the last failure to archive a WAL file; 0 if there was none.", nil, nil),
}

// Describe implements [prometheus.Collector].
func (a archive) Describe(out chan<- *prometheus.Desc) {
	out <- archiveMetrics.enabled
	out <- archiveMetrics.succeeded
	out <- archiveMetrics.failed
}

// Collect implements [prometheus.Collector].
func (a archive) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), watchTimeout)
	defer cancel()
	s, err := a.read(ctx)
	if err != nil {
		a.log.Debug("metrics without the WAL archive", "error", err)
		return
	}
	gauge(out, archiveMetrics.enabled, oneIf(s.Enabled))
	gauge(out, archiveMetrics.succeeded, seconds(s.Succeeded))
	gauge(out, archiveMetrics.failed, seconds(s.Failed))
}

func seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.Unix())
}
