package metrics

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Watched lists the sources that are read at each scrape.
type Watched struct {
	// Backlog returns the work that is pending or due at now.
	Backlog func(ctx context.Context, now time.Time) (ports.Backlog, error)
	// Connections returns the database connections in use, the idle ones, and the
	// maximum.
	Connections func() (used, idle, most int)
	Vault       Vault            // may be nil
	Now         func() time.Time // the billing clock
	Log         *slog.Logger
}

// Vault is the part of the vault that metrics read.
type Vault interface {
	// Check encrypts and decrypts a value, and returns an error if that fails.
	Check() error
	// KeySince returns the time since when the current key encrypts, or the zero time
	// if it is unknown.
	KeySince() time.Time
	// PlaintextReads returns how many payment tokens were read as plaintext.
	PlaintextReads() int64
}

// Watch exports w at each scrape. While the database is unavailable, its metrics are
// absent and billing_database_up is 0.
func (m *Metrics) Watch(w Watched) {
	m.registry.MustRegister(&watch{Watched: w})
}

type watch struct {
	Watched

	last cached[backlogAt]
}

// backlogAt is the backlog at a time.
type backlogAt struct {
	ports.Backlog

	now time.Time
}

var watchMetrics = struct{ up, connections, pending, pendingAge, review, refunds, refundAge, refundReview, receipts, receiptAge, instructions, instructionAge, approvals, approvalAge, planEndingAge, due, late, held, vault, keyAge, plaintexts *prometheus.Desc }{
	prometheus.NewDesc("billing_database_up", "1 if the database answered the query for these metrics, else 0.", nil, nil),
	prometheus.NewDesc("billing_database_connections", "Connections to the database, by state; max is the upper limit.", []string{"state"}, nil),
	prometheus.NewDesc("billing_payments_pending", "Payments that are not settled yet.", nil, nil),
	prometheus.NewDesc("billing_payment_pending_age_seconds", "Age of the oldest pending payment that waits neither for its viewer on a page nor for a person, or 0.", nil, nil),
	prometheus.NewDesc("billing_payments_in_review", "Pending payments that wait for a person, because their outcome was unknown or their page open for too long.", nil, nil),
	prometheus.NewDesc("billing_refunds_pending", "Refunds that are not settled yet.", nil, nil),
	prometheus.NewDesc("billing_refund_pending_age_seconds", "Age of the oldest pending refund that waits for no person, or 0.", nil, nil),
	prometheus.NewDesc("billing_refunds_in_review", "Pending refunds that wait for a person, because the payment system may have forgotten them.", nil, nil),
	prometheus.NewDesc("billing_receipts_pending", "Fiscal receipts that are not registered yet.", nil, nil),
	prometheus.NewDesc("billing_receipt_pending_age_seconds", "Age of the oldest pending receipt, or 0.", nil, nil),
	prometheus.NewDesc("billing_instructions_open", "Instructions of operators that are not executed yet.", nil, nil),
	prometheus.NewDesc("billing_instruction_open_age_seconds", "Age of the oldest open instruction, or 0.", nil, nil),
	prometheus.NewDesc("billing_instructions_waiting", "Instructions that wait for the approval of another person.", nil, nil),
	prometheus.NewDesc("billing_instruction_waiting_age_seconds", "Age of the oldest instruction that waits for an approval, or 0.", nil, nil),
	prometheus.NewDesc("billing_plan_ending_age_seconds", "Time since an operator ended a plan whose subscriptions are not all cancelled yet, or 0.", nil, nil),
	prometheus.NewDesc("billing_renewal_due", "Subscriptions due for the next run, counted up to ten thousand.", nil, nil),
	prometheus.NewDesc("billing_renewal_late_seconds", "Time since the first subscription became due, or 0.", nil, nil),
	prometheus.NewDesc("billing_subscriptions_held", "Subscriptions on hold until the viewer acts, by reason, each counted up to ten thousand.", []string{"reason"}, nil),
	prometheus.NewDesc("billing_vault_up", "1 if the vault decrypted a value that it had encrypted for these metrics, else 0.", nil, nil),
	prometheus.NewDesc("billing_vault_key_age_seconds", "Time since the vault's current key was first used to encrypt.", nil, nil),
	prometheus.NewDesc("billing_vault_plaintext_reads_total", "Payment tokens that were read as plaintext, although there is a keyset.", nil, nil),
}

// Describe implements [prometheus.Collector].
func (w *watch) Describe(out chan<- *prometheus.Desc) {
	m := watchMetrics
	for _, d := range []*prometheus.Desc{m.up, m.connections, m.pending, m.pendingAge, m.review, m.refunds, m.refundAge, m.refundReview, m.receipts, m.receiptAge, m.instructions, m.instructionAge, m.approvals, m.approvalAge, m.planEndingAge, m.due, m.late, m.held, m.vault, m.keyAge, m.plaintexts} {
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
	b, err := w.last.get(w.query)
	gauge(out, watchMetrics.up, oneIf(err == nil))
	if err != nil {
		return
	}
	age := func(since time.Time) float64 {
		if since.IsZero() {
			return 0
		}
		return max(0, b.now.Sub(since).Seconds())
	}
	gauge(out, watchMetrics.pending, float64(b.Pending))
	gauge(out, watchMetrics.pendingAge, age(b.OldestPending))
	gauge(out, watchMetrics.review, float64(b.InReview))
	gauge(out, watchMetrics.refunds, float64(b.Refunds))
	gauge(out, watchMetrics.refundAge, age(b.OldestRefund))
	gauge(out, watchMetrics.refundReview, float64(b.RefundReview))
	gauge(out, watchMetrics.receipts, float64(b.Receipts))
	gauge(out, watchMetrics.receiptAge, age(b.OldestReceipt))
	gauge(out, watchMetrics.instructions, float64(b.Instructions))
	gauge(out, watchMetrics.instructionAge, age(b.OldestInstruction))
	gauge(out, watchMetrics.approvals, float64(b.Approvals))
	gauge(out, watchMetrics.approvalAge, age(b.OldestApproval))
	gauge(out, watchMetrics.planEndingAge, age(b.OldestPlanEnding))
	gauge(out, watchMetrics.due, float64(b.Due))
	gauge(out, watchMetrics.late, age(b.OldestDue))
	collectHeld(out, b.Held)
	if !b.LastRun.FinishedAt.IsZero() {
		lastRun{b.LastRun}.Collect(out)
	}
}

// collectHeld exports every known reason, with 0 if no subscription is on hold for it.
// Other reasons count as unknown, because other texts must not become labels.
func collectHeld(out chan<- prometheus.Metric, held map[billing.DeclineCode]int) {
	reasons := map[billing.DeclineCode]int{billing.TokenUnknown: 0, billing.Refused: 0, billing.ReceiptContactMissing: 0}
	for _, reason := range billing.DeclineCodes() {
		reasons[reason] = 0
	}
	for reason, n := range held {
		if _, known := reasons[reason]; !known {
			reason = billing.UnknownDecline
		}
		reasons[reason] += n
	}
	for reason, n := range reasons {
		gauge(out, watchMetrics.held, float64(n), string(reason))
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
	out <- prometheus.MustNewConstMetric(watchMetrics.plaintexts, prometheus.CounterValue, float64(w.Vault.PlaintextReads()))
}

func (w *watch) query(ctx context.Context) (backlogAt, error) {
	now := w.Now()
	b, err := w.Backlog(ctx, now)
	if err != nil {
		w.Log.Warn("cannot read the metrics of the database", "error", err)
	}
	return backlogAt{b, now}, err
}
