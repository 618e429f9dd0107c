package metrics

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// watchTimeout is how long a look at the database may take: whoever asks for
// metrics does not wait long.
const watchTimeout = 2 * time.Second

// Pending says how many payments are pending, and when the oldest of them was
// made; the zero time when there are none.
type Pending func(ctx context.Context) (n int, oldest time.Time, err error)

// Connections says how many connections to the database are in use, how many
// wait to be used, and how many there may be.
type Connections func() (used, idle, most int)

// Watch looks at the database whenever it is asked for metrics. Now is the
// clock of billing. While the database is out of reach those metrics are left
// out, and billing_database_up is 0.
func (m *Metrics) Watch(pending Pending, connections Connections, now func() time.Time, log *slog.Logger) {
	gauge := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	m.registry.MustRegister(&watch{
		pending: pending, connections: connections, now: now, log: log,
		up:    gauge("billing_database_up", "Whether the database answered when it was asked for these metrics."),
		count: gauge("billing_payments_pending", "Payments that are not settled yet."),
		age:   gauge("billing_payment_pending_age_seconds", "Age of the oldest payment that is not settled yet; 0 when there is none."),
		conns: gauge("billing_database_connections", "Connections to the database, by state; max is how many there may be.", "state"),
	})
}

type watch struct {
	pending     Pending
	connections Connections
	now         func() time.Time
	log         *slog.Logger

	up, count, age, conns *prometheus.Desc
}

// Describe implements [prometheus.Collector].
func (w *watch) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{w.up, w.count, w.age, w.conns} {
		out <- d
	}
}

// Collect implements [prometheus.Collector].
func (w *watch) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	used, idle, most := w.connections()
	gauge(w.conns, float64(used), "used")
	gauge(w.conns, float64(idle), "idle")
	gauge(w.conns, float64(most), "max")

	ctx, cancel := context.WithTimeout(context.Background(), watchTimeout)
	defer cancel()
	n, oldest, err := w.pending(ctx)
	if err != nil {
		w.log.Warn("metrics without the database", "error", err)
		gauge(w.up, 0)
		return
	}
	gauge(w.up, 1)
	gauge(w.count, float64(n))
	age := 0.0
	if n > 0 {
		age = max(0, w.now().Sub(oldest).Seconds())
	}
	gauge(w.age, age)
}
