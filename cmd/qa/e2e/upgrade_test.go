//go:build ops

package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

const (
	due  = 400       // subscriptions that the last version renews during the migrations, for more than a minute
	more = 1_000_000 // subscriptions that are not due
	held = 20        // subscriptions that the new version puts on hold
)

// TestUpgrade applies the new migrations while the programs of the last version serve
// and renew, then replaces the programs. Operators open refunds with the new billingctl
// meanwhile. No request fails, and the payments and refunds match the ledger.
func TestUpgrade(t *testing.T) {
	base := os.Getenv("BILLING_BASE")
	if base == "" {
		t.Fatal("BILLING_BASE must name a folder with the programs of the last version: run make upgrade-test")
	}
	if err := build(); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(base, filepath.Join(binDir, "base")); err != nil {
		t.Fatal(err)
	}
	now := world{databaseURL: openPostgres(t, folder(t)).URL(), vars: onTestClock} // migrates the simulator too
	old := now
	old.version = "base/"
	old.ctl(t, "migrate", "up")
	execAsSuperuser(t, old.databaseURL, `CREATE ROLE service LOGIN; DO $$ BEGIN
		EXECUTE (SELECT format('GRANT %s TO service', string_agg(quote_ident(rolname), ', ')) FROM pg_roles WHERE rolname LIKE 'billing\_%');
	END $$`)
	old = old.setUp(t, onTestClock...)
	now.keys, now.vars = old.keys, old.vars
	service := old.databaseURLAs(t, "service")

	old.clock(t, "set", "2026-01-31T12:00:00Z")
	first := old.api(t, "billing-api", service)
	viewers := old.subscribers(t, first, due, "tok_ok")
	old.addSubscriptions(t, more)
	o := old.panel(t, service)
	old.clock(t, "set", "2026-02-10T12:00:00Z")
	for i := range held {
		v := first.at(old.viewer(t, fmt.Sprintf("held-%d", i)))
		if got := v.call(t, http.MethodPost, "/v1/subscriptions", "", subscribeBody(fmt.Sprintf("tok_ok_then_card_expired~%d", i))); got.status != http.StatusCreated {
			t.Errorf("subscribe: %d %s", got.status, got.text)
		}
	}
	old.clock(t, "set", "2026-02-28T12:00:00Z")
	visitors := newVisitors(t, old, first)
	visitors.wait(t, 200)
	run := start(t, old.renewCommand(t, "billing-renew", []string{"--concurrency", "1"}, service, "BILLING_SIMULATOR_MISHAPS=latency=200ms"))
	eventually(t, "renewals in progress", func() bool { return old.query(t, "SELECT count(*) FROM payments WHERE initiator = 'merchant'") > 20 })

	refundsKnown := old.query(t, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename = 'refunds'") > 0
	t.Logf("migrate: %s", now.ctl(t, "migrate", "up"))
	paid := succeeded(t, now.databaseURL, "created_at < '2026-02-01'")
	ending := now.openRefunds(t, slices.Concat(paid[:6], paid[due-6:]))
	if run.ended() {
		t.Fatal("the renewal run ended before the migrations and the first refunds")
	}
	visitors.wait(t, 500)
	now.expectSweep(t, first, viewers)
	if !refundsKnown {
		now.expectUnsentRefunds(t)
	}
	if code := run.wait(t); code != 0 {
		t.Errorf("the last version's renewal run exits with %d", code)
	}
	if got := ready(t, first); got != http.StatusOK {
		t.Errorf("readyz of the last version on the new schema: status %d, want 200", got)
	}
	for path, want := range map[string]string{"/admin": "Active subscriptions", "/admin/info/history": "renewed", "/admin/info/plans": "Premium"} {
		if page := o.get(t, path); !strings.Contains(page, want) {
			t.Errorf("the last version's panel does not show %q at %s", want, path)
		}
	}

	second := now.api(t, "billing-api", service)
	now.expectKeys(t, first, second)
	visitors.switchTo(second)
	ending += now.openRefunds(t, paid[100:106])
	visitors.wait(t, 100)
	first.signal(t, syscall.SIGTERM)
	if code := first.wait(t); code != 0 {
		t.Errorf("the last version's API exits with %d", code)
	}
	visitors.wait(t, 300)
	n := visitors.stop(t)
	refunds := now.expectRefunds(t)
	now.expectHolds(t, old, service)
	now.clock(t, "set", "2026-03-31T12:00:00Z")
	if code, sum := now.runRenewals(t, service); code != 0 || sum.Renewed < due-ending {
		t.Errorf("the new version's renewal run exits with %d and %+v", code, sum)
	}
	now.checkLedger(t, now.query(t, "SELECT count(*) FROM payments WHERE status = 'succeeded'"))
	now.checkRefunds(t, "simulator", refunds)
	t.Logf("%d requests and %d refunds succeeded", n, refunds)
}

// openRefunds refunds a payment whole, the next one in part, and the next one whole with
// the end of its subscription, and so on. It returns the number of those that end.
func (w world) openRefunds(t *testing.T, payments []string) (ending int) {
	t.Helper()
	kinds := [][]string{nil, {"--amount", "100.00"}, {"--end-now"}}
	for i, payment := range payments {
		w.openRefund(t, payment, kinds[i%len(kinds)]...)
	}
	return len(payments) / len(kinds)
}

// expectSweep waits until a sweep of the last version has settled a payment. Its API must
// show the payments and events of the viewers.
func (w world) expectSweep(t *testing.T, last api, viewers []viewer) {
	t.Helper()
	swept := last.at(w.viewer(t, "swept"))
	if got := swept.call(t, http.MethodPost, "/v1/subscriptions", "", subscribeBody("tok_lost_answer")); got.status != http.StatusAccepted {
		t.Errorf("subscribe: %d %s, want 202", got.status, got.text)
	}
	eventually(t, "a sweep of the last version", func() bool { return swept.get(t, "/v1/subscriptions/premium").body.Status == "active" })
	for _, v := range viewers {
		v.get(t, "/v1/payments")
		v.get(t, "/v1/history")
	}
}

// expectKeys sends requests with an Idempotency-Key to one version and repeats them at
// the other. Each version must find the keys of the other.
func (w world) expectKeys(t *testing.T, last, next api) {
	t.Helper()
	for name, order := range map[string][2]api{"last version first": {last, next}, "new version first": {next, last}} {
		v := w.viewer(t, name)
		for path, body := range map[string]string{"/v1/subscriptions": subscribeBody("tok_ok"), "/v1/subscriptions/gold/cancel": ""} {
			once, again := order[0].at(v).call(t, http.MethodPost, path, path, body), order[1].at(v).call(t, http.MethodPost, path, path, body)
			if again.status != once.status || again.text != once.text {
				t.Errorf("%s, POST %s: %d %s, then %d %s; want a replay", name, path, once.status, once.text, again.status, again.text)
			}
		}
	}
}

// expectUnsentRefunds fails the test if the last version, which does not know refunds, has
// sent one.
func (w world) expectUnsentRefunds(t *testing.T) {
	t.Helper()
	if n := w.query(t, "SELECT count(*) FROM refunds WHERE status <> 'pending' OR first_sent_at IS NOT NULL"); n > 0 {
		t.Errorf("the last version sent or settled %d refunds", n)
	}
	if n := w.query(t, "SELECT count(*) FROM simulator.refunds"); n > 0 {
		t.Errorf("the simulator paid %d refunds back before the new version ran", n)
	}
}

// expectRefunds waits until all refunds have succeeded, and returns their number. Each
// must be at the simulator once, and its amount reserved in its payment.
func (w world) expectRefunds(t *testing.T) int {
	t.Helper()
	eventually(t, "all refunds succeed", func() bool { return w.query(t, "SELECT count(*) FROM refunds WHERE status <> 'succeeded'") == 0 })
	refunds := w.query(t, "SELECT count(*) FROM refunds")
	for what, sql := range map[string]string{
		"refunds of the simulator": "SELECT count(*) FROM simulator.refunds",
		"refunds that the simulator has once": `SELECT count(*) FROM refunds r JOIN simulator.refunds s
			ON s.key = r.id::text AND s.payment = r.payment_id::text AND s.amount = r.amount AND s.status = 'succeeded'`,
		"events": "SELECT count(*) FROM events WHERE type = 'refunded'",
	} {
		if n := w.query(t, sql); n != refunds {
			t.Errorf("%d %s, want %d", n, what, refunds)
		}
	}
	if n := w.query(t, "SELECT count(*) FROM simulator.requests WHERE key IN (SELECT id::text FROM refunds)"); n > 0 {
		t.Errorf("%d refunds were sent as charges", n)
	}
	wrong := w.query(t, `SELECT count(*) FROM payments p LEFT JOIN (SELECT payment_id, sum(amount) AS total FROM refunds GROUP BY 1) r ON r.payment_id = p.id
		WHERE p.refunded <> coalesce(r.total, 0)`)
	if wrong > 0 {
		t.Errorf("%d payments have reserved another sum than that of their refunds", wrong)
	}
	return refunds
}

// addSubscriptions adds n subscriptions of other viewers, which are due in the far future.
func (w world) addSubscriptions(t *testing.T, n int) {
	t.Helper()
	execAsSuperuser(t, w.databaseURL, fmt.Sprintf(`
		SET session_replication_role = replica; -- the viewers and their payment methods do not exist
		CREATE TEMP TABLE model AS SELECT * FROM subscriptions LIMIT 1;
		INSERT INTO subscriptions
		SELECT s.* FROM model, generate_series(1, %d) AS n, LATERAL jsonb_populate_record(model, jsonb_build_object('n', n, -- ids differ only if a row depends on n
			'user_id', gen_random_uuid(), 'id', gen_random_uuid(), 'next_charge_at', '2040-01-01Z', 'period_end', '2040-01-01Z')) AS s;
		ANALYZE subscriptions`, n))
}

// expectHolds puts subscriptions on hold. The last version never charges them. They end
// with their grace: the last version ends them if it knows holds, and the new one otherwise.
func (w world) expectHolds(t *testing.T, old world, service string) {
	t.Helper()
	w.clock(t, "set", "2026-03-10T12:00:00Z")
	if code, sum := w.runRenewals(t, service); code != 0 || sum.Held != held || sum.Declined != held {
		t.Errorf("the new version's run exits with %d and %+v, want %d on hold", code, sum, held)
	}
	tries := w.query(t, "SELECT count(*) FROM payments")
	for _, day := range []string{"2026-03-10T13:00:00Z", "2026-03-13T12:00:00Z", "2026-03-17T11:00:00Z"} {
		w.clock(t, "set", day)
		if code, sum := old.runRenewals(t, service); code != 0 || sum != (counts{}) {
			t.Errorf("on %s the last version's run exits with %d and %+v, want nothing to do", day, code, sum)
		}
	}
	w.clock(t, "set", "2026-03-18T12:00:00Z")
	code, last := old.runRenewals(t, service)
	if code != 0 || last != (counts{Ended: last.Ended}) {
		t.Errorf("with the end of the grace the last version's run exits with %d and %+v, want only ends", code, last)
	}
	if n := w.query(t, "SELECT count(*) FROM payments"); n != tries {
		t.Errorf("the last version made %d payments for subscriptions on hold", n-tries)
	}
	if code, sum := w.runRenewals(t, service); code != 0 || last.Ended+sum.Ended != held {
		t.Errorf("the new version's run exits with %d and %+v after %d ends, want %d ended", code, sum, last.Ended, held)
	}
}

// visitors subscribe and cancel continuously, each viewer once.
type visitors struct {
	at    atomic.Pointer[api]
	done  chan struct{}
	group sync.WaitGroup
	sent  atomic.Int64

	mu       sync.Mutex
	failures []string
}

func newVisitors(t *testing.T, w world, a api) *visitors {
	vs := &visitors{done: make(chan struct{})}
	vs.switchTo(a)
	for i := range 3 {
		vs.group.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-vs.done:
					return
				default:
					vs.visit(t, w.viewer(t, fmt.Sprintf("visitor-%d-%d", i, n)))
				}
			}
		})
	}
	t.Cleanup(func() { vs.stop(t) })
	return vs
}

