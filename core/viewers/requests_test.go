package viewers_test

import (
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
		other  bool // the request that comes again asks for something else
		answer string
		work   billing.Status
		want   error
	}{
		{name: "a new key", before: func(world, ports.KeyedRequest) {}},
		{name: "answered", before: func(w world, r ports.KeyedRequest) { w.keep(r, "first") }, answer: "first"},
		{name: "answered, but for another request", before: func(w world, r ports.KeyedRequest) { w.keep(r, "first") }, other: true, want: billing.ErrKeyReused},
		{name: "done, but not answered", fault: billingtest.NoFault, before: world.work, work: billing.StatusActive},
		{name: "declined, but not answered", fault: billingtest.Decline, before: world.work, work: billing.StatusEnded},
		{name: "done for another request", fault: billingtest.NoFault, before: world.work, other: true, want: billing.ErrKeyReused},
		{name: "being settled", fault: billingtest.ResponseLost, before: world.work, want: billing.ErrRequestInProgress},
		{name: "waiting for the viewer", fault: billingtest.NeedsConfirmation, before: world.work, want: billing.ErrRequestInProgress},
		{name: "came to nothing", fault: billingtest.ConnectionRefused, before: world.work},
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
			for range 2 { // looking changes nothing
				answer, work, err := w.Process().Replay(t.Context(), r)
				billingtest.ExpectError(t, err, tt.want)
				if (answer != nil) != (tt.answer != "") || (answer != nil && string(answer.Body) != tt.answer) {
					t.Errorf("the answer is %v, want %q", answer, tt.answer)
				}
				if (work != nil) != (tt.work != "") || (work != nil && work.View.Status != tt.work) {
					t.Errorf("the work is %+v, want %s", work, tt.work)
				}
			}
		})
	}
}

// work does the work of r and dies before it answers.
func (w world) work(r ports.KeyedRequest) {
	cmd := billingtest.SubscribeBasic()
	cmd.Request = &r
	_, _ = w.Process().Subscribe(w.T.Context(), cmd)
}

func (w world) keep(r ports.KeyedRequest, body string) {
	w.T.Helper()
	got, err := w.Process().Keep(w.T.Context(), r, ports.Response{Status: 200, Body: []byte(body)})
	if err != nil || string(got.Body) != body {
		w.T.Errorf("kept %s, %v, want %s", got.Body, err, body)
	}
}

func TestKeep(t *testing.T) {
	t.Parallel()
	second := ports.Response{Status: 409, Body: []byte("second")}
	t.Run("the first answer stays", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		r := w.newRequest()
		w.keep(r, "first")
		for _, again := range []ports.KeyedRequest{r, w.newRequest()} {
			got, err := w.Process().Keep(t.Context(), again, second)
			if err != nil || got.Status != 200 || string(got.Body) != "first" {
				t.Errorf("got %d %s, %v, want the first answer", got.Status, got.Body, err)
			}
		}
	})
	t.Run("another request that has not been answered owns the key", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		owner := w.newRequest()
		w.work(owner)
		_, err := w.Process().Keep(t.Context(), w.newRequest(), second)
		billingtest.ExpectError(t, err, billing.ErrRequestInProgress)
		w.keep(owner, "first")
	})
	t.Run("the key belongs to something else", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.keep(w.newRequest(), "first")
		r := w.newRequest()
		r.Fingerprint[31]++
		_, err := w.Process().Keep(t.Context(), r, second)
		billingtest.ExpectError(t, err, billing.ErrKeyReused)
	})
	t.Run("another viewer's key is another key", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.keep(w.newRequest(), "first")
		r := w.newRequest()
		r.User = "22222222-2222-2222-2222-222222222222"
		w.expectUnclaimed(r)
		w.keep(r, "second")
	})
	t.Run("fifty at once get one answer", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		answers := make([]ports.Response, 50)
		for _, err := range billingtest.Concurrently(len(answers), func(i int) (err error) {
			answers[i], err = w.Process().Keep(t.Context(), w.newRequest(), ports.Response{Status: 400 + i})
			return err
		}) {
			if err != nil && err.Error() != billing.ErrRequestInProgress.Error() {
				t.Error(err)
			}
		}
		for _, a := range answers {
			if a.Status != answers[0].Status {
				t.Errorf("answers %d and %d to one request", a.Status, answers[0].Status)
			}
		}
	})
}

func TestForget(t *testing.T) {
	t.Parallel()
	t.Run("gives back what the owner claimed", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		r := w.newRequest()
		w.work(r)
		billingtest.ExpectError(t, w.Process().Forget(t.Context(), r), nil)
		w.expectUnclaimed(r)
	})
	t.Run("takes nothing from another", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.work(w.newRequest())
		billingtest.ExpectError(t, w.Process().Forget(t.Context(), w.newRequest()), nil)
		_, work, err := w.Process().Replay(t.Context(), w.newRequest())
		if work == nil || err != nil {
			t.Errorf("the key is free: %v", err)
		}
	})
	t.Run("takes no answer back", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		r := w.newRequest()
		w.keep(r, "first")
		billingtest.ExpectError(t, w.Process().Forget(t.Context(), r), nil)
		w.keep(r, "first")
		if a, _, err := w.Process().Replay(t.Context(), r); a == nil || err != nil {
			t.Errorf("the answer is gone: %v", err)
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
		if a, err := w.Process().subscribeKeyed(t.Context(), w.newRequest()); err != nil || a.Status != 200 {
			t.Errorf("got %d %s, %v", a.Status, a.Body, err)
		}
	}
	w.ExpectCharges(1)
	w.expectClean()
}

func TestPrune_AfterThirtyDays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.newRequest()
	w.keep(r, "first")
	for _, tt := range []struct {
		later time.Duration
		want  int
	}{{0, 0}, {29 * 24 * time.Hour, 0}, {25 * time.Hour, 1}, {0, 0}} {
		w.Clock.Advance(tt.later)
		if n, err := w.Process().Prune(t.Context()); err != nil || n != tt.want {
			t.Errorf("%s later: pruned %d, %v, want %d", tt.later, n, err, tt.want)
		}
	}
	w.expectUnclaimed(r)
}
