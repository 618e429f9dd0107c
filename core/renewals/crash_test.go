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
	dies := billingtest.Faults{Store: w.Store, Fail: func(d billingtest.Did, committed bool) error {
		if d.Added && committed {
			return billingtest.ErrDead
		}
		return nil
	}}
	_, err := w.RenewerOver(dies, w.Psp).Run(w.T.Context())
	billingtest.ExpectError(w.T, err, billingtest.ErrDead)
}

// take takes the money for the payment that is pending for a user.
func (w world) take(user billing.UserID) {
	w.T.Helper()
	p := w.SubscriptionOf(user).Latest
	_, err := w.Psp.Charge(w.T.Context(), ports.ChargeRequest{Key: p.ID, Token: billingtest.Token, Amount: p.Amount, Initiator: p.Initiator})
	billingtest.ExpectError(w.T, err, nil)
}

func TestARunSurvivesEveryCrash(t *testing.T) {
	t.Parallel()
	for _, m := range []billingtest.Mishap{billingtest.Fine, billingtest.LostBefore, billingtest.LostAfter, billingtest.RefusesConn} {
		for _, leases := range []string{"over", "running"} {
			t.Run(fmt.Sprintf("%s, leases %s", m, leases), func(t *testing.T) {
				t.Parallel()
				for n := 0; ; n += 1 + n/40 { // what comes late is much the same: it waits
					l := new(billingtest.Life)
					l.Steps.Store(int64(n))
					t.Run(fmt.Sprintf("dies at step %d", n+1), func(t *testing.T) {
						inBubble(t, func(w world) { crashOfRun(w, l, m, leases == "over") })
					})
					if !l.Dead() {
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
func crashOfRun(w world, l *billingtest.Life, m billingtest.Mishap, leasesOver bool) {
	never, lost, unwanted := w.Join(1), w.Join(1), w.Join(1)
	w.Clock.Advance(billingtest.Month)
	w.claimOnly()
	w.take(lost[0])
	billingtest.ExpectError(w.T, w.Cancel(unwanted[0], billing.AtPeriodEnd), nil)
	time.Sleep(billingtest.SendOver)
	due := append(w.joinEarlier(2), never[0], lost[0])

	w.Psp.Suffers(m)
	_, _ = w.RenewerOver(billingtest.MortalStore{Store: w.Store, Life: l}, billingtest.MortalProvider{Provider: w.Psp, Life: l}).Run(w.T.Context())
	w.Psp.Suffers(billingtest.Fine)
	if !leasesOver { // what the dead one has to itself is left to yet another run
		_, err := w.Renewer().Run(w.T.Context())
		billingtest.ExpectError(w.T, err, nil)
	}
	time.Sleep(billingtest.SendOver)
	got, err := w.Renewer().Run(w.T.Context())
	if err != nil || got.Trouble() {
		w.T.Errorf("the next run says %+v, %v", got, err)
	}
	w.Run(ports.Summary{})
	w.ExpectAll(due, billing.StatusActive)
	w.ExpectPaid(due, 2)
	w.ExpectAll(unwanted, billing.StatusEnded)
	w.ExpectPaid(unwanted, 1)
	if keys := len(w.Psp.Entries()); keys != 5+4 {
		w.T.Errorf("%d charges, want 5 first ones and 4 renewals", keys)
	}
}

// joinEarlier is join a month ago.
func (w world) joinEarlier(n int) []billing.UserID {
	w.T.Helper()
	w.Clock.Advance(-billingtest.Month)
	users := w.Join(n)
	w.Clock.Advance(billingtest.Month)
	return users
}
