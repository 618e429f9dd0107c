package app_test

import (
	"testing"
	"time"

	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

func TestHowEachOutcomeOfARenewalCounts(t *testing.T) {
	t.Parallel()
	hard := verdicts{says: billing.Outcome{Status: billing.PaymentDeclined, DeclineCode: billing.LostOrStolen}}
	tests := map[string]struct {
		mishap mishap
		over   func(w world) app.Provider
		want   app.Summary
	}{
		"paid":                     {fine, nil, app.Summary{Due: 1, Renewed: 1}},
		"declined":                 {declines, nil, app.Summary{Due: 1, Declined: 1}},
		"declined for good":        {fine, func(w world) app.Provider { return verdicts{w.psp, hard.says} }, app.Summary{Due: 1, Declined: 1, Ended: 1}},
		"token unknown":            {unknownToken, nil, app.Summary{Due: 1, Declined: 1, Ended: 1}},
		"request refused":          {refusesRequest, nil, app.Summary{Due: 1, Failed: 1}},
		"not sent":                 {refusesConn, nil, app.Summary{Due: 1, Failed: 1}},
		"request lost":             {lostBefore, nil, app.Summary{Due: 1, Unknown: 1}},
		"answer lost":              {lostAfter, nil, app.Summary{Due: 1, Renewed: 1}},
		"answer late":              {hangsAfter, nil, app.Summary{Due: 1, Renewed: 1}},
		"other amount":             {otherAmount, nil, app.Summary{Due: 1, Unknown: 1}},
		"waits for its viewer":     {waits, nil, app.Summary{Due: 1, Unknown: 1}},
		"answer and look-ups lost": {lostAfter, func(w world) app.Provider { return &faulty{Provider: w.psp, look: always(errLost)} }, app.Summary{Due: 1, Unknown: 1}},
		"not sent, then lost": {fine, func(w world) app.Provider {
			return &faulty{Provider: w.psp, before: inTurn(app.ErrNotSent, errLost, errLost, errLost)}
		}, app.Summary{Due: 1, Unknown: 1}},
		"lost, then declined":       {declines, func(w world) app.Provider { return &faulty{Provider: w.psp, before: inTurn(errLost)} }, app.Summary{Due: 1, Declined: 1}},
		"not sent, then paid":       {fine, func(w world) app.Provider { return &faulty{Provider: w.psp, before: inTurn(app.ErrNotSent)} }, app.Summary{Due: 1, Renewed: 1}},
		"not sent, then for no one": {fine, func(w world) app.Provider { return &faulty{Provider: w.psp, before: cancelsFirst(w)} }, app.Summary{Due: 1, Failed: 1, Ended: 1}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				w.subscribed()
				w.clock.advance(month)
				w.psp.suffers(tt.mishap)
				var p app.Provider = w.psp
				if tt.over != nil {
					p = tt.over(w)
				}
				var told app.Summary
				r := w.renewerOver(w.store, p)
				r.Progress = func(s app.Summary) { told = s }
				w.expectRun(r, tt.want, nil)
				if told != tt.want {
					w.t.Errorf("at last it told of %+v, want %+v", told, tt.want)
				}
				if trouble := tt.want.Unknown+tt.want.Failed > 0; tt.want.Trouble() != trouble {
					w.t.Errorf("trouble: %t", !trouble)
				}
			})
		})
	}
}

// inTurn fails with one error after the other, and then no more.
func inTurn(errs ...error) func(int64) error {
	return func(n int64) error {
		if int(n) <= len(errs) {
			return errs[n-1]
		}
		return nil
	}
}

// cancelsFirst does not send the first charge, and its viewer cancels meanwhile.
func cancelsFirst(w world) func(int64) error {
	return func(n int64) error {
		if n > 1 {
			return nil
		}
		expectError(w.t, w.cancel(viewer, billing.AtPeriodEnd), nil)
		return app.ErrNotSent
	}
}

