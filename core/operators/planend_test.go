package operators_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
)

// ender returns the pass over the subscriptions of plans that are being ended.
func (w world) ender(s ports.Store) operators.Executor {
	return operators.Executor{Support: operators.Support{Store: s, Clock: w.Clock, NewID: w.NewID}}
}

// endBasic stores the end of the plan basic for n viewers.
func (w world) endBasic(n int) operators.PlanEnd {
	w.T.Helper()
	end, err := w.Catalog().EndPlan(w.T.Context(), "basic", " the rights end ", n)
	if err != nil {
		w.T.Fatal(err)
	}
	return end
}

func (w world) endAll(want operators.PlanEndTally) {
	w.T.Helper()
	got, err := w.ender(w.Store).EndPlans(w.T.Context())
	if err != nil || got != want {
		w.T.Errorf("EndPlans = %+v, %v, want %+v", got, err, want)
	}
}

// ending returns the latest ending of the plan basic.
func (w world) ending() billing.PlanEnding {
	w.T.Helper()
	p, err := w.Catalog().Plan(w.T.Context(), "basic")
	if err != nil {
		w.T.Fatal(err)
	}
	e, err := operators.Panel{Store: w.Store}.Ending(w.T.Context(), vera, p.ID)
	if err != nil {
		w.T.Fatal(err)
	}
	return e
}

// cancels returns the events of the pass in the history of a user.
func (w world) cancels(u billing.UserID) (list []billing.Event) {
	w.T.Helper()
	events, err := w.Store.Views().Events(w.T.Context(), u, ports.Page{Limit: 100})
	if err != nil {
		w.T.Fatal(err)
	}
	for _, e := range events {
		if e.DeclineCode == billing.PlanEnded {
			list = append(list, e)
		}
	}
	return list
}

func TestEndPlan_CancelsAllSubscribers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const n = 600 // more than two batches
	users := w.crowd(n)
	paidUntil := w.subscriptionOf(users[0]).Current.End
	preview, err := w.Catalog().PreviewEnd(t.Context(), "basic")
	if err != nil || preview.Viewers != n || !preview.First.Equal(paidUntil) || !preview.Last.Equal(paidUntil) {
		t.Fatalf("PreviewEnd = %+v, %v", preview, err)
	}
	if p, _ := w.Catalog().Plan(t.Context(), "basic"); !p.EndingAt.IsZero() || !p.ArchivedAt.IsZero() {
		t.Fatalf("the preview changed the plan: %+v", p)
	}
	end := w.endBasic(n)
	if end.Viewers != n || end.Plan.EndingAt.IsZero() || end.Plan.ArchivedAt.IsZero() {
		t.Errorf("EndPlan = %+v", end)
	}
	e := w.lastAudit()
	if e.Action != operators.PlanEnded || e.Object != "basic" || e.Operator != "billingctl" || e.After["viewers"] != "600" || e.After["reason"] != "the rights end" ||
		e.Before["ending_at"] != "" || e.After["ending_at"] == "" {
		t.Errorf("the audit entry is %+v", e)
	}
	w.endAll(operators.PlanEndTally{Cancelled: n})
	for _, u := range users {
		s, events := w.subscriptionOf(u), w.cancels(u)
		if !s.CancelAtPeriodEnd || !s.Current.End.Equal(paidUntil) || len(events) != 1 || events[0].Type != billing.EventCancelRequested {
			t.Fatalf("%s has %+v with the events %+v, want a cancel at the period's end", u, s, events)
		}
		authors, err := w.Store.Views().Authors(t.Context(), events)
		if err != nil || authors[events[0].ID] != (billing.Author{Name: "billingctl", Reason: "the rights end"}) {
			t.Fatalf("the author of %+v is %+v, %v", events[0], authors, err)
		}
	}
	if got := w.ending(); got.Cancelled != n || got.Viewers != n || !got.DoneAt.Equal(w.Clock.Now()) || got.From != "shell" {
		t.Errorf("the ending is %+v, want it done", got)
	}
	w.endAll(operators.PlanEndTally{})
	w.Clock.Advance(billingtest.Month)
	w.renew()
	if s := w.subscriptionOf(users[0]); s.Live() || !s.EndedAt.Equal(paidUntil) || len(w.Provider.Requests()) != 1 {
		t.Errorf("after the period: %+v, and %d charges, want it ended without another charge", s, len(w.Provider.Requests()))
	}
}

// The end takes effect on money although no pass runs.
func TestEndPlan_SafeWithoutPass(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.subscriber(0)
	w.endBasic(1)
	w.Clock.Advance(billingtest.Month)
	w.renew()
	events := w.cancels(u)
	if s := w.subscriptionOf(u); s.Live() || len(events) != 1 || events[0].Type != billing.EventEnded || len(w.Provider.Requests()) != 1 {
		t.Errorf("the due subscription is %+v with %+v, and there are %d charges, want it ended without another charge", s, events, len(w.Provider.Requests()))
	}
}

