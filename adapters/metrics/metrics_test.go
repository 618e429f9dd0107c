package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/online-cinema/billing/adapters/metrics"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// scrape returns the response of the metrics handler.
func scrape(t *testing.T, m *metrics.Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("the response is %d %s, want 200", w.Code, w.Body)
	}
	return w.Body.String()
}

func expect(t *testing.T, m *metrics.Metrics, lines ...string) {
	t.Helper()
	text := scrape(t, m)
	for _, line := range lines {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("no line %s in\n%s", line, grep(text, line))
		}
	}
}

// grep returns the lines of the same metric.
func grep(text, line string) string {
	name, _, _ := strings.Cut(strings.Fields(line)[0], "{")
	var found []string
	for l := range strings.Lines(text) {
		if strings.HasPrefix(l, name) {
			found = append(found, l)
		}
	}
	return strings.Join(found, "")
}

// fakeProvider returns a fixed outcome and error.
type fakeProvider struct {
	outcome billing.Outcome
	err     error
}

func (p *fakeProvider) Charge(context.Context, ports.ChargeRequest) (billing.Outcome, error) {
	return p.outcome, p.err
}
func (p *fakeProvider) Capabilities() ports.Capabilities {
	return ports.Capabilities{Accepts: []ports.Means{ports.ByToken}}
}

func (p *fakeProvider) Find(context.Context, ports.ChargeQuery) (billing.Outcome, error) {
	return p.outcome, p.err
}

func TestProvider(t *testing.T) {
	t.Parallel()
	declined := func(code billing.DeclineCode) billing.Outcome {
		return billing.Outcome{Status: billing.PaymentDeclined, DeclineCode: code}
	}
	tests := map[string]struct {
		fake            fakeProvider
		outcome, reason string
		unknown         int
		unmapped        int
	}{
		"succeeded":           {fakeProvider{outcome: billing.Outcome{Status: billing.PaymentSucceeded}}, "succeeded", "", 0, 0},
		"pending":             {fakeProvider{outcome: billing.Outcome{Status: billing.PaymentPending}}, "pending", "", 0, 0},
		"declined":            {fakeProvider{outcome: declined(billing.CardExpired)}, "declined", "card_expired", 0, 0},
		"declined, no reason": {fakeProvider{outcome: declined(billing.UnknownDecline)}, "declined", "unknown", 0, 1},
		"declined, some text": {fakeProvider{outcome: declined("Ivan Petrov's card is stolen")}, "declined", "unknown", 0, 1},
		"not sent":            {fakeProvider{err: fmt.Errorf("dial: %w", ports.ErrNotSent)}, "not_sent", "", 0, 0},
		"token unknown":       {fakeProvider{err: ports.ErrTokenUnknown}, "token_unknown", "", 0, 0},
		"refused":             {fakeProvider{err: ports.ErrRefused}, "refused", "", 0, 0},
		"key conflict":        {fakeProvider{err: ports.ErrKeyConflict}, "key_conflict", "", 0, 0},
		"credentials":         {fakeProvider{err: ports.ErrCredentials}, "credentials", "", 0, 0},
		"response lost":       {fakeProvider{err: errors.New("reset by 203.0.113.7")}, "unknown", "", 1, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := metrics.New("v1")
			p := m.Provider("bank", &test.fake)
			o, err := p.Charge(t.Context(), ports.ChargeRequest{Initiator: billing.CustomerInitiated})
			if o != test.fake.outcome || !errors.Is(err, test.fake.err) {
				t.Errorf("Charge = %v, %v, want the provider's result", o, err)
			}
			if o, err := p.Find(t.Context(), ports.ChargeQuery{Key: "key"}); o != test.fake.outcome || !errors.Is(err, test.fake.err) {
				t.Errorf("Find = %v, %v, want the provider's result", o, err)
			}
			expect(t, m,
				fmt.Sprintf(`billing_charge_total{initiator="customer",outcome="%s",provider="bank",reason="%s"} 1`, test.outcome, test.reason),
				`billing_charge_duration_seconds_count{provider="bank"} 1`,
				fmt.Sprintf(`billing_lookup_total{outcome="%s",provider="bank"} 1`, test.outcome),
				fmt.Sprintf(`billing_unknown_outcome_total{provider="bank"} %d`, test.unknown),
				fmt.Sprintf(`billing_unmapped_decline_total{provider="bank"} %d`, test.unmapped),
			)
		})
	}
}

