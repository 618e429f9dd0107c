package viewers_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
)

func TestReplay(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		fault  billingtest.Fault
		before func(w world, r ports.KeyedRequest)
		other  bool // the repeated request has another fingerprint
		body   string
		work   billing.Status
		want   error
	}{
		{name: "new key", before: func(world, ports.KeyedRequest) {}},
		{name: "response stored", before: func(w world, r ports.KeyedRequest) { w.keep(r, "first") }, body: "first"},
		{name: "response stored, another request", before: func(w world, r ports.KeyedRequest) { w.keep(r, "first") }, other: true, want: billing.ErrKeyReused},
		{name: "response erased", before: func(w world, r ports.KeyedRequest) { w.keep(r, "first"); w.erase() }, want: billing.ErrKeyReused},
		{name: "done, no response", fault: billingtest.NoFault, before: world.work, work: billing.StatusActive},
		{name: "declined, no response", fault: billingtest.Decline, before: world.work, work: billing.StatusEnded},
		{name: "done, another request", fault: billingtest.NoFault, before: world.work, other: true, want: billing.ErrKeyReused},
		{name: "being settled", fault: billingtest.ResponseLost, before: world.work, want: billing.ErrRequestInProgress},
		{name: "needs confirmation", fault: billingtest.NeedsConfirmation, before: world.work, work: billing.StatusIncomplete},
		{name: "failed", fault: billingtest.ConnectionRefused, before: world.work},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Provider.SetFault(tt.fault)
			tt.before(w, w.newRequest())
			r := w.newRequest()
			if tt.other {
				r.Fingerprint[0]++
			}
			for range 2 { // Replay changes nothing
				response, work, err := w.Process().Replay(t.Context(), r)
				billingtest.ExpectError(t, err, tt.want)
				if (response != nil) != (tt.body != "") || (response != nil && string(response.Body) != tt.body) {
					t.Errorf("the response is %v, want %q", response, tt.body)
				}
				if (work != nil) != (tt.work != "") || (work != nil && work.View.Status != tt.work) {
					t.Errorf("the work is %+v, want status %s", work, tt.work)
				}
			}
		})
	}
}

// work processes r, and crashes before it stores a response.
func (w world) work(r ports.KeyedRequest) {
	cmd := billingtest.SubscribeBasic()
	cmd.Request = &r
	_, _ = w.Process().Subscribe(w.T.Context(), cmd)
}

// erase erases the personal data of the viewer.
func (w world) erase() {
	w.T.Helper()
	w.InTx(func(ctx context.Context, tx ports.Repos) error {
		if err := tx.Users.Seen(ctx, w.Clock.Now(), billingtest.Viewer); err != nil {
			return err
		}
		_, err := tx.PersonalData.Erase(ctx, billingtest.Viewer, w.Clock.Now(), nil)
		return err
	})
}

// keep stores a response, and expects it back.
func (w world) keep(r ports.KeyedRequest, body string) {
	w.T.Helper()
	got, err := w.Process().Keep(w.T.Context(), r, ports.Response{Status: 200, Body: []byte(body)})
	if err != nil || string(got.Body) != body {
		w.T.Errorf("Keep = %s, %v, want %s", got.Body, err, body)
	}
}

func TestKeep(t *testing.T) {
	t.Parallel()
	second := ports.Response{Status: 409, Body: []byte("second")}
	t.Run("first response stays", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		r := w.newRequest()
		w.keep(r, "first")
		for _, again := range []ports.KeyedRequest{r, w.newRequest()} {
			got, err := w.Process().Keep(t.Context(), again, second)
			if err != nil || got.Status != 200 || string(got.Body) != "first" {
				t.Errorf("Keep = %d %s, %v, want the first response", got.Status, got.Body, err)
			}
		}
	})
	t.Run("another owner without a response", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		owner := w.newRequest()
		w.work(owner)
		_, err := w.Process().Keep(t.Context(), w.newRequest(), second)
		billingtest.ExpectError(t, err, billing.ErrRequestInProgress)
		w.keep(owner, "first")
	})
	t.Run("another fingerprint", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.keep(w.newRequest(), "first")
		r := w.newRequest()
		r.Fingerprint[31]++
		_, err := w.Process().Keep(t.Context(), r, second)
		billingtest.ExpectError(t, err, billing.ErrKeyReused)
	})
	t.Run("same key of another viewer", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.keep(w.newRequest(), "first")
		r := w.newRequest()
		r.User = "22222222-2222-2222-2222-222222222222"
		w.expectUnclaimed(r)
		w.keep(r, "second")
	})
	t.Run("fifty at once", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		responses := make([]ports.Response, 50)
		for _, err := range billingtest.Concurrently(len(responses), func(i int) (err error) {
			responses[i], err = w.Process().Keep(t.Context(), w.newRequest(), ports.Response{Status: 400 + i})
			return err
		}) {
			if err != nil && err.Error() != billing.ErrRequestInProgress.Error() {
				t.Error(err)
			}
		}
		for _, r := range responses {
			if r.Status != responses[0].Status {
				t.Errorf("responses %d and %d to one request", r.Status, responses[0].Status)
			}
		}
	})
}