func TestEndPlan_EachState(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change  func(w world, u billing.UserID)
		viewers int
		want    operators.PlanEndTally
		live    bool
	}{
		"active":                  {nil, 1, operators.PlanEndTally{Cancelled: 1}, true},
		"cancelled by the viewer": {cancelled, 0, operators.PlanEndTally{}, true},
		"past due":                {pastDue, 1, operators.PlanEndTally{Ended: 1}, false},
		"on hold":                 {onHold, 1, operators.PlanEndTally{Ended: 1}, false},
		"renewal pending": {func(w world, u billing.UserID) {
			w.saved(u, func(s *billing.Subscription) { s.Charging = true })
		}, 1, operators.PlanEndTally{Cancelled: 1}, true},
		"first payment pending": {func(w world, u billing.UserID) {
			w.saved(u, func(s *billing.Subscription) {
				s.Charging, s.Status, s.StartedAt = true, billing.StatusIncomplete, time.Time{}
			})
		}, 1, operators.PlanEndTally{Cancelled: 1}, true},
		"cancelled, and over": {func(w world, u billing.UserID) {
			cancelled(w, u)
			w.Clock.Advance(billingtest.Month)
		}, 0, operators.PlanEndTally{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			u := w.subscriber(0)
			if c.change != nil {
				c.change(w, u)
			}
			w.endBasic(c.viewers)
			w.endAll(c.want)
			s := w.subscriptionOf(u)
			if s.Live() != c.live || s.Live() && !s.CancelAtPeriodEnd {
				t.Errorf("the subscription is %+v", s)
			}
			if want := c.want.Cancelled + 2*c.want.Ended; len(w.cancels(u)) != want { // an end has two events
				t.Errorf("the events of the pass are %+v, want %d", w.cancels(u), want)
			}
		})
	}
}

// A pass that stops at any transaction is completed by another one, and repeats nothing.
func TestEndPlans_GoesOnAfterCrash(t *testing.T) {
	t.Parallel()
	for n := 0; ; n++ {
		crash := billingtest.CrashAfter(n)
		w := newWorld(t)
		users := w.crowd(300)
		w.endBasic(len(users))
		_, _ = w.ender(crash.Store(w.Store)).EndPlans(t.Context())
		if _, err := w.ender(w.Store).EndPlans(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, u := range users {
			if len(w.cancels(u)) != 1 || !w.subscriptionOf(u).CancelAtPeriodEnd {
				t.Fatalf("crash %d: %s has %+v, want one cancel", n, u, w.cancels(u))
			}
		}
		if e := w.ending(); e.Cancelled != len(users) || e.DoneAt.IsZero() {
			t.Fatalf("crash %d: the ending is %+v", n, e)
		}
		if !crash.Happened() {
			return
		}
	}
}

func TestEndPlans_FaultySubscriptions(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		viewers int
		faulty  func(n int) bool // whether the n-th subscription cannot be stored
		done    bool
	}{
		"one of many":        {300, func(n int) bool { return n == 4 }, true},
		"the only one":       {1, func(int) bool { return true }, true},
		"each of many":       {3, func(int) bool { return true }, false},
		"the last of a page": {251, func(n int) bool { return n == 249 }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			users := w.crowd(c.viewers)
			w.endBasic(c.viewers)
			refused := map[billing.UserID]bool{}
			for n, u := range users {
				refused[u] = c.faulty(n)
			}
			x := w.ender(refusing(w.Store, refused))
			got, err := x.EndPlans(t.Context())
			if err == nil || !strings.Contains(err.Error(), "the row is refused") {
				t.Errorf("EndPlans = %+v, %v, want the error of the row", got, err)
			}
			failed := 0
			for n, u := range users {
				if c.faulty(n) {
					failed++
				}
				if s := w.subscriptionOf(u); s.CancelAtPeriodEnd == c.faulty(n) {
					t.Errorf("%s is %+v", u, s)
				}
			}
			e := w.ending()
			if e.DoneAt.IsZero() == c.done || c.done && (e.Failed != failed || e.Cancelled != c.viewers-failed) {
				t.Errorf("the ending is %+v, want done %v and %d failed", e, c.done, failed)
			}
			if again, err := w.ender(w.Store).EndPlans(t.Context()); err != nil || !c.done && again.Cancelled != c.viewers {
				t.Errorf("a later pass: %+v, %v", again, err)
			}
		})
	}
}

// refusingEvent refuses events of some users.
type refusingEvent struct {
	ports.Events
	users map[billing.UserID]bool
}

// refusing returns a store that refuses events of the users.
func refusing(s ports.Store, users map[billing.UserID]bool) ports.Store {
	return changedStore{s, func(tx *ports.Repos) { tx.Events = refusingEvent{tx.Events, users} }}
}

