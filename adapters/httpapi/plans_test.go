package httpapi

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// planQueries is a plan cache over queries that a test controls. Its clock moves
// only when a test sets it.
type planQueries struct {
	planCache

	clock   atomic.Int64
	queries atomic.Int64
	err     error
	block   chan struct{} // a query waits for a value if it is not nil
}

func newPlanQueries() *planQueries {
	p := &planQueries{}
	p.now = func() time.Duration { return time.Duration(p.clock.Load()) }
	p.render = func(ctx context.Context) ([]byte, error) {
		n := p.queries.Add(1)
		if p.block != nil {
			<-p.block
		}
		return fmt.Append(nil, "query ", n), errors.Join(p.err, ctx.Err())
	}
	return p
}

func (p *planQueries) at(t time.Duration) { p.clock.Store(int64(t)) }

func (p *planQueries) want(t *testing.T, want string) {
	t.Helper()
	got, err := p.get(t.Context())
	if err != nil || string(got) != want {
		t.Errorf("at %v got %q, %v, want %q", p.now(), got, err, want)
	}
}

func TestPlanCache_MaxAge(t *testing.T) {
	t.Parallel()
	p := newPlanQueries()
	p.want(t, "query 1")
	p.at(time.Second)
	p.want(t, "query 1")
	p.at(time.Second + 1)
	p.want(t, "query 2")
	p.at(2 * time.Second)
	p.want(t, "query 2")
	p.at(time.Hour)
	p.want(t, "query 3")
}

// The age counts from the start of the query, because the database reads then.
func TestPlanCache_AgeIncludesQuery(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPlanQueries()
		p.block = make(chan struct{})
		go func() { p.block <- struct{}{} }()
		go p.want(t, "query 1")
		synctest.Wait()
		p.block = nil
		p.at(time.Second)
		p.want(t, "query 1")
		p.at(time.Second + 1)
		p.want(t, "query 2")
	})
}

func TestPlanCache_ConcurrentCallsShareQuery(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPlanQueries()
		p.block = make(chan struct{})
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() { p.want(t, "query 1") })
		}
		synctest.Wait()
		p.block <- struct{}{}
		wg.Wait()
	})
}

// A call that joins a query that is already older than a second runs another one.
func TestPlanCache_SlowQueryIsTooOldForLaterCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPlanQueries()
		p.block = make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() { p.want(t, "query 1") })
		synctest.Wait()
		p.at(time.Second)
		wg.Go(func() { p.want(t, "query 1") })
		synctest.Wait()
		p.at(time.Second + 1)
		wg.Go(func() { p.want(t, "query 2") })
		synctest.Wait()
		p.block <- struct{}{}
		synctest.Wait()
		p.block <- struct{}{}
		wg.Wait()
	})
}

func TestPlanCache_ErrorsAreNotCached(t *testing.T) {
	t.Parallel()
	p := newPlanQueries()
	p.err = errors.New("database down")
	if body, err := p.get(t.Context()); !errors.Is(err, p.err) {
		t.Errorf("got %q, %v, want the error of the query", body, err)
	}
	p.err = nil
	p.want(t, "query 2")
	p.at(time.Second + 1)
	p.err = errors.New("database down")
	if body, err := p.get(t.Context()); !errors.Is(err, p.err) {
		t.Errorf("got %q, %v, want the error and not the stale plans", body, err)
	}
}

func TestPlanCache_CancelledCallerStillRefreshes(t *testing.T) {
	t.Parallel()
	p := newPlanQueries()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if body, err := p.get(ctx); err != nil || string(body) != "query 1" {
		t.Errorf("got %q, %v", body, err)
	}
}

func TestListPlans_ServesSnapshot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var store *unreadable
		s := newService(t, func(c *Config) {
			store = &unreadable{Store: c.Viewer.Store}
			c.Viewer.Store = store
		})
		first := s.do("", "GET", "/v1/plans", "")
		store.on.Store(true)
		time.Sleep(plansMaxAge) // on the clock of the bubble
		second := s.do("", "GET", "/v1/plans", "")
		if diff := cmp.Diff(first.Body.String(), second.Body.String()); second.Code != 200 || diff != "" {
			t.Errorf("after one second: %d (-first +second):\n%s", second.Code, diff)
		}
		time.Sleep(time.Nanosecond)
		if w := s.do("", "GET", "/v1/plans", ""); w.Code != 503 || codeOf(t, w) != "unavailable" {
			t.Errorf("after more than one second, without a database: %d %s", w.Code, w.Body)
		}
		store.on.Store(false)
		if w := s.do("", "GET", "/v1/plans", ""); w.Code != 200 {
			t.Errorf("with the database back: %d %s", w.Code, w.Body)
		}
	})
}
