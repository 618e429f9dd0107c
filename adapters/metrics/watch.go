package metrics

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/online-cinema/billing/core/ports"
)

// watchTimeout is how long a look at the database may take: whoever asks for
// metrics does not wait long.
const watchTimeout = 2 * time.Second

// watchRest is how long a look is good for, however often and by however many
// the metrics are asked for.
const watchRest = 5 * time.Second

// Watched is what is looked at when somebody asks for metrics.
type Watched struct {
	// Backlog says what waits to be done at now.
	Backlog func(ctx context.Context, now time.Time) (ports.Backlog, error)
	// Connections says how many connections to the database are in use, how many
	// wait to be used, and how many there may be.
	Connections func() (used, idle, most int)
	Vault       Vault            // nil without one
	Now         func() time.Time // billing's clock
	Log         *slog.Logger
}

// Vault is what is watched of the vault.
type Vault interface {
	// Check fails when it does not open what it seals.
	Check() error
	// KeySince returns since when its key seals; the zero time when nobody knows.
	KeySince() time.Time
}

// Watch has w looked at. While the database is out of reach what it knows is left
// out, and billing_database_up is 0.
func (m *Metrics) Watch(w Watched) {
	m.registry.MustRegister(&watch{Watched: w})
}

type watch struct {
	Watched

	mu   sync.Mutex
	at   time.Time // of the last look
	seen ports.Backlog
	now  time.Time
	err  error
}

var watchMetrics = struct{ up, connections, pending, pendingAge, due, late, vault, keyAge *prometheus.Desc }{
	prometheus.NewDesc("billing_database_up", "Whether the database answered when it was asked for these metrics.", nil, nil),
	prometheus.NewDesc("billing_database_connections", "Connections to the database, by state; max is how many there may be.", []string{"state"}, nil),
	prometheus.NewDesc("billing_payments_pending", "Payments that are not settled yet.", nil, nil),
	prometheus.NewDesc("billing_payment_pending_age_seconds", "Age of the oldest payment that is not settled yet; 0 when there is none.", nil, nil),
	prometheus.NewDesc("billing_renewal_due", "Subscriptions that the next run takes up, of which ten thousand are counted at most.", nil, nil),
	prometheus.NewDesc("billing_renewal_late_seconds", "How long the first of them has been due; 0 when there is none.", nil, nil),
	prometheus.NewDesc("billing_vault_up", "Whether the vault opened what it sealed when it was asked for these metrics.", nil, nil),
	prometheus.NewDesc("billing_vault_key_age_seconds", "How long the vault's key has sealed.", nil, nil),
}

// Describe implements [prometheus.Collector].
func (w *watch) Describe(out chan<- *prometheus.Desc) {
	m := watchMetrics
	for _, d := range []*prometheus.Desc{m.up, m.connections, m.pending, m.pendingAge, m.due, m.late, m.vault, m.keyAge} {
		out <- d
	}
	lastRun{}.Describe(out)
}

// Collect implements [prometheus.Collector].
func (w *watch) Collect(out chan<- prometheus.Metric) {
	used, idle, most := w.Connections()
	for state, n := range map[string]int{"used": used, "idle": idle, "max": most} {
		gauge(out, watchMetrics.connections, float64(n), state)
	}
	w.collectVault(out)
	b, now, err := w.look()
	gauge(out, watchMetrics.up, oneIf(err == nil))
	if err != nil {
		return
	}
	age := func(since time.Time) float64 {
		if since.IsZero() {
			return 0
		}
		return max(0, now.Sub(since).Seconds())
	}
	gauge(out, watchMetrics.pending, float64(b.Pending))
	gauge(out, watchMetrics.pendingAge, age(b.OldestPending))
	gauge(out, watchMetrics.due, float64(b.Due))
	gauge(out, watchMetrics.late, age(b.OldestDue))
	if !b.LastRun.FinishedAt.IsZero() {
		lastRun{b.LastRun}.Collect(out)
	}
}

func (w *watch) collectVault(out chan<- prometheus.Metric) {
	if w.Vault == nil {
		return
	}
	gauge(out, watchMetrics.vault, oneIf(w.Vault.Check() == nil))
	if since := w.Vault.KeySince(); !since.IsZero() {
		gauge(out, watchMetrics.keyAge, max(0, w.Now().Sub(since).Seconds()))
	}
}

// look asks the database, unless somebody did just now; whoever comes meanwhile
// waits for the same answer.
func (w *watch) look() (ports.Backlog, time.Time, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if time.Since(w.at) < watchRest {
		return w.seen, w.now, w.err
	}
	ctx, cancel := context.WithTimeout(context.Background(), watchTimeout)
	defer cancel()
	w.now = w.Now()
	w.seen, w.err = w.Backlog(ctx, w.now)
	w.at = time.Now()
	if w.err != nil {
		w.Log.Warn("metrics without the database", "error", w.err)
	}
	return w.seen, w.now, w.err
}