func TestProvider_ChargeNotFound(t *testing.T) {
	t.Parallel()
	m := metrics.New("v1")
	_, _ = m.Provider("bank", &fakeProvider{err: ports.ErrChargeNotFound}).Find(t.Context(), ports.ChargeQuery{Key: "key"})
	expect(t, m, `billing_lookup_total{outcome="not_found",provider="bank"} 1`)
}

func TestServed(t *testing.T) {
	t.Parallel()
	m := metrics.New("v1")
	m.Served("GET", "/v1/subscriptions/{ref}", 200, 20*time.Millisecond)
	for _, method := range []string{"BREW", "x\"\n", strings.Repeat("A", 9000)} {
		m.Served(method, "", 404, time.Millisecond)
	}
	expect(t, m,
		`billing_http_request_duration_seconds_count{method="GET",route="/v1/subscriptions/{ref}",status="200"} 1`,
		`billing_http_request_duration_seconds_bucket{method="GET",route="/v1/subscriptions/{ref}",status="200",le="0.01"} 0`,
		`billing_http_request_duration_seconds_bucket{method="GET",route="/v1/subscriptions/{ref}",status="200",le="0.025"} 1`,
		`billing_http_request_duration_seconds_count{method="other",route="none",status="404"} 3`,
	)
}

func TestEvent(t *testing.T) {
	t.Parallel()
	m := metrics.New("v1")
	expect(t, m, `billing_payment_events_total{type="payment_contradicted"} 0`, `billing_build_info{version="v1"} 1`)
	m.Event(billing.EventPaymentContradicted)
	expect(t, m, `billing_payment_events_total{type="payment_contradicted"} 1`)
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func watched(b ports.Backlog, err error) metrics.Watched {
	return metrics.Watched{
		Backlog:     func(context.Context, time.Time) (ports.Backlog, error) { return b, err },
		Connections: func() (int, int, int) { return 1, 2, 10 },
		Now:         func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler),
	}
}

func TestWatch_Backlog(t *testing.T) {
	t.Parallel()
	busy := ports.Backlog{
		Pending: 3, OldestPending: noon.Add(-90 * time.Second), InReview: 2, Refunds: 4, OldestRefund: noon.Add(-time.Minute), RefundReview: 1, Instructions: 5, OldestInstruction: noon.Add(-2 * time.Second), Approvals: 6, OldestApproval: noon.Add(-time.Hour), OldestPlanEnding: noon.Add(-time.Minute), Due: 7, OldestDue: noon.Add(-time.Hour),
		Held: map[billing.DeclineCode]int{billing.CardExpired: 5, billing.UnknownDecline: 1, "Ivan Petrov's card": 2},
		LastRun: ports.Run{
			StartedAt: noon.Add(-time.Minute), FinishedAt: noon, Summary: ports.Summary{Due: 5, Renewed: 4, Failed: 1}, GaveUp: true, Error: ports.ErrGaveUp.Error() + ": bank",
		},
	}
	tests := map[string]struct {
		backlog ports.Backlog
		err     error
		want    []string
		absent  string
	}{
		"empty": {ports.Backlog{}, nil, []string{
			"billing_payments_pending 0", "billing_payment_pending_age_seconds 0", "billing_database_up 1",
			"billing_renewal_due 0", "billing_renewal_late_seconds 0", `billing_subscriptions_held{reason="card_expired"} 0`,
		}, "billing_renewal_last_run"},
		"busy": {busy, nil, []string{
			"billing_payments_pending 3", "billing_payment_pending_age_seconds 90", "billing_payments_in_review 2",
			"billing_refunds_pending 4", "billing_refund_pending_age_seconds 60", "billing_refunds_in_review 1",
			"billing_instructions_open 5", "billing_instruction_open_age_seconds 2", "billing_instructions_waiting 6", "billing_instruction_waiting_age_seconds 3600", "billing_plan_ending_age_seconds 60",
			"billing_renewal_due 7", "billing_renewal_late_seconds 3600",
			`billing_subscriptions_held{reason="card_expired"} 5`, `billing_subscriptions_held{reason="unknown"} 3`, `billing_subscriptions_held{reason="token_unknown"} 0`,
			"billing_renewal_last_run_success 0", "billing_renewal_last_run_gave_up 1", "billing_renewal_last_run_duration_seconds 60",
			"billing_renewal_last_run_timestamp_seconds 1.7723664e+09", `billing_renewal_last_run_items{result="renewed"} 4`,
		}, ""},
		"database down": {busy, errors.New("down"), []string{"billing_database_up 0"}, "billing_payments_pending"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := metrics.New("v1")
			m.Watch(watched(test.backlog, test.err))
			expect(t, m, append(test.want, `billing_database_connections{state="used"} 1`,
				`billing_database_connections{state="idle"} 2`, `billing_database_connections{state="max"} 10`)...)
			if test.absent != "" && strings.Contains(scrape(t, m), "\n"+test.absent) {
				t.Errorf("%s is exported, want it absent", test.absent)
			}
		})
	}
}

