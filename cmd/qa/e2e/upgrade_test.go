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

const due = 400 // subscriptions that the last version is renewing meanwhile

// TestUpgrade takes the schema's new steps while the last version's programs
// serve and renew, then replaces them. Nobody is told anything but what they
// would be told otherwise, and the books agree.
func TestUpgrade(t *testing.T) {
	base := os.Getenv("BILLING_BASE")
	if base == "" {
		t.Fatal("BILLING_BASE names no folder with the last version's programs: this is for make upgrade-test")
	}
	if err := build(); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(base, filepath.Join(binDir, "base")); err != nil {
		t.Fatal(err)
	}
	now := world{databaseURL: openPostgres(t, folder(t)).URL()}
	old := now
	old.version = "base/"
	old.ctl(t, "migrate", "up")
	superuser(t, old.databaseURL, `CREATE ROLE service LOGIN; DO $$ BEGIN
		EXECUTE (SELECT format('GRANT %s TO service', string_agg(quote_ident(rolname), ', ')) FROM pg_roles WHERE rolname LIKE 'billing\_%');
	END $$`)
	old = old.furnish(t, onTestClock...)
	now.keys, now.vars = old.keys, old.vars
	service := old.as(t, "service")

	old.clock(t, "set", "2026-01-31T12:00:00Z")
	first := old.api(t, "billing-api", service)
	old.subscribers(t, first, due, "tok_ok")
	o := old.panel(t, service)
	old.clock(t, "set", "2026-02-28T12:00:00Z")
	crowd := newCrowd(t, old, first)
	crowd.wait(t, 200)
	run := start(t, old.renewing(t, "billing-renew", []string{"--concurrency", "4"}, service, "BILLING_SIMULATOR_MISHAPS=latency=50ms"))
	eventually(t, "renewals under way", func() bool { return old.query(t, "SELECT count(*) FROM payments WHERE initiator = 'merchant'") > 20 })

	t.Logf("migrate: %s", now.ctl(t, "migrate", "up"))
	if run.ended() {
		t.Fatal("the renewal run was over before the schema had changed")
	}
	crowd.wait(t, 500)
	if code := run.wait(t); code != 0 {
		t.Errorf("the last version's renewal run exits with %d", code)
	}
	if got := ready(t, first); got != http.StatusOK {
		t.Errorf("readyz of the last version says %d on the new schema", got)
	}
	for path, want := range map[string]string{"/admin": "Active subscriptions", "/admin/info/history": "renewed", "/admin/info/plans": "Premium"} {
		if page := o.get(t, path); !strings.Contains(page, want) {
			t.Errorf("the last version's panel does not show %q at %s", want, path)
		}
	}

	second := now.api(t, "billing-api", service)
	crowd.turn(second)
	crowd.wait(t, 100)
	first.signal(t, syscall.SIGTERM)
	if code := first.wait(t); code != 0 {
		t.Errorf("the last version's API exits with %d", code)
	}
	crowd.wait(t, 300)
	n := crowd.leave(t)
	now.clock(t, "set", "2026-03-31T12:00:00Z")
	if code, sum := now.renewed(t, service); code != 0 || sum.Renewed < due {
		t.Errorf("the new version's renewal run exits with %d and %+v", code, sum)
	}
	now.agree(t, now.query(t, "SELECT count(*) FROM payments WHERE status = 'succeeded'"))
	t.Logf("%d requests, none of which failed", n)
}

// crowd are viewers who come and go all the time.
type crowd struct {
	at    atomic.Pointer[api]
	done  chan struct{}
	group sync.WaitGroup
	asked atomic.Int64

	mu       sync.Mutex
	failures []string
}

func newCrowd(t *testing.T, w world, a api) *crowd {
	c := &crowd{done: make(chan struct{})}
	c.turn(a)
	for i := range 3 {
		c.group.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-c.done:
					return
				default:
					c.visit(t, w.viewer(t, fmt.Sprintf("crowd-%d-%d", i, n)))
				}
			}
		})
	}
	t.Cleanup(func() { c.leave(t) })
	return c
}

// turn has all further requests sent to another API, as a load balancer does.
func (c *crowd) turn(a api) { c.at.Store(&a) }

func (c *crowd) visit(t *testing.T, v viewer) {
	for _, r := range []struct {
		method, path, body string
		want               int
	}{
		{http.MethodGet, "/v1/plans", "", http.StatusOK},
		{http.MethodPost, "/v1/subscriptions", subscribing("tok_ok"), http.StatusCreated},
		{http.MethodGet, "/v1/subscriptions", "", http.StatusOK},
		{http.MethodPost, "/v1/subscriptions/premium/cancel", "", http.StatusOK},
		{http.MethodGet, "/v1/history", "", http.StatusOK},
	} {
		got, err := c.at.Load().at(v).try(t.Context(), r.method, r.path, "", r.body)
		c.asked.Add(1)
		if err != nil || got.status != r.want {
			c.mu.Lock()
			c.failures = append(c.failures, fmt.Sprintf("%s %s: %d %s, %v", r.method, r.path, got.status, got.text, err))
			c.mu.Unlock()
			return
		}
	}
}

// wait waits for so many more requests.
func (c *crowd) wait(t *testing.T, n int64) {
	t.Helper()
	until := c.asked.Load() + n
	eventually(t, fmt.Sprint(n, " more requests"), func() bool { return c.asked.Load() >= until })
}

// leave ends the crowd, and fails the test if a request failed.
func (c *crowd) leave(t *testing.T) int64 {
	t.Helper()
	select {
	case <-c.done:
		return c.asked.Load()
	default:
		close(c.done)
	}
	c.group.Wait()
	if len(c.failures) > 0 {
		t.Errorf("%d of %d requests failed, such as %s", len(c.failures), c.asked.Load(), c.failures[0])
	}
	return c.asked.Load()
}