func TestHowTheUnsettledPaymentsOfOthersCount(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		left  func(w world) // what an earlier run or a viewer left
		after func(w world) app.Provider
		want  app.Summary
	}{
		"a renewal, paid": {
			func(w world) { w.claimOnly(); w.take(viewer) }, nil, app.Summary{Settled: 1},
		},
		"a renewal that nobody has seen": {
			func(w world) { w.claimOnly() }, nil, app.Summary{Settled: 1},
		},
		"a renewal that is not wanted any more": {
			func(w world) { w.claimOnly(); expectError(w.t, w.cancel(viewer, billing.AtPeriodEnd), nil) }, nil,
			app.Summary{Settled: 1, Ended: 1},
		},
		"a renewal that cannot be looked up": {
			func(w world) { w.claimOnly() },
			func(w world) app.Provider { return &faulty{Provider: w.psp, look: always(errLost)} },
			app.Summary{Unknown: 1},
		},
		"a renewal that can be looked up later": {
			func(w world) { w.claimOnly(); w.take(viewer) },
			func(w world) app.Provider { return &faulty{Provider: w.psp, look: firstOnes(1, errLost)} },
			app.Summary{Settled: 1},
		},
		"a renewal at a payment system without an adapter": {
			func(w world) { w.claimOnly() },
			func(world) app.Provider { return nil },
			app.Summary{},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				w.subscribed()
				w.clock.advance(month)
				tt.left(w)
				time.Sleep(sendOver)
				r := w.renewer()
				if tt.after != nil {
					if p := tt.after(w); p != nil {
						r = w.renewerOver(w.store, p)
					} else {
						r.Collector.Providers = nil
					}
				}
				w.expectRun(r, tt.want, nil)
			})
		})
	}
}

func TestAViewersPaymentDoesNotMakeARunFail(t *testing.T) {
	t.Parallel()
	for m, want := range map[mishap]app.Summary{
		waits:     {},
		lostAfter: {Settled: 1},
		// Nobody sends it any more: the viewer was told that it failed.
		lostBefore: {Settled: 1, Ended: 1},
	} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				w.psp.suffers(m)
				w.subscribed()
				asked := len(w.psp.requests())
				w.psp.suffers(fine)
				time.Sleep(sendOver)
				w.run(want)
				if n := len(w.psp.requests()); n != asked {
					w.t.Errorf("the run asked %d times for it", n-asked)
				}
			})
		})
	}
}

func TestTheSummaryOfAMixedRunAddsUp(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		const n = 100
		users := w.join(n)
		w.clock.advance(month)
		p := &faulty{Provider: w.psp, before: func(i int64) error {
			return []error{nil, nil, app.ErrRefused, errLost, app.ErrNotSent, app.ErrTokenUnknown, nil}[i%7]
		}}
		last := app.Summary{}
		r := w.renewerOver(w.store, p)
		r.Progress = func(s app.Summary) {
			if open := s.Due - s.Renewed - s.Declined - s.Unknown - s.Failed; open < 0 || s.Due < last.Due || s.Renewed < last.Renewed {
				t.Errorf("it told of %+v, after %+v", s, last)
			}
			last = s
		}
		got, err := r.Run(w.t.Context())
		expectError(t, err, nil)
		if got != last || got.Due != n || got.Renewed+got.Declined+got.Unknown+got.Failed != n || got.Declined != got.Ended || got.Settled != 0 {
			t.Errorf("the run says %+v", got)
		}
		active, ended, pastDue := 0, 0, 0
		for _, u := range users {
			switch s := w.subscriptionOf(u); s.Status {
			case billing.StatusActive:
				active++
			case billing.StatusEnded:
				ended++
			case billing.StatusPastDue:
				pastDue++
			}
		}
		if ended != got.Ended || active != got.Renewed+got.Unknown+got.Failed-pastDue {
			t.Errorf("%d active, %d ended, %d past due, but the run says %+v", active, ended, pastDue, got)
		}
		w.expectAgreement()
	})
}
