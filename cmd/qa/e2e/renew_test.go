package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

// onTestClock makes all programs of a world use the test clock.
var onTestClock = []string{"BILLING_ENV=test", "BILLING_CLOCK=test"}

// counts is the summary of a renewal run.
type counts struct {
	Settled, Due, Renewed, Declined, Held, Unknown, Ended, Failed, Waiting int
}

func (c counts) plus(d counts) counts {
	return counts{c.Settled + d.Settled, c.Due + d.Due, c.Renewed + d.Renewed, c.Declined + d.Declined, c.Held + d.Held,
		c.Unknown + d.Unknown, c.Ended + d.Ended, c.Failed + d.Failed, c.Waiting + d.Waiting}
}

// renewCommand returns the command of a renewal run.
func (w world) renewCommand(t *testing.T, name string, args []string, vars ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program(t, w.version+name), append([]string{"--json"}, args...)...)
	cmd.Env = append(append(environ("BILLING_DATABASE_URL="+w.databaseURL), w.vars...), vars...)
	return cmd
}

// runRenewals makes a renewal run and returns its exit code and summary.
func (w world) runRenewals(t *testing.T, vars ...string) (int, counts) {
	t.Helper()
	return runJSON(t, w.renewCommand(t, "billing-renew", nil, vars...))
}

// runJSON runs the command of a renewal run and returns its exit code and summary.
func runJSON(t *testing.T, cmd *exec.Cmd) (int, counts) {
	t.Helper()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, _ := cmd.Output()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	var sum counts
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &sum); err != nil {
		t.Fatalf("the run exited with %v and printed %q, %v\n%s", cmd.ProcessState, out, err, stderr.String())
	}
	return cmd.ProcessState.ExitCode(), sum
}

// checkRun makes a renewal run. The test fails unless exit code and summary match.
func (w world) checkRun(t *testing.T, code int, want counts, vars ...string) {
	t.Helper()
	gotCode, got := w.runRenewals(t, vars...)
	if diff := cmp.Diff(want, got); diff != "" || gotCode != code {
		t.Errorf("exit code %d, want %d; summary (-want +got):\n%s", gotCode, code, diff)
	}
}

// clock runs billingctl clock.
func (w world) clock(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program(t, w.version+"billingctl"), append([]string{"clock"}, args...)...)
	cmd.Env = append(environ("BILLING_DATABASE_URL="+w.databaseURL), w.vars...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("clock %v: %v\n%s", args, err, out)
	}
}

// subscribers returns n viewers after each has subscribed through the API.
func (w world) subscribers(t *testing.T, a api, n int, token string) []viewer {
	t.Helper()
	viewers := make([]viewer, n)
	places := make(chan struct{}, 8)
	var wg sync.WaitGroup
	for i := range viewers {
		viewers[i] = a.at(w.viewer(t, fmt.Sprintf("viewer-%d", i)))
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			got, err := viewers[i].try(t.Context(), http.MethodPost, "/v1/subscriptions", "", subscribeBody(fmt.Sprintf("%s~%d", token, i)))
			if err != nil || got.status != http.StatusCreated {
				t.Errorf("subscribe: %d %s, %v", got.status, got.text, err)
			}
		})
	}
	wg.Wait()
	return viewers
}

// newDueWorld returns a world and n viewers, whose subscriptions have just become due.
func newDueWorld(t *testing.T, n int, token string, vars ...string) (world, []viewer) {
	t.Helper()
	w := newWorld(t, append(vars, onTestClock...)...)
	w.clock(t, "set", "2026-01-31T12:00:00Z")
	viewers := w.subscribers(t, w.api(t, "billing-api", "BILLING_SWEEP_INTERVAL=1h"), n, token) // only the runs settle pending payments
	w.clock(t, "set", "2026-02-28T12:00:00Z")
	return w, viewers
}

func TestRenew_AfterAMonth(t *testing.T) {
	t.Parallel()
	w, viewers := newDueWorld(t, 3, "tok_ok")
	w.clock(t, "set", "2026-02-28T11:59:59Z")
	w.checkRun(t, 0, counts{})
	w.clock(t, "set", "2026-02-28T12:00:00Z")
	out, err := w.renewCommand(t, "billing-renew", []string{"--dry-run"}).Output()
	if lines := strings.Count(string(out), `"action":"charge"`); err != nil || lines != 3 {
		t.Errorf("the dry run lists %d charges, %v:\n%s", lines, err, out)
	}
	w.checkRun(t, 0, counts{Due: 3, Renewed: 3})
	w.checkRun(t, 0, counts{})
	for _, v := range viewers {
		if diff := cmp.Diff([]string{"subscribed", "renewed"}, v.eventTypes(t)); diff != "" {
			t.Errorf("history (-want +got):\n%s", diff)
		}
	}
	w.checkLedger(t, 6)
	if n := w.query(t, `SELECT count(*) FROM events WHERE type = 'agreed'
			AND price_amount = 39900 AND due_now = 39900 AND first_charge_at = '2026-02-28T12:00:00Z'`); n != 3 {
		t.Errorf("the history has %d agreements, want 3", n)
	}
}

