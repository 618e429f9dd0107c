package storetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

const aDay = 24 * time.Hour

var (
	reminderRules = billing.ReminderRules{Trial: 7 * aDay, Long: 30 * aDay}
	noticeRules   = billing.ReminderRules{Trial: 7 * aDay, Long: 30 * aDay, Notice: aDay}
)

var reminderCases = []testCase{
	{"follow the rules", func(w *world) { w.expectRules(reminderRules) }},
	{"follow the rules if a notice is required", func(w *world) { w.expectRules(noticeRules) }},
	{"follow the rules if only a notice is required", func(w *world) { w.expectRules(billing.ReminderRules{Notice: aDay}) }},
	{"come in batches, each once", func(w *world) {
		for i := range 5 {
			w.renewsAt(w.plan, noon.Add(time.Duration(i)*time.Hour))
		}
		q := ports.ReminderQuery{Reason: billing.ReminderLaw, Rules: noticeRules, Now: noon}
		for _, want := range []ports.ReminderBatch{
			{Due: 2, Made: 2, Last: noon.Add(time.Hour)}, {Due: 2, Made: 2, Last: noon.Add(3 * time.Hour)}, {Due: 1, Made: 1, Last: noon.Add(4 * time.Hour)}, {},
		} {
			got, err := w.remind(q, 2)
			w.must(err)
			same(w, "batch", got, want)
			q.From = got.Last
		}
	}},
	{"are made once by concurrent transactions", func(w *world) {
		const n = 20
		for range n {
			w.renewsAt(w.plan, noon.Add(time.Hour))
		}
		q := ports.ReminderQuery{Reason: billing.ReminderLaw, Rules: noticeRules, Now: noon}
		made, errs := make([]int, 4), make([]error, 4)
		var all sync.WaitGroup
		for i := range made {
			all.Go(func() {
				batch, err := w.remind(q, n)
				made[i], errs[i] = batch.Made, err
			})
		}
		all.Wait()
		total := 0
		for i := range made {
			w.must(errs[i])
			total += made[i]
		}
		rest, err := w.remind(q, n) // of subscriptions that were locked
		if w.must(err); total+rest.Made != n {
			w.Errorf("%d reminders were made, want %d", total+rest.Made, n)
		}
	}},
	{"are made again if the date moves", func(w *world) {
		d := w.renewsAt(w.plan, noon.Add(time.Hour))
		w.expectReminders(d, billing.ReminderLaw, noon.Add(time.Hour))
		d.sub.Current.End = noon.Add(2 * time.Hour)
		d.sub.NextChargeAt = d.sub.Current.End
		w.save(d)
		w.expectReminders(d, billing.ReminderLaw, noon.Add(2*time.Hour))
	}},
	{"hold a renewal back until they are old enough", func(w *world) {
		late, due := noon, noon.Add(aDay)
		reminded, missing, cancelled, retried := w.renewsAt(w.plan, noon), w.renewsAt(w.plan, noon.Add(time.Microsecond)),
			w.renewsAt(w.plan, noon.Add(2*time.Microsecond)), w.renewsAt(w.plan, noon.Add(3*time.Microsecond))
		cancelled.sub.CancelAtPeriodEnd = true
		retried.sub.Status, retried.sub.PastDueSince, retried.sub.GraceUntil = billing.StatusPastDue, noon, allDue
		w.save(cancelled)
		w.save(retried)
		q := ports.ReminderQuery{Reason: billing.ReminderLaw, Rules: noticeRules, Now: late}
		if batch, err := w.remind(q, 1); err != nil || batch.Made != 1 {
			w.Fatalf("reminded %+v, %v; want one", batch, err)
		}
		free := []billing.SubscriptionID{cancelled.sub.ID, retried.sub.ID}
		for by, want := range map[time.Time]struct{ due, waiting []billing.SubscriptionID }{
			{}:                          {append([]billing.SubscriptionID{reminded.sub.ID, missing.sub.ID}, free...), nil},
			late:                        {append([]billing.SubscriptionID{reminded.sub.ID}, free...), []billing.SubscriptionID{missing.sub.ID}},
			late.Add(-time.Microsecond): {free, []billing.SubscriptionID{reminded.sub.ID, missing.sub.ID}},
		} {
			q := ports.DueQuery{Now: due, Systems: []string{system}, Limit: 10, NoticeBy: by}
			same(w, "locked", idsOf(w.lockDue(q)), want.due)
			same(w, "viewed", idsOf(w.viewDue(q)), want.due)
			n, err := w.Store.Views().CountDue(w.Context(), q)
			if w.must(err); n != len(want.due) {
				w.Errorf("%d are due, want %d", n, len(want.due))
			}
			sameList(w, "waiting", subIDs(w.waiting(q)), want.waiting)
		}
		other := ports.DueQuery{Now: due, Systems: []string{"other"}, NoticeBy: late}
		sameList(w, "waiting at another payment system", w.waiting(other), nil)
		early := ports.DueQuery{Now: noon.Add(-time.Microsecond), Systems: []string{system}, NoticeBy: late}
		sameList(w, "waiting before they are due", w.waiting(early), nil)
	}},
}

