package viewers_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

// counting counts transactions, and fails them while it is down.
type counting struct {
	ports.Store
	n    atomic.Int64
	down atomic.Bool
}

func (s *counting) InTx(ctx context.Context, f func(ports.Repos) error) error {
	if s.down.Load() {
		return billing.ErrUnavailable
	}
	s.n.Add(1)
	return s.Store.InTx(ctx, f)
}

func TestSeen_WritesOncePerHour(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	store := &counting{Store: w.Store}
	r := &viewers.LastSeen{Store: store, Clock: w.Clock}
	for _, step := range []struct {
		name  string
		later time.Duration
		user  billing.UserID
		want  int64
	}{
		{"the first time", 0, billingtest.Viewer, 1},
		{"at once again", 0, billingtest.Viewer, 1},
		{"another viewer", 0, "other", 2},
		{"just before the hour is over", time.Hour - time.Microsecond, billingtest.Viewer, 2},
		{"an hour later", time.Microsecond, billingtest.Viewer, 3},
		{"and again", 0, billingtest.Viewer, 3},
		{"the clock was set back", -2 * time.Hour, billingtest.Viewer, 4},
	} {
		w.Clock.Advance(step.later)
		if err := r.Seen(t.Context(), step.user); err != nil || store.n.Load() != step.want {
			t.Errorf("%s: written %d times, %v, want %d", step.name, store.n.Load(), err, step.want)
		}
	}
}

func TestSeen_RetriesAfterError(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	store := &counting{Store: w.Store}
	r := &viewers.LastSeen{Store: store, Clock: w.Clock}
	store.down.Store(true)
	if err := r.Seen(t.Context(), billingtest.Viewer); !errors.Is(err, billing.ErrUnavailable) {
		t.Errorf("got the error %v", err)
	}
	store.down.Store(false)
	for range 2 {
		billingtest.ExpectError(t, r.Seen(t.Context(), billingtest.Viewer), nil)
	}
	if store.n.Load() != 1 {
		t.Errorf("written %d times, want once", store.n.Load())
	}
}