// switchTo sends all further requests to another API, like a load balancer.
func (vs *visitors) switchTo(a api) { vs.at.Store(&a) }

// visit sends the requests of one viewer.
func (vs *visitors) visit(t *testing.T, v viewer) {
	for _, r := range []struct {
		method, path, body string
		want               int
	}{
		{http.MethodGet, "/v1/plans", "", http.StatusOK},
		{http.MethodPost, "/v1/subscriptions", subscribeBody("tok_ok"), http.StatusCreated},
		{http.MethodGet, "/v1/subscriptions", "", http.StatusOK},
		{http.MethodPost, "/v1/subscriptions/premium/cancel", "", http.StatusOK},
		{http.MethodGet, "/v1/history", "", http.StatusOK},
	} {
		got, err := vs.at.Load().at(v).try(t.Context(), r.method, r.path, "", r.body)
		vs.sent.Add(1)
		if err != nil || got.status != r.want {
			vs.mu.Lock()
			vs.failures = append(vs.failures, fmt.Sprintf("%s %s: %d %s, %v", r.method, r.path, got.status, got.text, err))
			vs.mu.Unlock()
			return
		}
	}
}

// wait waits for n more requests.
func (vs *visitors) wait(t *testing.T, n int64) {
	t.Helper()
	until := vs.sent.Load() + n
	eventually(t, fmt.Sprint(n, " more requests"), func() bool { return vs.sent.Load() >= until })
}

// stop ends the requests and returns their number. The test fails if one failed.
func (vs *visitors) stop(t *testing.T) int64 {
	t.Helper()
	select {
	case <-vs.done:
		return vs.sent.Load()
	default:
		close(vs.done)
	}
	vs.group.Wait()
	if len(vs.failures) > 0 {
		t.Errorf("%d of %d requests failed, such as %s", len(vs.failures), vs.sent.Load(), vs.failures[0])
	}
	return vs.sent.Load()
}