// renewsAt stores an active subscription that is charged next at a time.
func (w *world) renewsAt(plan billing.Plan, at time.Time) purchase {
	w.Helper()
	d := w.settle(w.subscribeFor(w.viewer(), plan, 0), billing.PaymentSucceeded, noon)
	d.sub.Current.Start = at.Add(-30 * aDay)
	d.sub.Current.End, d.sub.NextChargeAt = at, at
	w.save(d)
	return d
}

// remind stores at most limit reminders.
func (w *world) remind(q ports.ReminderQuery, limit int) (batch ports.ReminderBatch, err error) {
	for range limit {
		q.IDs = append(q.IDs, newIDOf[billing.EventID]())
	}
	err = w.try(func(ctx context.Context, tx ports.Repos) (err error) {
		batch, err = tx.Reminders.Add(ctx, q)
		return err
	})
	return batch, err
}

func (w *world) waiting(q ports.DueQuery) (list []billing.Subscription) {
	w.Helper()
	w.must(w.Store.Views().Waiting(w.Context(), q, func(s billing.Subscription) error {
		list = append(list, s)
		return nil
	}))
	return list
}

// expectReminders makes the reminders for a reason twice, and compares the date of the
// subscription's latest one.
func (w *world) expectReminders(d purchase, reason billing.ReminderReason, want time.Time) {
	w.Helper()
	for range 2 {
		_, err := w.remind(ports.ReminderQuery{Reason: reason, Rules: noticeRules, Now: noon.Add(-aDay)}, 10)
		w.must(err)
	}
	var dates []time.Time
	for _, e := range w.remindersOf(d) {
		dates = append(dates, e.ChargeAt)
	}
	if len(dates) == 0 || !dates[0].Equal(want) || slices.Contains(dates[1:], want) {
		w.Errorf("the reminders are of %v, want one of %v, the newest", dates, want)
	}
}

// remindersOf returns the reminders in the history, newest first.
func (w *world) remindersOf(d purchase) []billing.Event {
	w.Helper()
	events, err := w.Store.Views().Events(w.Context(), d.sub.UserID, ports.Page{Limit: 100})
	w.must(err)
	return slices.DeleteFunc(events, func(e billing.Event) bool { return e.Type != billing.EventRenewalReminder })
}

// expectRules makes the reminders of many subscriptions, and compares them with those of
// [billing.Subscription.Remind].
func (w *world) expectRules(rules billing.ReminderRules) {
	w.Helper()
	type subscription struct {
		purchase
		name  string
		given bool
		want  []billing.Event
	}
	yearly := newPlan("yearly")
	yearly.IntervalMonths, yearly.Group = 12, "yearly"
	w.tx(func(ctx context.Context, tx ports.Repos) error { return tx.Plans.Add(ctx, yearly) })
	var list []*subscription
	add := func(plan billing.Plan, in time.Duration, given bool, state string) {
		d := w.renewsAt(plan, noon.Add(in))
		switch state {
		case "cancelled":
			d.sub.CancelAtPeriodEnd = true
		case "being charged":
			d.sub.Charging = true
		case "past due":
			d.sub.Status, d.sub.PastDueSince, d.sub.GraceUntil = billing.StatusPastDue, noon, allDue
		case "on hold":
			d.sub.Status, d.sub.PastDueSince, d.sub.GraceUntil = billing.StatusPastDue, noon, allDue
			d.sub.Hold, d.sub.NextChargeAt = billing.CardExpired, time.Time{}
		case "ended":
			d.sub.Status, d.sub.EndedAt, d.sub.NextChargeAt = billing.StatusEnded, noon, time.Time{}
		}
		w.save(d)
		if given {
			g := d.grant("incident 42")
			g.Period = billing.Period{Start: d.sub.Current.End.Add(-aDay), End: d.sub.Current.End}
			w.must(w.addGrant(g))
		}
		list = append(list, &subscription{purchase: d, name: fmt.Sprintf("%s, %d months, %v, given %t", state, plan.IntervalMonths, in, given), given: given})
	}
	for _, plan := range []billing.Plan{w.plan, yearly} {
		for _, given := range []bool{false, true} {
			for _, in := range []time.Duration{-time.Hour, 0, time.Microsecond, 47 * time.Hour, 2 * aDay, 49 * time.Hour, 7 * aDay, 8 * aDay, 30 * aDay, 31 * aDay} {
				add(plan, in, given, "active")
			}
			for _, state := range []string{"cancelled", "being charged", "past due", "on hold", "ended"} {
				add(plan, time.Hour, given, state)
			}
		}
	}
	total := 0
	for _, reason := range rules.Reasons() {
		for _, s := range list {
			has := billing.Reminders{Given: s.given, Reminded: reason == billing.ReminderLaw && len(s.want) > 0}
			if e, ok := s.sub.Remind(reason, rules, has, noon); ok {
				s.want = append(s.want, e)
				total++
			}
		}
		batch, err := w.remind(ports.ReminderQuery{Reason: reason, Rules: rules, Now: noon}, 1000)
		if w.must(err); batch.Made == 0 {
			w.Errorf("no reminder for the reason %s was made", reason)
		}
	}
	if total == 0 {
		w.Error("the rules ask for no reminder")
	}
	for _, s := range list {
		got := w.remindersOf(s.purchase)
		slices.Reverse(got)
		for i := range got {
			got[i].ID = ""
		}
		sameList(w, s.name, got, s.want)
	}
}
