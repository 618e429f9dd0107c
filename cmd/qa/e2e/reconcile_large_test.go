//go:build ops

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

const (
	largeLedger       = 2_400_000 // charges
	largeSubscribers  = 200_000   // each with a year of payments
	maxReconcileBytes = 100 << 20
)

// TestReconcileLarge compares a year of payments with the ledger, and limits the memory
// of billingctl. It needs Linux, two gigabytes of disk and some minutes.
func TestReconcileLarge(t *testing.T) {
	db := openPostgres(t, folder(t))
	w := world{databaseURL: db.URL(), vars: onTestClock} // migrates the simulator too
	w.ctl(t, "migrate", "up")
	w = w.setUp(t, onTestClock...)
	began := time.Now()
	fillLedger(t, w.databaseURL)
	t.Logf("stored %d payments in %v", largeLedger, time.Since(began).Round(time.Second))

	cmd := exec.Command(program(t, "billingctl"), "reconcile", "--payment-system", "simulator", "--json")
	cmd.Env = append(environ("BILLING_DATABASE_URL="+w.databaseURL), w.vars...)
	began = time.Now()
	p := start(t, cmd)
	peak := peakMemory(t, p)
	t.Logf("compared %d payments in %v with at most %d MiB of memory", largeLedger, time.Since(began).Round(100*time.Millisecond), peak>>20)
	if peak == 0 || peak > maxReconcileBytes {
		t.Errorf("billingctl used %d MiB of memory, want at most %d", peak>>20, maxReconcileBytes>>20)
	}
	var got reconciliation
	if err := json.NewDecoder(strings.NewReader(p.output())).Decode(&got); err != nil {
		t.Fatalf("%v in %s", err, p.output())
	}
	want := reconciliation{
		Matched: largeLedger - 2, MissingHere: []string{},
		MissingThere: []string{paymentNumber(1_000_000)}, Different: []string{}, Double: []string{paymentNumber(2_000_000)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("reconciliation (-want +got):\n%s", diff)
	}
}

// peakMemory waits for the end of a process and returns its largest resident set in
// bytes.
func peakMemory(t *testing.T, p *process) (peak int64) {
	t.Helper()
	deadline, tick := time.After(10*time.Minute), time.NewTicker(10*time.Millisecond)
	defer tick.Stop()
	for !p.ended() {
		select {
		case <-deadline:
			t.Fatal("the comparison takes longer than ten minutes")
		case <-tick.C:
		}
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
		_, hwm, found := strings.Cut(string(status), "VmHWM:")
		var kilobytes int64
		if _, scanErr := fmt.Sscanf(hwm, "%d", &kilobytes); err == nil && found && scanErr == nil {
			peak = max(peak, kilobytes<<10)
		}
	}
	return peak
}

// firstLarge is the time of the first payment, and largeStep the time between two.
const firstLarge, largeStep = "2025-01-01T00:00:00Z", 13 * time.Second

// paymentNumber returns the id of a payment: a UUID of version 7, as the service makes
// them.
func paymentNumber(n int) string {
	first, _ := time.Parse(time.RFC3339, firstLarge) // a constant
	ms := first.Add(time.Duration(n) * largeStep).UnixMilli()
	return fmt.Sprintf("%08x-%04x-7000-8000-%012x", ms>>16, ms&0xffff, n)
}

// fillLedger stores payments and their charges. One payment has no charge, another one
// has two.
func fillLedger(t *testing.T, databaseURL string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	replace := strings.NewReplacer(
		"{at}", fmt.Sprintf("'%s'::timestamptz + n * interval '%d seconds'", firstLarge, int(largeStep.Seconds())),
		"{user}", "md5('user ' || n % {subscribers})::uuid", "{subscription}", "md5('subscription ' || n % {subscribers})::uuid")
	counts := strings.NewReplacer("{subscribers}", fmt.Sprint(largeSubscribers), "{payments}", fmt.Sprint(largeLedger))
	for _, statement := range []string{
		`SET session_replication_role = replica`, // no checks of foreign keys
		`SET synchronous_commit = off`,
		`CREATE TEMP TABLE numbers AS SELECT n, {at} AS at, {user} AS user_id, {subscription} AS subscription_id,
			lpad(to_hex((1000 * extract(epoch FROM {at}))::bigint), 12, '0') AS ms
		FROM generate_series(0, {payments} - 1) n`,
		`INSERT INTO users (id, first_seen_at, last_seen_at) SELECT user_id, at, at FROM numbers WHERE n < {subscribers}`,
		`INSERT INTO subscriptions (user_id, id, plan_id, payment_method_id, payment_system, price_amount, price_currency, interval_months,
			status, anchor_at, period_start, period_end, next_charge_at, charging, cancel_at_period_end, latest_payment_id, created_at, started_at)
		SELECT user_id, subscription_id, (SELECT id FROM plans), subscription_id, 'simulator', 39900, 'RUB', 1,
			'active', at, at + interval '11 months', at + interval '1 year', at + interval '1 year', false, false, subscription_id, at, at
		FROM numbers WHERE n < {subscribers}`,
		`INSERT INTO payments (user_id, id, subscription_id, payment_method_id, payment_system, initiator, amount, currency, period_start, period_end,
			status, decline_code, provider_ref, action_url, contradiction, created_at, settled_at)
		SELECT user_id, (substr(ms, 1, 8) || '-' || substr(ms, 9) || '-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, subscription_id,
			subscription_id, 'simulator', 'merchant', 39900, 'RUB', at, at + interval '1 month',
			'succeeded', '', 'ref-' || n, '', '', at, at + interval '2 seconds'
		FROM numbers`,
		`INSERT INTO simulator.charges (key, ref, amount, currency, at)
		SELECT substr(ms, 1, 8) || '-' || substr(ms, 9) || '-7000-8000-' || lpad(to_hex(n), 12, '0'), 'ref-' || n, 39900, 'RUB',
			at + interval '1 second' FROM numbers, generate_series(1, CASE n WHEN 1000000 THEN 0 WHEN 2000000 THEN 2 ELSE 1 END)`,
		`VACUUM ANALYZE users, subscriptions, payments, simulator.charges`,
	} {
		if _, err := conn.Exec(t.Context(), counts.Replace(replace.Replace(statement))); err != nil {
			t.Fatalf("%.60s: %v", statement, err)
		}
	}
}