func TestForget(t *testing.T) {
	t.Parallel()
	t.Run("by the owner", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		r := w.newRequest()
		w.work(r)
		billingtest.ExpectError(t, w.Process().Forget(t.Context(), r), nil)
		w.expectUnclaimed(r)
	})
	t.Run("by another request", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.work(w.newRequest())
		billingtest.ExpectError(t, w.Process().Forget(t.Context(), w.newRequest()), nil)
		_, work, err := w.Process().Replay(t.Context(), w.newRequest())
		if work == nil || err != nil {
			t.Errorf("the key is free, %v, want it claimed", err)
		}
	})
	t.Run("after the response", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		r := w.newRequest()
		w.keep(r, "first")
		billingtest.ExpectError(t, w.Process().Forget(t.Context(), r), nil)
		w.keep(r, "first")
		if response, _, err := w.Process().Replay(t.Context(), r); response == nil || err != nil {
			t.Errorf("the response is gone: %v", err)
		}
	})
}

func TestForget_FailedAttemptFreesKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Provider.SetFault(billingtest.ConnectionRefused)
	_, err := w.Process().subscribeKeyed(t.Context(), w.newRequest())
	billingtest.ExpectError(t, err, billing.ErrUnavailable)
	w.Provider.SetFault(billingtest.NoFault)
	for range 3 {
		if r, err := w.Process().subscribeKeyed(t.Context(), w.newRequest()); err != nil || r.Status != 200 {
			t.Errorf("got %d %s, %v, want 200", r.Status, r.Body, err)
		}
	}
	w.ExpectCharges(1)
	w.expectConsistent()
}

func TestPrune_AfterThirtyDays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.newRequest()
	w.work(r)
	w.keep(r, "first")
	w.expectPruned(map[time.Duration]int{0: 0, 29 * 24 * time.Hour: 0, 30 * 24 * time.Hour: 1, 31 * 24 * time.Hour: 0})
	w.expectUnclaimed(r)
}

func TestPrune_UnchangedAfterADay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.MustSubscribe()
	noop := w.newRequest()
	noop.Key = "resumed without a cancel"
	_, err := w.Process().resumeKeyed(t.Context(), noop)
	billingtest.ExpectError(t, err, nil)
	refused := w.newRequest()
	w.keep(refused, "not found")
	w.expectPruned(map[time.Duration]int{0: 0, 23 * time.Hour: 0, 24 * time.Hour: 2, 25 * time.Hour: 0})
	w.expectUnclaimed(refused)
	w.expectUnclaimed(noop)
}

// expectPruned expects the number of responses that are pruned at each age.
func (w world) expectPruned(want map[time.Duration]int) {
	w.T.Helper()
	start := w.Clock.Now()
	for _, age := range slices.Sorted(maps.Keys(want)) {
		w.Clock.Advance(start.Add(age).Sub(w.Clock.Now()))
		if n, err := w.Process().Prune(w.T.Context()); err != nil || n != want[age] {
			w.T.Errorf("after %s: pruned %d, %v, want %d", age, n, err, want[age])
		}
	}
}

// A viewer can store only so many requests that change nothing. Requests that change
// something are stored even then.
func TestKeep_LimitsKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	subscribed := w.newRequest()
	w.work(subscribed)
	refused := func(i int) error {
		r := w.newRequest()
		r.Key = fmt.Sprint("key ", i)
		_, err := w.Process().Keep(t.Context(), r, ports.Response{Status: 404})
		if i%100 == 0 {
			w.Clock.Advance(time.Minute)
		}
		return err
	}
	for i := range 499 {
		billingtest.ExpectError(t, refused(i), nil)
	}
	limited, ok := errors.AsType[*billing.LimitedError](refused(499))
	if !ok || limited.RetryAfter != 24*time.Hour-5*time.Minute {
		t.Fatalf("key 501 of the day: %v, want a wait of a day after the first key", limited)
	}
	resumed := w.newRequest()
	resumed.Key = "resumed without a cancel"
	_, err := w.Process().resumeKeyed(t.Context(), resumed)
	billingtest.ExpectError(t, err, billing.ErrRateLimited)
	w.expectUnclaimed(resumed)

	w.keep(subscribed, "subscribed")
	w.Clock.Advance(limited.RetryAfter)
	billingtest.ExpectError(t, refused(500), nil)
}