func TestRenew_ConcurrentRuns(t *testing.T) {
	t.Parallel()
	const n = 200
	w, _ := newDueWorld(t, n, "tok_ok")
	var mu sync.Mutex
	var total counts
	var wg sync.WaitGroup
	for i := range 4 {
		cmd := w.renewCommand(t, "billing-renew", nil, fmt.Sprintf("BILLING_SIMULATOR_MISHAPS=lose_answers=0.3,hold_lost=20ms,seed=%d", i))
		wg.Go(func() {
			code, sum := runJSON(t, cmd)
			mu.Lock()
			defer mu.Unlock()
			if total = total.plus(sum); code != 0 {
				t.Errorf("exit code %d: %+v", code, sum)
			}
		})
	}
	wg.Wait()
	if total.Due != n || total.Renewed+total.Settled != n {
		t.Errorf("the sum of all runs is %+v, want %d renewed", total, n)
	}
	w.checkLedger(t, 2*n)
}

// After a kill with -9 at any point of a run, the next run does the rest and charges
// no viewer twice.
func TestRenew_KilledAtEachPoint(t *testing.T) {
	t.Parallel()
	for point, pass := range map[string]int{
		"renew.claimed": 1, "charge.before": 3, "charge.after": 3, "record.after": 1, "sweep.found": 1, "sweep.resend": 1,
	} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			const n = 20
			w, _ := newDueWorld(t, n, "tok_ok")
			if strings.HasPrefix(point, "sweep.") { // needs a payment to settle
				w.kill(t, "renew.claimed", 1)
			}
			w.kill(t, point, pass)
			code, sum := w.runRenewals(t)
			if code != 0 || sum.Unknown+sum.Failed+sum.Declined != 0 {
				t.Errorf("the next run: exit code %d, %+v", code, sum)
			}
			w.checkLedger(t, 2*n)
			w.checkRun(t, 0, counts{})
		})
	}
}

// kill makes a renewal run that kills itself at a crash point, on the given pass.
func (w world) kill(t *testing.T, point string, pass int) {
	t.Helper()
	cmd := w.renewCommand(t, "billing-renew-crash", nil, shortChargeTimeout, "BILLING_CRASH_AT="+point, fmt.Sprintf("BILLING_CRASH_PASS=%d", pass))
	out, err := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != -1 {
		t.Fatalf("the run exited with %d, %v, want a kill:\n%s", code, err, out)
	}
}

func TestRenew_PaymentSystemDown(t *testing.T) {
	t.Parallel()
	for _, fault := range []string{"unavailable=1", "credentials=1", "unknown_tokens=1", "lose_requests=1,hold_lost=1ms"} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			const n = 70
			w, viewers := newDueWorld(t, n, "tok_ok")
			code, sum := w.runRenewals(t, shortChargeTimeout, "BILLING_SIMULATOR_MISHAPS="+fault)
			if code != 1 || sum.Renewed+sum.Declined+sum.Ended != 0 || sum.Failed+sum.Unknown == 0 || sum.Due == n && fault != "credentials=1" && sum.Failed == 0 {
				t.Errorf("exit code %d, %+v", code, sum)
			}
			for _, v := range viewers[:3] {
				if s := v.get(t, "/v1/subscriptions/premium").body.Status; s != "active" {
					t.Errorf("subscription is %v, want active", s)
				}
			}
			code, sum = w.runRenewals(t)
			if code != 0 || sum.Settled+sum.Renewed != n {
				t.Errorf("the next run: exit code %d, %+v", code, sum)
			}
			w.checkLedger(t, 2*n)
		})
	}
}

func TestRenew_StoppedBySignal(t *testing.T) {
	t.Parallel()
	const n = 150
	w, _ := newDueWorld(t, n, "tok_ok")
	// Batches stay small, because a charge takes a second. All charges would take 37
	// seconds, so the run cannot end before the signal.
	cmd := w.renewCommand(t, "billing-renew", []string{"--concurrency=4"}, "BILLING_SIMULATOR_MISHAPS=latency=1s")
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "first renewal", func() bool {
		return w.query(t, "SELECT count(*) FROM payments WHERE initiator = 'merchant' AND status = 'succeeded'") > 0
	})
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	var first counts
	if err := json.Unmarshal(out.Bytes(), &first); err != nil || cmd.ProcessState.ExitCode() != 0 {
		t.Fatalf("after the signal: %v, output %q, %v", cmd.ProcessState, out.String(), err)
	}
	if first.Due == n || first.Renewed != first.Due {
		t.Errorf("after the signal: %+v of %d, want a part, all of it renewed", first, n)
	}
	w.checkLedger(t, n+first.Renewed)
	w.checkRun(t, 0, counts{Due: n - first.Due, Renewed: n - first.Due})
	w.checkLedger(t, 2*n)
}

