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

func TestRun_StopsWhenProviderIsDown(t *testing.T) {
	t.Parallel()
	const n = 150
	for _, tt := range []struct {
		fault billingtest.Fault
		look  func(int64) error
		sent  int // most charges before the run gives up
	}{
		{billingtest.ConnectionRefused, always(ports.ErrNotSent), 20 + 8},
		{billingtest.ConnectionRefused, nil, 20 + 8}, // lookups work
		{billingtest.BadCredentials, always(ports.ErrCredentials), 8},
		{billingtest.HangsBeforeCharge, nil, 20 + 8},
		{billingtest.HangsBeforeCharge, always(billingtest.ErrLost), 20 + 8},
		{billingtest.RequestLost, nil, 20 + 8},
		{billingtest.RequestLost, always(billingtest.ErrLost), 20 + 8},
		{billingtest.HangsAfterCharge, always(billingtest.ErrLost), 20 + 8},
	} {
		name := string(tt.fault)
		if tt.look != nil {
			name += ", lookups fail"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				users := w.addSubscribers(n)
				w.Clock.Advance(billingtest.Month)
				w.Provider.SetFault(tt.fault)
				p := &faultyProvider{Provider: w.Provider, find: tt.look}
				began := time.Now()
				got, err := w.RenewerOver(w.Store, p).Run(w.T.Context())
				billingtest.ExpectError(w.T, err, ports.ErrGaveUp)
				if !got.Trouble() || got.Due == 0 || got.Due == n || got.Due != got.Failed+got.Unknown {
					w.T.Errorf("the summary is %+v", got)
				}
				if sent := int(p.charges.Load()); sent > tt.sent {
					w.T.Errorf("the run sent %d charges before it gave up, want at most %d", sent, tt.sent)
				}
				if took := time.Since(began); took > time.Minute {
					w.T.Errorf("the run took %s, want at most a minute", took)
				}
				w.expectAll(users, billing.StatusActive)
				w.expectUnchanged(users)

				w.Provider.SetFault(billingtest.NoFault)
				got, err = w.Renewer().Run(w.T.Context())
				billingtest.ExpectError(w.T, err, nil)
				if got.Settled+got.Renewed != n || got.Trouble() {
					w.T.Errorf("after the outage the summary is %+v", got)
				}
				w.expectAll(users, billing.StatusActive)
				w.expectPaid(users, 2)
			})
		})
	}
}

// expectUnchanged expects no event since the users subscribed.
func (w world) expectUnchanged(users []billing.UserID) {
	w.T.Helper()
	for _, u := range users {
		if events := w.history(u); len(events) != 1 {
			w.T.Errorf("the history of %s is %+v, want one event", u, events)
		}
	}
}

func TestRun_OneOfTwoProvidersDown(t *testing.T) {
	t.Parallel()
	for _, m := range []billingtest.Fault{billingtest.ConnectionRefused, billingtest.BadCredentials, billingtest.HangsBeforeCharge} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				other := w.withProvider("other")
				down, up := w.addSubscribers(120), other.addSubscribers(120)
				w.Clock.Advance(billingtest.Month)
				w.Provider.SetFault(m)
				// The run gives up the first provider. The second one loses responses, and
				// the run must settle those payments nevertheless.
				flaky := &faultyProvider{Provider: other.Provider, after: threeOfTen(billingtest.ErrLost), find: firstCalls(15, billingtest.ErrLost)}
				r := w.Renewer()
				maps.Copy(r.Collector.Providers, map[string]ports.Provider{other.Provider.Code: flaky})
				got, err := r.Run(w.T.Context())
				billingtest.ExpectError(w.T, err, ports.ErrGaveUp)
				if got.Renewed != len(up) || got.Due != got.Renewed+got.Failed+got.Unknown {
					w.T.Errorf("the summary is %+v", got)
				}
				other.expectPaid(up, 2)
				w.expectUnchanged(down)

				w.Provider.SetFault(billingtest.NoFault)
				time.Sleep(billingtest.PastSendWindow)
				got, err = r.Run(w.T.Context())
				if err != nil || got.Settled+got.Renewed != len(down) || got.Trouble() {
					w.T.Errorf("after the outage the summary is %+v, %v", got, err)
				}
				w.expectPaid(down, 2)
				other.expectPaid(up, 2)
			})
		})
	}
}

