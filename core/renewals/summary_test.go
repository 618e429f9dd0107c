package renewals_test

import (
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
)

func TestRun_SummaryByOutcome(t *testing.T) {
	t.Parallel()
	hardDecline := billing.Outcome{Status: billing.PaymentDeclined, DeclineCode: billing.LostOrStolen}
	tests := map[string]struct {
		fault billingtest.Fault
		over  func(w world) ports.Provider // nil for the world's provider
		want  ports.Summary
	}{
		"paid":               {billingtest.NoFault, nil, ports.Summary{Due: 1, Renewed: 1}},
		"declined":           {billingtest.Decline, nil, ports.Summary{Due: 1, Declined: 1}},
		"hard decline":       {billingtest.NoFault, func(w world) ports.Provider { return fixedOutcome{w.Provider, hardDecline} }, ports.Summary{Due: 1, Declined: 1, Held: 1}},
		"token unknown":      {billingtest.UnknownToken, nil, ports.Summary{Due: 1, Declined: 1, Held: 1}},
		"request refused":    {billingtest.RequestRefused, nil, ports.Summary{Due: 1, Failed: 1}},
		"not sent":           {billingtest.ConnectionRefused, nil, ports.Summary{Due: 1, Failed: 1}},
		"request lost":       {billingtest.RequestLost, nil, ports.Summary{Due: 1, Unknown: 1}},
		"response lost":      {billingtest.ResponseLost, nil, ports.Summary{Due: 1, Renewed: 1}},
		"response late":      {billingtest.HangsAfterCharge, nil, ports.Summary{Due: 1, Renewed: 1}},
		"wrong amount":       {billingtest.WrongAmount, nil, ports.Summary{Due: 1, Waiting: 1}},
		"needs confirmation": {billingtest.NeedsConfirmation, nil, ports.Summary{Due: 1, Unknown: 1}},
		"response and lookups lost": {billingtest.ResponseLost, func(w world) ports.Provider {
			return &faultyProvider{Provider: w.Provider, find: always(billingtest.ErrLost)}
		}, ports.Summary{Due: 1, Unknown: 1}},
		"not sent, then lost": {billingtest.NoFault, func(w world) ports.Provider {
			return &faultyProvider{Provider: w.Provider, before: inTurn(ports.ErrNotSent, billingtest.ErrLost, billingtest.ErrLost, billingtest.ErrLost)}
		}, ports.Summary{Due: 1, Unknown: 1}},
		"lost, then declined": {billingtest.Decline, func(w world) ports.Provider {
			return &faultyProvider{Provider: w.Provider, before: inTurn(billingtest.ErrLost)}
		}, ports.Summary{Due: 1, Declined: 1}},
		"not sent, then paid": {billingtest.NoFault, func(w world) ports.Provider {
			return &faultyProvider{Provider: w.Provider, before: inTurn(ports.ErrNotSent)}
		}, ports.Summary{Due: 1, Renewed: 1}},
		"not sent, then cancelled": {billingtest.NoFault, func(w world) ports.Provider { return &faultyProvider{Provider: w.Provider, before: cancelsFirst(w)} }, ports.Summary{Due: 1, Failed: 1, Ended: 1}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				w.MustSubscribe()
				w.Clock.Advance(billingtest.Month)
				w.Provider.SetFault(tt.fault)
				var p ports.Provider = w.Provider
				if tt.over != nil {
					p = tt.over(w)
				}
				var progress ports.Summary
				r := w.RenewerOver(w.Store, p)
				r.Progress = func(s ports.Summary) { progress = s }
				w.expectRunOf(r, tt.want, nil)
				if progress != tt.want {
					w.T.Errorf("the last progress is %+v, want %+v", progress, tt.want)
				}
				if trouble := tt.want.Unknown+tt.want.Failed > 0; tt.want.Trouble() != trouble {
					w.T.Errorf("Trouble() = %t, want %t", !trouble, trouble)
				}
			})
		})
	}
}

// inTurn fails the first calls, each with the next error.
func inTurn(errs ...error) func(int64) error {
	return func(n int64) error {
		if int(n) <= len(errs) {
			return errs[n-1]
		}
		return nil
	}
}

// cancelsFirst cancels the subscription during the first charge, which is not sent.
func cancelsFirst(w world) func(int64) error {
	return func(n int64) error {
		if n > 1 {
			return nil
		}
		billingtest.ExpectError(w.T, w.cancel(billingtest.Viewer, billing.AtPeriodEnd), nil)
		return ports.ErrNotSent
	}
}