// fakeVault encrypts with the same key since a time.
type fakeVault struct {
	since      time.Time
	err        error
	plaintexts int64
}

func (v fakeVault) Check() error          { return v.err }
func (v fakeVault) KeySince() time.Time   { return v.since }
func (v fakeVault) PlaintextReads() int64 { return v.plaintexts }

func TestWatch_Vault(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		vault metrics.Vault
		want  string
	}{
		"none":             {nil, ""},
		"key of yesterday": {fakeVault{since: noon.AddDate(0, 0, -1)}, "billing_vault_key_age_seconds 86400\nbilling_vault_plaintext_reads_total 0\nbilling_vault_up 1\n"},
		"age unknown":      {fakeVault{}, "billing_vault_plaintext_reads_total 0\nbilling_vault_up 1\n"},
		"broken":           {fakeVault{err: errors.New("broken")}, "billing_vault_plaintext_reads_total 0\nbilling_vault_up 0\n"},
		"plaintext tokens": {fakeVault{plaintexts: 3}, "billing_vault_plaintext_reads_total 3\nbilling_vault_up 1\n"},
	} {
		m := metrics.New("v1")
		w := watched(ports.Backlog{}, errors.New("the database is down; the vault is exported nevertheless"))
		w.Vault = test.vault
		m.Watch(w)
		if got := grep(scrape(t, m), "billing_vault"); got != test.want {
			t.Errorf("%s: exported %q, want %q", name, got, test.want)
		}
	}
}

// The database is queried at most once in five seconds, regardless of the number of
// scrapes.
func TestWatch_CachesBacklog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, queries := metrics.New("v1"), 0
		w := watched(ports.Backlog{}, nil)
		w.Backlog = func(context.Context, time.Time) (ports.Backlog, error) {
			queries++
			return ports.Backlog{Pending: queries}, nil
		}
		m.Watch(w)
		for want := 1; want <= 3; want++ {
			for range 10 {
				expect(t, m, fmt.Sprintf("billing_payments_pending %d", want))
			}
			time.Sleep(5 * time.Second)
		}
		if queries != 3 {
			t.Errorf("%d queries, want 3", queries)
		}
	})
}

// Names and units follow Prometheus' own linter.
func TestNames_Lint(t *testing.T) {
	t.Parallel()
	m := metrics.New("v1")
	w := watched(ports.Backlog{LastRun: ports.Run{FinishedAt: noon}}, nil)
	w.Vault = fakeVault{since: noon}
	m.Watch(w)
	m.Masked(func() int64 { return 3 })
	m.WatchKeySet(func() metrics.KeySet { return metrics.KeySet{} })
	expect(t, m, "billing_log_masked_total 3")
	m.Served("GET", "", 200, 0)
	_, _ = m.Provider("bank", &fakeProvider{}).Charge(t.Context(), ports.ChargeRequest{})
	expectLint(t, m)
}

func expectLint(t *testing.T, m *metrics.Metrics) {
	t.Helper()
	problems, err := promlint.New(strings.NewReader(scrape(t, m))).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "billing_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}
