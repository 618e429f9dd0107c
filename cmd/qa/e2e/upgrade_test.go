//go:build ops

package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
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
// and renew, then replaces the programs. No request fails, and the payments match the
// ledger.
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
	old.subscribers(t, first, due, "tok_ok")
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

	t.Logf("migrate: %s", now.ctl(t, "migrate", "up"))
	if run.ended() {
		t.Fatal("the renewal run ended before the migrations")
	}
	visitors.wait(t, 500)
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
	visitors.switchTo(second)
	visitors.wait(t, 100)
	first.signal(t, syscall.SIGTERM)
	if code := first.wait(t); code != 0 {
		t.Errorf("the last version's API exits with %d", code)
	}
	visitors.wait(t, 300)
	n := visitors.stop(t)
	now.expectHolds(t, old, service)
	now.clock(t, "set", "2026-03-31T12:00:00Z")
	if code, sum := now.runRenewals(t, service); code != 0 || sum.Renewed < due {
		t.Errorf("the new version's renewal run exits with %d and %+v", code, sum)
	}
	now.checkLedger(t, now.query(t, "SELECT count(*) FROM payments WHERE status = 'succeeded'"))
	t.Logf("%d requests succeeded", n)
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

// expectHolds puts subscriptions on hold. The last version never charges them. The new
// version ends them with their grace.
func (w world) expectHolds(t *testing.T, old world, service string) {
	t.Helper()
	w.clock(t, "set", "2026-03-10T12:00:00Z")
	if code, sum := w.runRenewals(t, service); code != 0 || sum.Held != held || sum.Declined != held {
		t.Errorf("the new version's run exits with %d and %+v, want %d on hold", code, sum, held)
	}
	tries := w.query(t, "SELECT count(*) FROM payments")
	for _, day := range []string{"2026-03-10T13:00:00Z", "2026-03-13T12:00:00Z", "2026-03-17T11:00:00Z", "2026-03-18T12:00:00Z"} {
		w.clock(t, "set", day)
		if code, sum := old.runRenewals(t, service); code != 0 || sum != (counts{}) {
			t.Errorf("on %s the last version's run exits with %d and %+v, want nothing to do", day, code, sum)
		}
	}
	if n := w.query(t, "SELECT count(*) FROM payments"); n != tries {
		t.Errorf("the last version made %d payments for subscriptions on hold", n-tries)
	}
	if code, sum := w.runRenewals(t, service); code != 0 || sum.Ended != held {
		t.Errorf("the new version's run exits with %d and %+v, want %d ended", code, sum, held)
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