// A payment that an earlier run left pending is looked up before the run claims, so that
// the next period of its subscription is charged in the same run.
func TestRun_SettlesEarlierPaymentsFirst(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.MustSubscribe()
		w.Clock.Advance(billingtest.Month)
		w.claimOnly()
		w.chargePending(billingtest.Viewer)
		time.Sleep(billingtest.PastSendWindow)
		w.Clock.Advance(billingtest.Month)
		w.expectRun(ports.Summary{Due: 1, Renewed: 1, Settled: 1})
		w.expectPaid([]billing.UserID{billingtest.Viewer}, 3)
	})
}

func TestRun_SummaryOfEarlierPayments(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		earlier func(w world)                // leaves a pending payment
		over    func(w world) ports.Provider // nil for the world's provider
		want    ports.Summary
	}{
		"paid": {
			func(w world) { w.claimOnly(); w.chargePending(billingtest.Viewer) }, nil, ports.Summary{Settled: 1},
		},
		"not sent": {
			func(w world) { w.claimOnly() }, nil, ports.Summary{Settled: 1},
		},
		"not sent, cancelled": {
			func(w world) {
				w.claimOnly()
				billingtest.ExpectError(w.T, w.cancel(billingtest.Viewer, billing.AtPeriodEnd), nil)
			}, nil,
			ports.Summary{Settled: 1, Ended: 1},
		},
		"lookups fail": {
			func(w world) { w.claimOnly() },
			func(w world) ports.Provider {
				return &faultyProvider{Provider: w.Provider, find: always(billingtest.ErrLost)}
			},
			ports.Summary{Unknown: 1},
		},
		"paid, first lookup fails": {
			func(w world) { w.claimOnly(); w.chargePending(billingtest.Viewer) },
			func(w world) ports.Provider {
				return &faultyProvider{Provider: w.Provider, find: firstCalls(1, billingtest.ErrLost)}
			},
			ports.Summary{Settled: 1},
		},
		"no adapter": {
			func(w world) { w.claimOnly() },
			func(world) ports.Provider { return nil },
			ports.Summary{},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				w.MustSubscribe()
				w.Clock.Advance(billingtest.Month)
				tt.earlier(w)
				time.Sleep(billingtest.PastSendWindow)
				r := w.Renewer()
				if tt.over != nil {
					if p := tt.over(w); p != nil {
						r = w.RenewerOver(w.Store, p)
					} else {
						r.Collector.Providers = nil
					}
				}
				w.expectRunOf(r, tt.want, nil)
			})
		})
	}
}

func TestRun_ViewerPaymentIsNoTrouble(t *testing.T) {
	t.Parallel()
	for m, want := range map[billingtest.Fault]ports.Summary{
		billingtest.NeedsConfirmation: {},
		billingtest.ResponseLost:      {Settled: 1},
		// The run abandons the payment, because only the viewer's request may send it.
		billingtest.RequestLost: {Settled: 1, Ended: 1},
	} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				w.Provider.SetFault(m)
				w.MustSubscribe()
				sent := len(w.Provider.Requests())
				w.Provider.SetFault(billingtest.NoFault)
				time.Sleep(billingtest.PastSendWindow)
				w.expectRun(want)
				if n := len(w.Provider.Requests()); n != sent {
					w.T.Errorf("the run sent the viewer's payment %d times", n-sent)
				}
			})
		})
	}
}

func TestRun_MixedSummaryAddsUp(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		const n = 100
		users := w.addSubscribers(n)
		w.Clock.Advance(billingtest.Month)
		p := &faultyProvider{Provider: w.Provider, before: func(i int64) error {
			return []error{nil, nil, ports.ErrRefused, billingtest.ErrLost, ports.ErrNotSent, ports.ErrTokenUnknown, nil}[i%7]
		}}
		last := ports.Summary{}
		r := w.RenewerOver(w.Store, p)
		r.Progress = func(s ports.Summary) {
			if open := s.Due - s.Renewed - s.Declined - s.Unknown - s.Failed; open < 0 || s.Due < last.Due || s.Renewed < last.Renewed {
				t.Errorf("progress is %+v after %+v", s, last)
			}
			last = s
		}
		got, err := r.Run(w.T.Context())
		billingtest.ExpectError(t, err, nil)
		if got != last || got.Due != n || got.Renewed+got.Declined+got.Unknown+got.Failed != n || got.Declined != got.Held || got.Settled != 0 {
			t.Errorf("the summary is %+v, which does not add up", got)
		}
		active, onHold, pastDue := 0, 0, 0
		for _, u := range users {
			switch s := w.subscriptionOf(u); {
			case s.Status == billing.StatusActive:
				active++
			case s.Hold != "":
				onHold++
			case s.Status == billing.StatusPastDue:
				pastDue++
			}
		}
		if onHold != got.Held || got.Ended != 0 || active != got.Renewed+got.Unknown+got.Failed-pastDue {
			t.Errorf("%d active, %d on hold, %d past due, but the summary is %+v", active, onHold, pastDue, got)
		}
		w.ExpectReconciled()
	})
}
