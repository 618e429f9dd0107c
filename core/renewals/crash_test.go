package renewals_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
)

// claimOnly makes a run that crashes right after it has stored intents.
func (w world) claimOnly() {
	w.T.Helper()
	var crashed atomic.Bool
	store := faultyStore{Store: w.Store, fail: func(d txCalls, committed bool) error {
		if crashed.Load() || d.added && committed {
			crashed.Store(true)
			return billingtest.ErrCrashed
		}
		return nil
	}}
	_, err := w.RenewerOver(store, w.Provider).Run(w.T.Context())
	billingtest.ExpectError(w.T, err, billingtest.ErrCrashed)
}

// chargePending charges the user's pending payment, without recording it.
func (w world) chargePending(user billing.UserID) {
	w.T.Helper()
	p := w.subscriptionOf(user).Latest
	_, err := w.Provider.Charge(w.T.Context(), ports.ChargeRequest{Key: p.ID, Token: billingtest.Token, Amount: p.Amount, Initiator: p.Initiator})
	billingtest.ExpectError(w.T, err, nil)
}

func TestRun_SurvivesEveryCrash(t *testing.T) {
	t.Parallel()
	for _, m := range []billingtest.Fault{billingtest.NoFault, billingtest.RequestLost, billingtest.ResponseLost, billingtest.ConnectionRefused} {
		for _, leases := range []string{"over", "running"} {
			t.Run(fmt.Sprintf("%s, leases %s", m, leases), func(t *testing.T) {
				t.Parallel()
				for n := 0; ; n += 1 + n/15 { // late steps are much alike, so it skips some
					crash := billingtest.CrashAfter(n)
					t.Run(fmt.Sprintf("crash at step %d", n+1), func(t *testing.T) {
						inBubble(t, func(w world) { crashOfRun(w, crash, m, leases == "over") })
					})
					if !crash.Happened() {
						if n < 30 { // the number varies, because claimers race
							t.Errorf("the run took %d steps, want at least 30", n)
						}
						return
					}
				}
			})
		}
	}
}

// crashOfRun crashes a run that must charge, look up, resend and abandon payments.
// The next run must finish all of them.
func crashOfRun(w world, crash *billingtest.Crash, m billingtest.Fault, leasesOver bool) {
	unsent, lost, cancelled := w.addSubscribers(1), w.addSubscribers(1), w.addSubscribers(1)
	w.Clock.Advance(billingtest.Month)
	w.claimOnly()
	w.chargePending(lost[0])
	billingtest.ExpectError(w.T, w.cancel(cancelled[0], billing.AtPeriodEnd), nil)
	time.Sleep(billingtest.PastSendWindow)
	due := append(w.addDueSubscribers(2), unsent[0], lost[0])

	w.Provider.SetFault(m)
	_, _ = w.RenewerOver(crash.Store(w.Store), crash.Provider(w.Provider)).Run(w.T.Context())
	w.Provider.SetFault(billingtest.NoFault)
	if !leasesOver { // this run must leave the crashed run's leases alone
		_, err := w.Renewer().Run(w.T.Context())
		billingtest.ExpectError(w.T, err, nil)
	}
	time.Sleep(billingtest.PastSendWindow)
	got, err := w.Renewer().Run(w.T.Context())
	if err != nil || got.Trouble() {
		w.T.Errorf("the next run's summary is %+v, %v", got, err)
	}
	w.expectRun(ports.Summary{})
	w.expectAll(due, billing.StatusActive)
	w.expectPaid(due, 2)
	w.expectAll(cancelled, billing.StatusEnded)
	w.expectPaid(cancelled, 1)
	if n := len(w.Provider.Entries()); n != 5+4 {
		w.T.Errorf("%d charges, want 5 for first periods and 4 for renewals", n)
	}
}

// addDueSubscribers adds subscribers whose first renewal is due now.
func (w world) addDueSubscribers(n int) []billing.UserID {
	w.T.Helper()
	w.Clock.Advance(-billingtest.Month)
	users := w.addSubscribers(n)
	w.Clock.Advance(billingtest.Month)
	return users
}
