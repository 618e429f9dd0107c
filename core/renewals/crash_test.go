package renewals_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
)

// claimOnly makes a run that dies right after it has stored intents.
func (w world) claimOnly() {
	w.T.Helper()
	dies := faultyStore{Store: w.Store, fail: func(d txCalls, committed bool) error {
		if d.added && committed {
			return billingtest.ErrCrashed
		}
		return nil
	}}
	_, err := w.RenewerOver(dies, w.Provider).Run(w.T.Context())
	billingtest.ExpectError(w.T, err, billingtest.ErrCrashed)
}

// take takes the money for the payment that is pending for a user.
func (w world) take(user billing.UserID) {
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
				for n := 0; ; n += 1 + n/40 { // what comes late is much the same: it waits
					crash := billingtest.CrashAfter(n)
					t.Run(fmt.Sprintf("dies at step %d", n+1), func(t *testing.T) {
						inBubble(t, func(w world) { crashOfRun(w, crash, m, leases == "over") })
					})
					if !crash.Happened() {
						if n < 30 { // claimers race, so that it is not always the same number
							t.Errorf("it took %d steps, want more: is a step missing here?", n)
						}
						return
					}
				}
			})
		}
	}
}

// crashOfRun lets a run die that has everything to do: to charge, to look up, to
// send again and to abandon. The next one must put everything right.
func crashOfRun(w world, crash *billingtest.Crash, m billingtest.Fault, leasesOver bool) {
	never, lost, unwanted := w.addSubscribers(1), w.addSubscribers(1), w.addSubscribers(1)
	w.Clock.Advance(billingtest.Month)
	w.claimOnly()
	w.take(lost[0])
	billingtest.ExpectError(w.T, w.cancel(unwanted[0], billing.AtPeriodEnd), nil)
	time.Sleep(billingtest.PastSendWindow)
	due := append(w.joinEarlier(2), never[0], lost[0])

	w.Provider.SetFault(m)
	_, _ = w.RenewerOver(crash.Store(w.Store), crash.Provider(w.Provider)).Run(w.T.Context())
	w.Provider.SetFault(billingtest.NoFault)
	if !leasesOver { // what the dead one has to itself is left to yet another run
		_, err := w.Renewer().Run(w.T.Context())
		billingtest.ExpectError(w.T, err, nil)
	}
	time.Sleep(billingtest.PastSendWindow)
	got, err := w.Renewer().Run(w.T.Context())
	if err != nil || got.Trouble() {
		w.T.Errorf("the next run says %+v, %v", got, err)
	}
	w.expectRun(ports.Summary{})
	w.expectAll(due, billing.StatusActive)
	w.expectPaid(due, 2)
	w.expectAll(unwanted, billing.StatusEnded)
	w.expectPaid(unwanted, 1)
	if keys := len(w.Provider.Entries()); keys != 5+4 {
		w.T.Errorf("%d charges, want 5 first ones and 4 renewals", keys)
	}
}

// joinEarlier is join a month ago.
func (w world) joinEarlier(n int) []billing.UserID {
	w.T.Helper()
	w.Clock.Advance(-billingtest.Month)
	users := w.addSubscribers(n)
	w.Clock.Advance(billingtest.Month)
	return users
}