func TestRun_SettlesOtherProvidersPayments(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		other := w.withProvider("other")
		// The provider that is down has more pending payments than one sweep takes. The
		// other provider has one, which is newer.
		w.Provider.SetFault(billingtest.ResponseLost)
		w.addSubscribers(230)
		time.Sleep(time.Second)
		other.Provider.SetFault(billingtest.ResponseLost)
		left := other.addSubscribers(1)
		w.Provider.SetFault(billingtest.NoFault)
		r := w.RenewerOver(w.Store, &faultyProvider{Provider: w.Provider, find: always(billingtest.ErrLost)})
		maps.Copy(r.Collector.Providers, map[string]ports.Provider{other.Provider.Code: other.Provider})
		w.expectRunOf(r, ports.Summary{Settled: 1}, ports.ErrGaveUp)
		w.expectAll(left, billing.StatusActive)
	})
}

func TestRun_RenewsWhileLookupsFail(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		users := w.addSubscribers(30)
		w.Clock.Advance(billingtest.Month)
		w.Provider.SetFault(billingtest.ResponseLost)
		w.addSubscribers(24)
		w.Provider.SetFault(billingtest.NoFault)
		p := &faultyProvider{Provider: w.Provider, find: always(billingtest.ErrLost)}
		w.expectRunOf(w.RenewerOver(w.Store, p), ports.Summary{Due: len(users), Renewed: len(users)}, ports.ErrGaveUp)
		w.expectAll(users, billing.StatusActive)
		if n := p.lookups.Load(); n > 20+8 {
			w.T.Errorf("the run made %d lookups before it gave them up, want at most 28", n)
		}
	})
}

func TestRun_BreakerNeedsConsecutiveFailures(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]*faultyProvider{
		"nineteen of twenty refused": {before: func(n int64) error {
			if n%20 != 0 {
				return ports.ErrNotSent
			}
			return nil
		}},
		"responses lost, lookups work": {after: always(billingtest.ErrLost)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				users := w.addSubscribers(100)
				w.Clock.Advance(billingtest.Month)
				p.Provider = w.Provider
				r := w.RenewerOver(w.Store, p)
				r.Concurrency = 1 // keeps the order of the faults
				_, err := r.Run(w.T.Context())
				billingtest.ExpectError(w.T, err, nil)
				w.runUntilQuiet()
				w.expectPaid(users, 2)
			})
		})
	}
	t.Run("refusals of single requests", func(t *testing.T) {
		t.Parallel()
		for m, want := range map[billingtest.Fault]ports.Summary{
			billingtest.RequestRefused: {Due: 19, Failed: 19},
			billingtest.UnknownToken:   {Due: 19, Declined: 19, Held: 19},
			billingtest.Decline:        {Due: 40, Declined: 40},
		} {
			inBubble(t, func(w world) {
				w.addSubscribers(want.Due)
				w.Clock.Advance(billingtest.Month)
				w.Provider.SetFault(m)
				w.expectRun(want)
			})
		}
	})
}

func TestRun_StoresGaveUpError(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.addSubscribers(1)
		w.Clock.Advance(billingtest.Month)
		w.Provider.SetFault(billingtest.BadCredentials)
		var stored []ports.Run
		_, err := w.RenewerOver(runRecorder{w.Store, &stored}, w.Provider).Run(w.T.Context())
		billingtest.ExpectError(t, err, ports.ErrGaveUp)
		if len(stored) != 2 || stored[0].ID != stored[1].ID || !stored[0].FinishedAt.IsZero() || stored[0].StartedAt.IsZero() {
			t.Fatalf("stored %+v, want one run, first unfinished and then finished", stored)
		}
		last := stored[1]
		want := errors.Join(ports.ErrGaveUp).Error() + ": " + billingtest.System
		if last.Error != want || last.FinishedAt.IsZero() || last.Summary != (ports.Summary{Due: 1, Failed: 1}) {
			t.Errorf("stored %+v, want the error %q", last, want)
		}
	})
}

// runRecorder is a store that records each Put of a run.
type runRecorder struct {
	ports.Store
	stored *[]ports.Run
}

func (s runRecorder) InTx(ctx context.Context, f func(ports.Repos) error) error {
	return s.Store.InTx(ctx, func(tx ports.Repos) error {
		tx.Runs = recordedRuns{tx.Runs, s.stored}
		return f(tx)
	})
}

type recordedRuns struct {
	ports.Runs
	stored *[]ports.Run
}

func (r recordedRuns) Put(ctx context.Context, run ports.Run) error {
	*r.stored = append(*r.stored, run)
	return r.Runs.Put(ctx, run)
}
