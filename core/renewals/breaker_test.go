package renewals_test

import (
	"context"
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
)

func TestAPaymentSystemThatIsDownStopsTheRunEarly(t *testing.T) {
	t.Parallel()
	const n = 150
	for _, tt := range []struct {
		mishap billingtest.Mishap
		look   func(int64) error
		asked  int // at most, before it is given up
	}{
		{billingtest.RefusesConn, billingtest.Always(ports.ErrNotSent), 20 + 8},
		{billingtest.RefusesConn, nil, 20 + 8}, // it is up for look-ups
		{billingtest.Credentials, billingtest.Always(ports.ErrCredentials), 8},
		{billingtest.Hangs, nil, 20 + 8},
		{billingtest.Hangs, billingtest.Always(billingtest.ErrLost), 20 + 8},
		{billingtest.LostBefore, nil, 20 + 8},
		{billingtest.LostBefore, billingtest.Always(billingtest.ErrLost), 20 + 8},
		{billingtest.HangsAfter, billingtest.Always(billingtest.ErrLost), 20 + 8},
	} {
		name := string(tt.mishap)
		if tt.look != nil {
			name += ", and cannot be asked"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				users := w.Join(n)
				w.Clock.Advance(billingtest.Month)
				w.Psp.Suffers(tt.mishap)
				p := &billingtest.Faulty{Provider: w.Psp, Look: tt.look}
				began := time.Now()
				got, err := w.RenewerOver(w.Store, p).Run(w.T.Context())
				billingtest.ExpectError(w.T, err, ports.ErrGaveUp)
				if !got.Trouble() || got.Due == 0 || got.Due == n || got.Due != got.Failed+got.Unknown {
					w.T.Errorf("the run says %+v", got)
				}
				if asked := int(p.Charges.Load()); asked > tt.asked {
					w.T.Errorf("it was asked %d times before it was given up, want at most %d", asked, tt.asked)
				}
				if took := time.Since(began); took > time.Minute {
					w.T.Errorf("the run took %s", took)
				}
				w.ExpectAll(users, billing.StatusActive)
				w.expectUnmoved(users)

				w.Psp.Suffers(billingtest.Fine)
				got, err = w.Renewer().Run(w.T.Context())
				billingtest.ExpectError(w.T, err, nil)
				if got.Settled+got.Renewed != n || got.Trouble() {
					w.T.Errorf("once it is up, the run says %+v", got)
				}
				w.ExpectAll(users, billing.StatusActive)
				w.ExpectPaid(users, 2)
			})
		})
	}
}

// expectUnmoved expects that nothing has happened to the users since they joined.
func (w world) expectUnmoved(users []billing.UserID) {
	w.T.Helper()
	for _, u := range users {
		if events := w.History(u); len(events) != 1 {
			w.T.Errorf("the history of %s is %+v", u, events)
		}
	}
}

func TestOneOfTwoPaymentSystemsIsDown(t *testing.T) {
	t.Parallel()
	for _, m := range []billingtest.Mishap{billingtest.RefusesConn, billingtest.Credentials, billingtest.Hangs} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				other := w.Through("other")
				down, up := w.Join(120), other.Join(120)
				w.Clock.Advance(billingtest.Month)
				w.Psp.Suffers(m)
				// The other one loses answers: that is settled, although one is given up.
				flaky := &billingtest.Faulty{Provider: other.Psp, After: billingtest.Often(billingtest.ErrLost), Look: billingtest.FirstOnes(15, billingtest.ErrLost)}
				r := w.Renewer()
				maps.Copy(r.Collector.Providers, map[string]ports.Provider{other.Psp.Code: flaky})
				got, err := r.Run(w.T.Context())
				billingtest.ExpectError(w.T, err, ports.ErrGaveUp)
				if got.Renewed != len(up) || got.Due != got.Renewed+got.Failed+got.Unknown {
					w.T.Errorf("the run says %+v", got)
				}
				other.ExpectPaid(up, 2)
				w.expectUnmoved(down)

				w.Psp.Suffers(billingtest.Fine)
				time.Sleep(billingtest.SendOver)
				got, err = r.Run(w.T.Context())
				if err != nil || got.Settled+got.Renewed != len(down) || got.Trouble() {
					w.T.Errorf("once it is up, the run says %+v, %v", got, err)
				}
				w.ExpectPaid(down, 2)
				other.ExpectPaid(up, 2)
			})
		})
	}
}