func TestRenew_Dunning(t *testing.T) {
	t.Parallel()
	w, viewers := newDueWorld(t, 1, "tok_ok_then_insufficient_funds")
	v := viewers[0]
	history := []string{"subscribed"}
	for _, step := range []struct {
		at     string
		want   counts
		events []string
		status string
	}{
		{"2026-02-28T12:00:00Z", counts{Due: 1, Declined: 1}, []string{"payment_declined"}, "past_due"},
		{"2026-03-01T11:59:59Z", counts{}, nil, "past_due"},
		{"2026-03-01T12:00:00Z", counts{Due: 1, Declined: 1}, []string{"payment_declined"}, "past_due"},
		{"2026-03-03T12:00:00Z", counts{Due: 1, Declined: 1}, []string{"payment_declined"}, "past_due"},
		{"2026-03-05T12:00:00Z", counts{Due: 1, Declined: 1}, []string{"payment_declined"}, "past_due"},
		{"2026-03-07T11:59:59Z", counts{}, nil, "past_due"},
		{"2026-03-07T12:00:00Z", counts{Due: 1, Declined: 1, Ended: 1}, []string{"payment_declined", "ended"}, "ended"},
		{"2026-04-07T12:00:00Z", counts{}, nil, "ended"},
	} {
		w.clock(t, "set", step.at)
		w.checkRun(t, 0, step.want)
		history = append(history, step.events...)
		if diff := cmp.Diff(history, v.eventTypes(t)); diff != "" {
			t.Errorf("%s: history (-want +got):\n%s", step.at, diff)
		}
		if s := v.get(t, "/v1/subscriptions/premium").body.Status; s != step.status {
			t.Errorf("%s: status %v, want %s", step.at, s, step.status)
		}
		until := map[string]string{"past_due": `"until":"2026-03-07T12:00:00Z"`, "ended": `"until":null`}[step.status]
		if e := strings.ReplaceAll(v.get(t, "/v1/entitlements").text, " ", ""); !strings.Contains(e, until) {
			t.Errorf("%s: entitlements %s, want %s", step.at, e, until)
		}
	}
	if a := v.call(t, http.MethodPost, "/v1/subscriptions", "", subscribeBody("tok_ok")); a.status != http.StatusCreated {
		t.Errorf("subscribe again: %d %s, want 201", a.status, a.text)
	}
	w.checkLedger(t, 2)
}

func TestRenew_CancelWhilePastDue(t *testing.T) {
	t.Parallel()
	w, viewers := newDueWorld(t, 1, "tok_declined_twice_then_ok")
	w.checkRun(t, 0, counts{Due: 1, Declined: 1})
	if a := viewers[0].call(t, http.MethodPost, "/v1/subscriptions/premium/cancel", "", ""); a.status != http.StatusOK || a.body.Status != "ended" {
		t.Errorf("cancel: %d %s, want 200 ended", a.status, a.text)
	}
	w.clock(t, "advance", "31d")
	w.checkRun(t, 0, counts{})
	w.checkLedger(t, 1)
}

// A run without due subscriptions scans the index of due subscriptions once. The windows of
// reminders have indexes of their own.
func TestRenew_NothingDueScansOneIndex(t *testing.T) {
	t.Parallel()
	w, _ := newDueWorld(t, 5, "tok_ok")
	connections := w.otherConnections(t) // the API's
	w.checkRun(t, 0, counts{Due: 5, Renewed: 5})
	before := w.scans(t, connections)
	w.checkRun(t, 0, counts{})
	after := w.scans(t, connections)
	maps.DeleteFunc(after, func(index string, n int) bool { return n == before[index] })
	if after["subscriptions_due"] != before["subscriptions_due"]+1 {
		t.Errorf("index scans %v, before %v; want one more of subscriptions_due", after, before)
	}
}

// otherConnections counts the connections of other clients to the database.
func (w world) otherConnections(t *testing.T) (n int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), w.databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	err = conn.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity
	WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()`).Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// scans returns the number of scans of each index. It waits until at most maxOthers
// other connections exist, because a connection reports its last scans when it ends.
func (w world) scans(t *testing.T, maxOthers int) map[string]int {
	t.Helper()
	eventually(t, "end of the run's connections", func() bool { return w.otherConnections(t) <= maxOthers })
	conn, err := pgx.Connect(t.Context(), w.databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	rows, err := conn.Query(t.Context(), `SELECT indexrelname, idx_scan FROM pg_stat_user_indexes`)
	if err != nil {
		t.Fatal(err)
	}
	scans := map[string]int{}
	var name string
	var n int
	if _, err := pgx.ForEachRow(rows, []any{&name, &n}, func() error { scans[name] = n; return nil }); err != nil {
		t.Fatal(err)
	}
	return scans
}
