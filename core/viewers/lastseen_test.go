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

// countingStore counts transactions, and fails them while down is true.
type countingStore struct {
	ports.Store
	n    atomic.Int64
	down atomic.Bool
}

func (s *countingStore) InTx(ctx context.Context, f func(ports.Repos) error) error {
	if s.down.Load() {
		return billing.ErrUnavailable
	}
	s.n.Add(1)
	return s.Store.InTx(ctx, f)
}

func TestIdentify_WritesOnceAnHour(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	store := &countingStore{Store: w.Store}
	r := &viewers.LastSeen{Store: store, Clock: w.Clock}
	for _, step := range []struct {
		name  string
		later time.Duration
		user  billing.UserID
		want  int64
	}{
		{"first call", 0, billingtest.Viewer, 1},
		{"second call", 0, billingtest.Viewer, 1},
		{"another viewer", 0, "other", 2},
		{"just before an hour has passed", time.Hour - time.Microsecond, billingtest.Viewer, 2},
		{"an hour later", time.Microsecond, billingtest.Viewer, 3},
		{"again", 0, billingtest.Viewer, 3},
		{"clock set back", -2 * time.Hour, billingtest.Viewer, 4},
	} {
		w.Clock.Advance(step.later)
		if err := r.Identify(t.Context(), billing.User{ID: step.user, Subject: "viewer-17"}); err != nil || store.n.Load() != step.want {
			t.Errorf("%s: written %d times, %v, want %d", step.name, store.n.Load(), err, step.want)
		}
	}
}

func TestIdentify_RetriesAfterError(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	store := &countingStore{Store: w.Store}
	r := &viewers.LastSeen{Store: store, Clock: w.Clock}
	store.down.Store(true)
	if err := r.Identify(t.Context(), billing.User{ID: billingtest.Viewer, Subject: "viewer-17"}); !errors.Is(err, billing.ErrUnavailable) {
		t.Errorf("got the error %v, want ErrUnavailable", err)
	}
	store.down.Store(false)
	for range 2 {
		billingtest.ExpectError(t, r.Identify(t.Context(), billing.User{ID: billingtest.Viewer, Subject: "viewer-17"}), nil)
	}
	if store.n.Load() != 1 {
		t.Errorf("written %d times, want once", store.n.Load())
	}
}

// The account of one subject must stay closed to another one with the same id, also
// while the first is remembered.
func TestIdentify_RefusesOtherSubject(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	store := &countingStore{Store: w.Store}
	r := &viewers.LastSeen{Store: store, Clock: w.Clock}
	billingtest.ExpectError(t, r.Identify(t.Context(), billing.User{ID: billingtest.Viewer, Subject: "viewer-17"}), nil)
	for range 2 {
		billingtest.ExpectError(t, r.Identify(t.Context(), billing.User{ID: billingtest.Viewer, Subject: string(billingtest.Viewer)}), ports.ErrOtherSubject)
		billingtest.ExpectError(t, r.Identify(t.Context(), billing.User{ID: billingtest.Viewer, Subject: "viewer-17"}), nil)
	}
	if store.n.Load() != 3 {
		t.Errorf("%d transactions, want 3: one for the viewer and one for each refusal", store.n.Load())
	}
	store.down.Store(true)
	billingtest.ExpectError(t, r.Identify(t.Context(), billing.User{ID: "other", Subject: "other"}), billing.ErrUnavailable)
	billingtest.ExpectError(t, r.Identify(t.Context(), billing.User{ID: billingtest.Viewer, Subject: "viewer-17"}), nil)
}

func TestIdentify_DisplayName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	store := &countingStore{Store: w.Store}
	r := &viewers.LastSeen{Store: store, Clock: w.Clock}
	for _, step := range []struct {
		name    string
		later   time.Duration
		display string
		want    int64
	}{
		{"first call", 0, "anna@example.com", 1},
		{"the same name", time.Minute, "anna@example.com", 1},
		{"a token without a name", time.Minute, "", 1},
		{"a new name", time.Minute, "anna@example.org", 2},
		{"the old name, at once", time.Second, "anna@example.com", 2},
		{"the new name, at once", time.Second, "anna@example.org", 2},
		{"the old name, a minute later", time.Minute, "anna@example.com", 3},
	} {
		w.Clock.Advance(step.later)
		u := billing.User{ID: billingtest.Viewer, Subject: "viewer-17", Display: billing.NewSecret(step.display)}
		if err := r.Identify(t.Context(), u); err != nil || store.n.Load() != step.want {
			t.Errorf("%s: written %d times, %v, want %d", step.name, store.n.Load(), err, step.want)
		}
	}
}
