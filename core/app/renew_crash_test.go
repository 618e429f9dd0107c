package app_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

// claimOnly makes a run that dies right after it has stored intents.
func (w world) claimOnly() {
	w.t.Helper()
	dies := faults{w.store, func(d did, committed bool) error {
		if d.added && committed {
			return errDead
		}
		return nil
	}}
	_, err := w.renewerOver(dies, w.psp).Run(w.t.Context())
	expectError(w.t, err, errDead)
}

// take takes the money for the payment that is pending for a user.
func (w world) take(user billing.UserID) {
	w.t.Helper()
	p := w.subscriptionOf(user).Latest
	_, err := w.psp.Charge(w.t.Context(), app.ChargeRequest{Key: p.ID, Token: token, Amount: p.Amount, Initiator: p.Initiator})
	expectError(w.t, err, nil)
}

func TestARunSurvivesEveryCrash(t *testing.T) {
	t.Parallel()
	for _, m := range []mishap{fine, lostBefore, lostAfter, refusesConn} {
		for _, leases := range []string{"over", "running"} {
			t.Run(fmt.Sprintf("%s, leases %s", m, leases), func(t *testing.T) {
				t.Parallel()
				for n := 0; ; n += 1 + n/40 { // what comes late is much the same: it waits
					l := new(life)
					l.steps.Store(int64(n))
					t.Run(fmt.Sprintf("dies at step %d", n+1), func(t *testing.T) {
						inBubble(t, func(w world) { crashOfRun(w, l, m, leases == "over") })
					})
					if !l.dead() {
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
func crashOfRun(w world, l *life, m mishap, leasesOver bool) {
	never, lost, unwanted := w.join(1), w.join(1), w.join(1)
	w.clock.advance(month)
	w.claimOnly()
	w.take(lost[0])
	expectError(w.t, w.cancel(unwanted[0], billing.AtPeriodEnd), nil)
	time.Sleep(sendOver)
	due := append(w.joinEarlier(2), never[0], lost[0])

	w.psp.suffers(m)
	_, _ = w.renewerOver(mortalStore{w.store, l}, mortalProvider{w.psp, l}).Run(w.t.Context())
	w.psp.suffers(fine)
	if !leasesOver { // what the dead one has to itself is left to yet another run
		_, err := w.renewer().Run(w.t.Context())
		expectError(w.t, err, nil)
	}
	time.Sleep(sendOver)
	got, err := w.renewer().Run(w.t.Context())
	if err != nil || got.Trouble() {
		w.t.Errorf("the next run says %+v, %v", got, err)
	}
	w.run(app.Summary{})
	w.expectAll(due, billing.StatusActive)
	w.expectPaid(due, 2)
	w.expectAll(unwanted, billing.StatusEnded)
	w.expectPaid(unwanted, 1)
	if keys := len(w.psp.entries()); keys != 5+4 {
		w.t.Errorf("%d charges, want 5 first ones and 4 renewals", keys)
	}
}

// joinEarlier is join a month ago.
func (w world) joinEarlier(n int) []billing.UserID {
	w.t.Helper()
	w.clock.advance(-month)
	users := w.join(n)
	w.clock.advance(month)
	return users
}
