package renewals_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/renewals"
	"github.com/online-cinema/billing/core/viewers"
)

var noticeOfADay = billing.ReminderRules{Notice: 24 * time.Hour}

func (w world) setClock(at time.Time) { w.Clock.Advance(at.Sub(w.Clock.Now())) }

// reminding returns a run of a new process with these rules.
func (w world) reminding(rules billing.ReminderRules) *renewals.Renewer {
	r := w.Renewer()
	r.Reminders = rules
	return r
}

// reminders returns the viewer's reminders, oldest first.
func (w world) reminders(user billing.UserID) []billing.Event {
	w.T.Helper()
	return slices.DeleteFunc(w.history(user), func(e billing.Event) bool { return e.Type != billing.EventRenewalReminder })
}

func (w world) expectReminders(user billing.UserID, want ...time.Time) {
	w.T.Helper()
	var got []time.Time
	for _, e := range w.reminders(user) {
		got = append(got, e.ChargeAt)
	}
	if !slices.Equal(got, want) {
		w.T.Errorf("the reminders announce charges at %v, want %v", got, want)
	}
}

func TestRun_RemindsOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		users := w.addSubscribers(30)
		due := w.Clock.Now().Add(billingtest.Month)
		w.setClock(due.Add(-48 * time.Hour))
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() { w.expectRunOf(w.reminding(noticeOfADay), ports.Summary{}, nil) })
		}
		all.Wait()
		w.setClock(due.Add(-time.Hour))
		w.expectRunOf(w.reminding(noticeOfADay), ports.Summary{}, nil)
		for _, u := range users {
			w.expectReminders(u, due)
		}
		w.setClock(due)
		w.expectRunOf(w.reminding(noticeOfADay), ports.Summary{Due: 30, Renewed: 30}, nil)
		w.expectPaid(users, 2)
		for _, u := range users {
			w.expectReminders(u, due)
		}
	})
}

// More reminders than one transaction makes are due.
func TestRun_RemindsInBatches(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		users := w.addSubscribers(payments.MaxBatch + 1)
		due := w.Clock.Now().Add(billingtest.Month)
		w.setClock(due.Add(-48 * time.Hour))
		w.expectRunOf(w.reminding(noticeOfADay), ports.Summary{}, nil)
		for _, u := range users {
			w.expectReminders(u, due)
		}
	})
}

// A run that is late gives the notice when it runs, and the charge waits for its age.
func TestRun_WaitsForTheNotice(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.MustSubscribe()
		due := w.Clock.Now().Add(billingtest.Month)
		late := due.Add(time.Hour)
		w.setClock(late)
		w.expectPlan(w.reminding(noticeOfADay), renewals.NoNotice)
		w.expectRunOf(w.reminding(noticeOfADay), ports.Summary{Waiting: 1}, nil)
		w.expectReminders(billingtest.Viewer, late.Add(24*time.Hour))
		w.setClock(late.Add(24*time.Hour - time.Microsecond))
		w.expectPlan(w.reminding(noticeOfADay), renewals.NoNotice)
		w.expectRunOf(w.reminding(noticeOfADay), ports.Summary{Waiting: 1}, nil)
		w.ExpectCharges(1)
		if s := w.subscriptionOf(billingtest.Viewer); s.Status != billing.StatusActive {
			w.T.Errorf("a renewal that waits has the status %s", s.Status)
		}
		w.setClock(late.Add(24 * time.Hour))
		w.expectPlan(w.reminding(noticeOfADay), "")
		w.expectRunOf(w.reminding(noticeOfADay), ports.Summary{Due: 1, Renewed: 1}, nil)
		w.expectReminders(billingtest.Viewer, late.Add(24*time.Hour))
		w.ExpectCharges(2)
	})
}

// expectPlan compares the obstacle of the only subscription that the plan names.
func (w world) expectPlan(r *renewals.Renewer, want renewals.Obstacle) {
	w.T.Helper()
	var got []renewals.Obstacle
	err := r.Plan(w.T.Context(), func(d renewals.Decision) error {
		got = append(got, d.Obstacle)
		return nil
	})
	billingtest.ExpectError(w.T, err, nil)
	if !slices.Equal(got, []renewals.Obstacle{want}) {
		w.T.Errorf("the plan has the obstacles %q, want %q", got, want)
	}
}

// A retry is for the period of the first notice, and a cancelled subscription is not charged.
func TestRun_NoticeOnlyOfRenewals(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		users := w.addSubscribers(2)
		due := w.Clock.Now().Add(billingtest.Month)
		billingtest.ExpectError(w.T, w.cancel(users[1], billing.AtPeriodEnd), nil)
		w.setClock(due.Add(-48 * time.Hour))
		w.expectRunOf(w.reminding(noticeOfADay), ports.Summary{}, nil)
		w.setClock(due)
		w.Provider.SetFault(billingtest.Decline)
		w.expectRunOf(w.reminding(noticeOfADay), ports.Summary{Due: 1, Declined: 1, Ended: 1}, nil)
		w.Provider.SetFault(billingtest.NoFault)
		w.setClock(due.Add(24 * time.Hour))
		w.expectRunOf(w.reminding(noticeOfADay), ports.Summary{Due: 1, Renewed: 1}, nil)
		w.expectReminders(users[0], due)
		w.expectReminders(users[1])
	})
}

// A viewer who takes a cancel back near the end of the period gets the notice, and the charge
// waits for it.
func TestRun_NoticeAfterResume(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.MustSubscribe()
		due := w.Clock.Now().Add(billingtest.Month)
		billingtest.ExpectError(w.T, w.cancel(billingtest.Viewer, billing.AtPeriodEnd), nil)
		resumed := due.Add(-time.Hour)
		w.setClock(resumed)
		w.expectRunOf(w.reminding(noticeOfADay), ports.Summary{}, nil)
		_, err := w.Process().Resume(w.T.Context(), viewers.Resume{User: billingtest.Viewer, Ref: "basic"})
		billingtest.ExpectError(w.T, err, nil)
		w.expectRunOf(w.reminding(noticeOfADay), ports.Summary{}, nil)
		w.setClock(due)
		w.expectRunOf(w.reminding(noticeOfADay), ports.Summary{Waiting: 1}, nil)
		w.setClock(resumed.Add(24 * time.Hour))
		w.expectRunOf(w.reminding(noticeOfADay), ports.Summary{Due: 1, Renewed: 1}, nil)
		w.expectReminders(billingtest.Viewer, resumed.Add(24*time.Hour))
	})
}
