package app_test

import (
	"testing"
	"time"

	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

func TestReplay(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		mishap mishap
		before func(w world, r app.Request)
		other  bool // the request that comes again asks for something else
		answer string
		work   billing.Status
		want   error
	}{
		{name: "a new key", before: func(world, app.Request) {}},
		{name: "answered", before: func(w world, r app.Request) { w.keep(r, "first") }, answer: "first"},
		{name: "answered, but for another request", before: func(w world, r app.Request) { w.keep(r, "first") }, other: true, want: billing.ErrKeyReused},
		{name: "done, but not answered", mishap: fine, before: world.work, work: billing.StatusActive},
		{name: "declined, but not answered", mishap: declines, before: world.work, work: billing.StatusEnded},
		{name: "done for another request", mishap: fine, before: world.work, other: true, want: billing.ErrKeyReused},
		{name: "being settled", mishap: lostAfter, before: world.work, want: billing.ErrRequestInProgress},
		{name: "waiting for the viewer", mishap: waits, before: world.work, want: billing.ErrRequestInProgress},
		{name: "came to nothing", mishap: refusesConn, before: world.work},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.psp.suffers(tt.mishap)
			tt.before(w, w.request())
			r := w.request()
			if tt.other {
				r.Fingerprint[0]++
			}
			for range 2 { // looking changes nothing
				answer, work, err := w.process().Replay(t.Context(), r)
				expectError(t, err, tt.want)
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
func (w world) work(r app.Request) {
	cmd := toBasic()
	cmd.Request = &r
	_, _ = w.process().Subscribe(w.t.Context(), cmd)
}

func (w world) keep(r app.Request, body string) {
	w.t.Helper()
	got, err := w.process().Keep(w.t.Context(), r, app.Answer{Status: 200, Body: []byte(body)})
	if err != nil || string(got.Body) != body {
		w.t.Errorf("kept %s, %v, want %s", got.Body, err, body)
	}
}

func TestKeep(t *testing.T) {
	t.Parallel()
	second := app.Answer{Status: 409, Body: []byte("second")}
	t.Run("the first answer stays", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		r := w.request()
		w.keep(r, "first")
		for _, again := range []app.Request{r, w.request()} {
			got, err := w.process().Keep(t.Context(), again, second)
			if err != nil || got.Status != 200 || string(got.Body) != "first" {
				t.Errorf("got %d %s, %v, want the first answer", got.Status, got.Body, err)
			}
		}
	})
	t.Run("another request that has not been answered owns the key", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		owner := w.request()
		w.work(owner)
		_, err := w.process().Keep(t.Context(), w.request(), second)
		expectError(t, err, billing.ErrRequestInProgress)
		w.keep(owner, "first")
	})
	t.Run("the key belongs to something else", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.keep(w.request(), "first")
		r := w.request()
		r.Fingerprint[31]++
		_, err := w.process().Keep(t.Context(), r, second)
		expectError(t, err, billing.ErrKeyReused)
	})
	t.Run("another viewer's key is another key", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.keep(w.request(), "first")
		r := w.request()
		r.User = "22222222-2222-2222-2222-222222222222"
		w.expectUnclaimed(r)
		w.keep(r, "second")
	})
	t.Run("fifty at once get one answer", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		answers := make([]app.Answer, 50)
		for _, err := range atOnce(len(answers), func(i int) (err error) {
			answers[i], err = w.process().Keep(t.Context(), w.request(), app.Answer{Status: 400 + i})
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
		r := w.request()
		w.work(r)
		expectError(t, w.process().Forget(t.Context(), r), nil)
		w.expectUnclaimed(r)
	})
	t.Run("takes nothing from another", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.work(w.request())
		expectError(t, w.process().Forget(t.Context(), w.request()), nil)
		_, work, err := w.process().Replay(t.Context(), w.request())
		if work == nil || err != nil {
			t.Errorf("the key is free: %v", err)
		}
	})
	t.Run("takes no answer back", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		r := w.request()
		w.keep(r, "first")
		expectError(t, w.process().Forget(t.Context(), r), nil)
		w.keep(r, "first")
		if a, _, err := w.process().Replay(t.Context(), r); a == nil || err != nil {
			t.Errorf("the answer is gone: %v", err)
		}
	})
}

func TestAnAttemptThatCameToNothingCanBeMadeAgainWithItsKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.psp.suffers(refusesConn)
	_, err := w.process().subscribe(t.Context(), w.request())
	expectError(t, err, billing.ErrUnavailable)
	w.psp.suffers(fine)
	for range 3 {
		if a, err := w.process().subscribe(t.Context(), w.request()); err != nil || a.Status != 200 {
			t.Errorf("got %d %s, %v", a.Status, a.Body, err)
		}
	}
	w.expectCharges(1)
	w.expectClean()
}

func TestAnswersArePrunedAfterThirtyDays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.request()
	w.keep(r, "first")
	for _, tt := range []struct {
		later time.Duration
		want  int
	}{{0, 0}, {29 * 24 * time.Hour, 0}, {25 * time.Hour, 1}, {0, 0}} {
		w.clock.advance(tt.later)
		if n, err := w.process().Prune(t.Context()); err != nil || n != tt.want {
			t.Errorf("%s later: pruned %d, %v, want %d", tt.later, n, err, tt.want)
		}
	}
	w.expectUnclaimed(r)
}