func (e refusingEvent) Append(ctx context.Context, events ...billing.Event) error {
	for _, one := range events {
		if e.users[one.UserID] {
			return errors.New("the row is refused")
		}
	}
	return e.Events.Append(ctx, events...)
}

// Restoring the plan also stops a pass that ends a page with a faulty subscription one by one.
func TestEndPlans_RestoredDuringFaultyPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	users := w.crowd(10)
	w.endBasic(10)
	restore := func() {
		if _, err := w.Catalog().RestorePlan(t.Context(), "basic"); err != nil {
			t.Error(err)
		}
	}
	const alone = 2 // after the page failed
	x := w.ender(&interruptedStore{Store: refusing(w.Store, map[billing.UserID]bool{users[4]: true}), after: 1 + alone, by: restore})
	if _, err := x.EndPlans(t.Context()); err != nil {
		t.Fatal(err)
	}
	for n, u := range users {
		if s := w.subscriptionOf(u); s.CancelAtPeriodEnd != (n < alone) {
			t.Errorf("viewer %d has %+v", n, s)
		}
	}
	if e := w.ending(); e.DoneAt.IsZero() || e.Cancelled != alone || e.Failed != 0 {
		t.Errorf("the ending is %+v, want it stopped after %d", e, alone)
	}
}

// interruptedStore calls by once, after a number of transactions.
type interruptedStore struct {
	ports.Store
	after int
	by    func()
}

func (s *interruptedStore) InTx(ctx context.Context, f func(ports.Repos) error) error {
	if s.after--; s.after == -1 {
		s.by()
	}
	return s.Store.InTx(ctx, f)
}

// Restoring the plan stops the pass. Cancelled viewers may resume then, and not before.
func TestEndPlan_Restored(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	users := w.crowd(300)
	w.endBasic(300)
	crash := billingtest.CrashAfter(1)
	_, _ = w.ender(crash.Store(w.Store)).EndPlans(t.Context())
	if !w.subscriptionOf(users[0]).CancelAtPeriodEnd || w.subscriptionOf(users[299]).CancelAtPeriodEnd {
		t.Fatal("the pass did not stop after its first page")
	}
	on := operators.Target{User: users[0], Ref: "basic", Reason: "x"}
	if _, err := w.support().Resume(t.Context(), on); !errors.Is(err, billing.ErrInvalidTransition) {
		t.Errorf("resume while the plan is being ended: %v, want ErrInvalidTransition", err)
	}
	if p, err := w.Catalog().RestorePlan(t.Context(), "basic"); err != nil || !p.EndingAt.IsZero() || !p.ArchivedAt.IsZero() {
		t.Fatalf("RestorePlan = %+v, %v", p, err)
	}
	w.endAll(operators.PlanEndTally{})
	if e := w.ending(); e.DoneAt.IsZero() || e.Cancelled != 250 {
		t.Errorf("the ending is %+v, want it stopped after 250", e)
	}
	if s := w.subscriptionOf(users[299]); s.CancelAtPeriodEnd || s.PlanEnding {
		t.Errorf("a subscription that was not reached is %+v", s)
	}
	if s, err := w.support().Resume(t.Context(), on); err != nil || s.CancelAtPeriodEnd {
		t.Errorf("resume after that: %+v, %v", s, err)
	}
	w.Clock.Advance(time.Second)
	w.endBasic(51)
	w.endAll(operators.PlanEndTally{Cancelled: 51})
}

func TestEndPlan_Refuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.subscriber(0)
	for name, c := range map[string]struct {
		plan, reason string
		by           operators.Operator
		want         error
	}{
		"unknown plan": {"gold", "x", boris, billing.ErrPlanNotFound},
		"no reason":    {"basic", " ", boris, billing.ErrInvalid},
		"support":      {"basic", "x", anna, operators.ErrForbidden},
		"reader":       {"basic", "x", vera, operators.ErrForbidden},
	} {
		if _, err := w.Catalog().For(c.by).EndPlan(t.Context(), c.plan, c.reason, 1); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	differs := (*operators.CountDiffersError)(nil)
	if _, err := w.Catalog().EndPlan(t.Context(), "basic", "x", 2); !errors.As(err, &differs) || differs.Open != 1 {
		t.Errorf("another count: %v, want that it differs", err)
	}
	if p, err := w.Catalog().Plan(t.Context(), "basic"); err != nil || !p.EndingAt.IsZero() {
		t.Errorf("a refused request ended the plan: %+v, %v", p, err)
	}
	w.endBasic(1)
	if _, err := w.Catalog().EndPlan(t.Context(), "basic", "x", 0); !errors.Is(err, billing.ErrInvalidTransition) {
		t.Errorf("a second end: %v, want ErrInvalidTransition", err)
	}
	if _, err := (operators.Panel{Store: w.Store}).Ending(t.Context(), operators.Operator{}, "x"); !errors.Is(err, operators.ErrForbidden) {
		t.Errorf("a stranger reads the ending: %v, want ErrForbidden", err)
	}
}
