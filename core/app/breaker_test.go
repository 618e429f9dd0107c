package app_test

import (
	"context"
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

func TestAPaymentSystemThatIsDownStopsTheRunEarly(t *testing.T) {
	t.Parallel()
	const n = 150
	for _, tt := range []struct {
		mishap mishap
		look   func(int64) error
		asked  int // at most, before it is given up
	}{
		{refusesConn, always(app.ErrNotSent), 20 + 8},
		{refusesConn, nil, 20 + 8}, // it is up for look-ups
		{credentials, always(app.ErrCredentials), 8},
		{hangs, nil, 20 + 8},
		{hangs, always(errLost), 20 + 8},
		{lostBefore, nil, 20 + 8},
		{lostBefore, always(errLost), 20 + 8},
		{hangsAfter, always(errLost), 20 + 8},
	} {
		name := string(tt.mishap)
		if tt.look != nil {
			name += ", and cannot be asked"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				users := w.join(n)
				w.clock.advance(month)
				w.psp.suffers(tt.mishap)
				p := &faulty{Provider: w.psp, look: tt.look}
				began := time.Now()
				got, err := w.renewerOver(w.store, p).Run(w.t.Context())
				expectError(w.t, err, app.ErrGaveUp)
				if !got.Trouble() || got.Due == 0 || got.Due == n || got.Due != got.Failed+got.Unknown {
					w.t.Errorf("the run says %+v", got)
				}
				if asked := int(p.charges.Load()); asked > tt.asked {
					w.t.Errorf("it was asked %d times before it was given up, want at most %d", asked, tt.asked)
				}
				if took := time.Since(began); took > time.Minute {
					w.t.Errorf("the run took %s", took)
				}
				w.expectAll(users, billing.StatusActive)
				w.expectUnmoved(users)

				w.psp.suffers(fine)
				got, err = w.renewer().Run(w.t.Context())
				expectError(w.t, err, nil)
				if got.Settled+got.Renewed != n || got.Trouble() {
					w.t.Errorf("once it is up, the run says %+v", got)
				}
				w.expectAll(users, billing.StatusActive)
				w.expectPaid(users, 2)
			})
		})
	}
}

// expectUnmoved expects that nothing has happened to the users since they joined.
func (w world) expectUnmoved(users []billing.UserID) {
	w.t.Helper()
	for _, u := range users {
		if events := w.history(u); len(events) != 1 {
			w.t.Errorf("the history of %s is %+v", u, events)
		}
	}
}

func TestOneOfTwoPaymentSystemsIsDown(t *testing.T) {
	t.Parallel()
	for _, m := range []mishap{refusesConn, credentials, hangs} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				other := w.through("other")
				down, up := w.join(120), other.join(120)
				w.clock.advance(month)
				w.psp.suffers(m)
				// The other one loses answers: that is settled, although one is given up.
				flaky := &faulty{Provider: other.psp, after: often(errLost), look: firstOnes(15, errLost)}
				r := w.renewer()
				maps.Copy(r.Collector.Providers, map[string]app.Provider{other.psp.code: flaky})
				got, err := r.Run(w.t.Context())
				expectError(w.t, err, app.ErrGaveUp)
				if got.Renewed != len(up) || got.Due != got.Renewed+got.Failed+got.Unknown {
					w.t.Errorf("the run says %+v", got)
				}
				other.expectPaid(up, 2)
				w.expectUnmoved(down)

				w.psp.suffers(fine)
				time.Sleep(sendOver)
				got, err = r.Run(w.t.Context())
				if err != nil || got.Settled+got.Renewed != len(down) || got.Trouble() {
					w.t.Errorf("once it is up, the run says %+v, %v", got, err)
				}
				w.expectPaid(down, 2)
				other.expectPaid(up, 2)
			})
		})
	}
}

func TestWhatADownPaymentSystemLeavesDoesNotKeepTheOthersUnsettled(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		other := w.through("other")
		// More than a sweep takes is pending at the one that is down; later, one at the other.
		w.psp.suffers(lostAfter)
		w.join(230)
		time.Sleep(time.Second)
		other.psp.suffers(lostAfter)
		left := other.join(1)
		w.psp.suffers(fine)
		r := w.renewerOver(w.store, &faulty{Provider: w.psp, look: always(errLost)})
		maps.Copy(r.Collector.Providers, map[string]app.Provider{other.psp.code: other.psp})
		w.expectRun(r, app.Summary{Settled: 1}, app.ErrGaveUp)
		w.expectAll(left, billing.StatusActive)
	})
}

func TestTheBreakerForgivesWhatWasNotInARow(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]*faulty{
		"nineteen of twenty are refused": {before: func(n int64) error {
			if n%20 != 0 {
				return app.ErrNotSent
			}
			return nil
		}},
		"every answer is lost, but can be looked up": {after: always(errLost)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				users := w.join(100)
				w.clock.advance(month)
				p.Provider = w.psp
				r := w.renewerOver(w.store, p)
				r.Concurrency = 1 // so that they come in this order
				_, err := r.Run(w.t.Context())
				expectError(w.t, err, nil)
				w.runUntilQuiet()
				w.expectPaid(users, 2)
			})
		})
	}
	t.Run("refusals of one request are no outage", func(t *testing.T) {
		t.Parallel()
		for m, want := range map[mishap]app.Summary{
			refusesRequest: {Due: 40, Failed: 40},
			unknownToken:   {Due: 40, Declined: 40, Ended: 40},
			declines:       {Due: 40, Declined: 40},
		} {
			inBubble(t, func(w world) {
				w.join(40)
				w.clock.advance(month)
				w.psp.suffers(m)
				w.run(want)
			})
		}
	})
}

func TestARunThatGaveUpSaysSoInItsRecord(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.join(1)
		w.clock.advance(month)
		w.psp.suffers(credentials)
		var kept []app.Run
		_, err := w.renewerOver(runsKept{w.store, &kept}, w.psp).Run(w.t.Context())
		expectError(t, err, app.ErrGaveUp)
		if len(kept) != 2 || kept[0].ID != kept[1].ID || !kept[0].FinishedAt.IsZero() || kept[0].StartedAt.IsZero() {
			t.Fatalf("it kept %+v, want one run, as it began and as it ended", kept)
		}
		last := kept[1]
		want := errors.Join(app.ErrGaveUp).Error() + ": " + system
		if last.Error != want || last.FinishedAt.IsZero() || last.Summary != (app.Summary{Due: 1, Failed: 1}) {
			t.Errorf("it kept %+v, want the error %q", last, want)
		}
	})
}

// runsKept is a store that notes what is kept of runs.
type runsKept struct {
	app.Store
	kept *[]app.Run
}

func (s runsKept) InTx(ctx context.Context, f func(app.Repos) error) error {
	return s.Store.InTx(ctx, func(tx app.Repos) error {
		tx.Runs = runsNoted{tx.Runs, s.kept}
		return f(tx)
	})
}

type runsNoted struct {
	app.Runs
	kept *[]app.Run
}

func (r runsNoted) Put(ctx context.Context, run app.Run) error {
	*r.kept = append(*r.kept, run)
	return r.Runs.Put(ctx, run)
}