func TestWhatADownPaymentSystemLeavesDoesNotKeepTheOthersUnsettled(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		other := w.Through("other")
		// More than a sweep takes is pending at the one that is down; later, one at the other.
		w.Psp.Suffers(billingtest.LostAfter)
		w.Join(230)
		time.Sleep(time.Second)
		other.Psp.Suffers(billingtest.LostAfter)
		left := other.Join(1)
		w.Psp.Suffers(billingtest.Fine)
		r := w.RenewerOver(w.Store, &billingtest.Faulty{Provider: w.Psp, Look: billingtest.Always(billingtest.ErrLost)})
		maps.Copy(r.Collector.Providers, map[string]ports.Provider{other.Psp.Code: other.Psp})
		w.ExpectRun(r, ports.Summary{Settled: 1}, ports.ErrGaveUp)
		w.ExpectAll(left, billing.StatusActive)
	})
}

func TestTheBreakerForgivesWhatWasNotInARow(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]*billingtest.Faulty{
		"nineteen of twenty are refused": {Before: func(n int64) error {
			if n%20 != 0 {
				return ports.ErrNotSent
			}
			return nil
		}},
		"every answer is lost, but can be looked up": {After: billingtest.Always(billingtest.ErrLost)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				users := w.Join(100)
				w.Clock.Advance(billingtest.Month)
				p.Provider = w.Psp
				r := w.RenewerOver(w.Store, p)
				r.Concurrency = 1 // so that they come in this order
				_, err := r.Run(w.T.Context())
				billingtest.ExpectError(w.T, err, nil)
				w.RunUntilQuiet()
				w.ExpectPaid(users, 2)
			})
		})
	}
	t.Run("refusals of one request are no outage", func(t *testing.T) {
		t.Parallel()
		for m, want := range map[billingtest.Mishap]ports.Summary{
			billingtest.RefusesRequest: {Due: 40, Failed: 40},
			billingtest.UnknownToken:   {Due: 40, Declined: 40, Ended: 40},
			billingtest.Declines:       {Due: 40, Declined: 40},
		} {
			inBubble(t, func(w world) {
				w.Join(40)
				w.Clock.Advance(billingtest.Month)
				w.Psp.Suffers(m)
				w.Run(want)
			})
		}
	})
}

func TestARunThatGaveUpSaysSoInItsRecord(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.Join(1)
		w.Clock.Advance(billingtest.Month)
		w.Psp.Suffers(billingtest.Credentials)
		var kept []ports.Run
		_, err := w.RenewerOver(runsKept{w.Store, &kept}, w.Psp).Run(w.T.Context())
		billingtest.ExpectError(t, err, ports.ErrGaveUp)
		if len(kept) != 2 || kept[0].ID != kept[1].ID || !kept[0].FinishedAt.IsZero() || kept[0].StartedAt.IsZero() {
			t.Fatalf("it kept %+v, want one run, as it began and as it ended", kept)
		}
		last := kept[1]
		want := errors.Join(ports.ErrGaveUp).Error() + ": " + billingtest.System
		if last.Error != want || last.FinishedAt.IsZero() || last.Summary != (ports.Summary{Due: 1, Failed: 1}) {
			t.Errorf("it kept %+v, want the error %q", last, want)
		}
	})
}

// runsKept is a store that notes what is kept of runs.
type runsKept struct {
	ports.Store
	kept *[]ports.Run
}

func (s runsKept) InTx(ctx context.Context, f func(ports.Repos) error) error {
	return s.Store.InTx(ctx, func(tx ports.Repos) error {
		tx.Runs = runsNoted{tx.Runs, s.kept}
		return f(tx)
	})
}

type runsNoted struct {
	ports.Runs
	kept *[]ports.Run
}

func (r runsNoted) Put(ctx context.Context, run ports.Run) error {
	*r.kept = append(*r.kept, run)
	return r.Runs.Put(ctx, run)
}
