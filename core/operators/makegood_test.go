package operators_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
)

func (w world) makeGood() operators.MakeGood {
	return operators.MakeGood{Support: w.support(), RenewalGrace: billingtest.RenewalGrace}
}

// outage returns a request for the hour before now.
func (w world) outage() operators.MakeGoodRequest {
	now := w.Clock.Now()
	return operators.MakeGoodRequest{
		Plan: "basic", Within: billing.Period{Start: now.Add(-time.Hour), End: now}, Days: 3, Source: " INC-42 ", Reason: "no picture",
	}
}

// crowd stores n viewers with a paid subscription to the plan basic, and lets two hours pass.
func (w world) crowd(n int) []billing.UserID {
	w.T.Helper()
	first := w.subscriptionOf(w.subscriber(0))
	subs := make([]billing.Subscription, n)
	users := make([]billing.UserID, n)
	for i := range subs {
		subs[i], users[i] = first, billing.UserID(fmt.Sprintf("user-%04d", i))
		subs[i].UserID = users[i]
		if i > 0 {
			subs[i].ID = billing.SubscriptionID(w.NewID())
		}
	}
	w.InTx(func(ctx context.Context, tx ports.Repos) error { return tx.Subscriptions.Add(ctx, subs[1:]...) })
	w.Clock.Advance(2 * time.Hour)
	return users
}

func (w world) subscriber(i int) billing.UserID {
	w.T.Helper()
	cmd := billingtest.SubscribeBasic()
	cmd.User = billing.UserID(fmt.Sprintf("user-%04d", i))
	cmd.Token = billing.NewSecret(fmt.Sprintf("tok_%d", i))
	if _, err := w.Process().Subscribe(w.T.Context(), cmd); err != nil {
		w.T.Fatal(err)
	}
	return cmd.User
}

// subscriptionOf returns the newest subscription of a user.
func (w world) subscriptionOf(u billing.UserID) billing.Subscription {
	w.T.Helper()
	list, err := w.Store.Views().Subscriptions(w.T.Context(), u, ports.Page{Limit: 1})
	if err != nil || len(list) == 0 {
		w.T.Fatalf("subscriptions of %s: %v, %v", u, list, err)
	}
	return list[0].Subscription
}

// grantCounts returns the number of grants of each user, from one transaction.
func (w world) grantCounts(users []billing.UserID) map[billing.UserID]int {
	w.T.Helper()
	counts := make(map[billing.UserID]int, len(users))
	w.InTx(func(ctx context.Context, tx ports.Repos) error {
		for _, u := range users {
			list, err := tx.Grants.Of(ctx, u)
			if err != nil {
				return err
			}
			counts[u] = len(list)
		}
		return nil
	})
	return counts
}

func (w world) grantsOf(u billing.UserID) (list []billing.Grant) {
	w.T.Helper()
	w.InTx(func(ctx context.Context, tx ports.Repos) (err error) {
		list, err = tx.Grants.Of(ctx, u)
		return err
	})
	return list
}

func TestMakeGood_GivesOnceToEachViewer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const n = 600 // more than two batches
	users := w.crowd(n)
	r := w.outage()
	end := w.subscriptionOf(users[0]).Current.End
	later := end.AddDate(0, 0, 3)
	moved := operators.NextCharges{Count: n, Before: billing.Period{Start: end, End: end}, After: billing.Period{Start: later, End: later}}
	want := operators.MakeGoodTally{Given: n, Moved: moved}
	if got, err := w.makeGood().Preview(t.Context(), r); err != nil || got != want {
		t.Fatalf("Preview = %+v, %v, want %+v", got, err, want)
	}
	if grants := w.grantsOf(users[0]); len(grants) > 0 || !w.subscriptionOf(users[0]).Current.End.Equal(end) {
		t.Errorf("the preview gave %+v", grants)
	}
	if got, err := w.makeGood().Give(t.Context(), r, n); err != nil || got != want {
		t.Fatalf("Give = %+v, %v, want %+v", got, err, want)
	}
	for _, u := range users {
		s, grants := w.subscriptionOf(u), w.grantsOf(u)
		if len(grants) != 1 || grants[0].By != "anna" || grants[0].Reason != "no picture" || grants[0].Source != "INC-42" ||
			!s.Current.End.Equal(later) || !s.AnchorAt.Equal(later) || !s.NextChargeAt.Equal(later) {
			t.Fatalf("%s has the grants %+v and %+v, want one until %s", u, grants, s, later)
		}
		events, err := w.Queries().History(t.Context(), u, ports.Page{Limit: 1})
		if err != nil || len(events) != 1 || events[0].Type != billing.EventPeriodGiven || !events[0].AccessUntil.Equal(later) {
			t.Fatalf("the latest event of %s is %+v, %v", u, events, err)
		}
	}
	e := w.lastAudit()
	if e.Action != operators.SubscriptionsGiven || e.Object != "basic" || e.Operator != "anna" || e.After["viewers"] != "600" || e.After["source"] != "INC-42" || e.After["days"] != "3" {
		t.Errorf("the audit entry is %+v", e)
	}
	if got, err := w.makeGood().Give(t.Context(), r, 0); err != nil || got != (operators.MakeGoodTally{Already: n}) {
		t.Errorf("again: %+v, %v, want nothing given", got, err)
	}
}

// Each viewer of the table could watch, or not, in the hour of the outage.
func TestMakeGood_Entitled(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(w world, u billing.UserID) // between the subscribe and the outage
		after  func(w world, u billing.UserID) // between the outage and the run
		want   operators.MakeGoodTally         // without Moved
	}{
		"active":           {want: operators.MakeGoodTally{Given: 1}},
		"cancelled, paid":  {change: cancelled, want: operators.MakeGoodTally{Given: 1}},
		"past due, grace":  {change: pastDue, want: operators.MakeGoodTally{Given: 1}},
		"on hold, grace":   {change: onHold, want: operators.MakeGoodTally{Given: 1}},
		"not renewed yet":  {change: func(w world, _ billing.UserID) { w.Clock.Advance(billingtest.Month) }, want: operators.MakeGoodTally{Given: 1}},
		"not renewed long": {change: func(w world, _ billing.UserID) { w.Clock.Advance(billingtest.Month + 2*billingtest.RenewalGrace) }},
		"ended before": {change: func(w world, u billing.UserID) {
			cancelled(w, u)
			w.Clock.Advance(billingtest.Month)
			w.renew()
		}},
		"over, not stored as ended": {after: func(w world, u billing.UserID) {
			cancelled(w, u)
			w.Clock.Advance(billingtest.Month)
		}, want: operators.MakeGoodTally{Over: 1}},
		"ended since": {after: func(w world, u billing.UserID) {
			cancelled(w, u)
			w.Clock.Advance(billingtest.Month)
			w.renew()
		}},
		"ended since, subscribed again": {after: func(w world, u billing.UserID) {
			cancelled(w, u)
			w.Clock.Advance(billingtest.Month)
			w.renew()
			w.subscriber(0)
		}, want: operators.MakeGoodTally{Given: 1}},
		"subscribed since": {after: func(w world, _ billing.UserID) { w.subscriber(1) }, want: operators.MakeGoodTally{Given: 1}},
		"charging": {after: func(w world, u billing.UserID) {
			w.saved(u, func(s *billing.Subscription) { s.Charging = true })
		}, want: operators.MakeGoodTally{Charging: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			u := w.subscriber(0)
			if c.change != nil {
				c.change(w, u)
			}
			w.Clock.Advance(2 * time.Hour)
			r := w.outage()
			w.Clock.Advance(time.Minute)
			if c.after != nil {
				c.after(w, u)
			}
			before := w.subscriptionOf(u)
			got, err := w.makeGood().Give(t.Context(), r, c.want.Open())
			if got.Moved = (operators.NextCharges{}); err != nil || got != c.want {
				t.Errorf("Give = %+v, %v, want %+v", got, err, c.want)
			}
			if n := len(w.grantsOf(u)); n != c.want.Given {
				t.Errorf("the viewer has %d grants, want %d", n, c.want.Given)
			}
			if after := w.subscriptionOf(u); c.want.Given == 0 && after != before {
				t.Errorf("the subscription changed from %+v to %+v", before, after)
			}
		})
	}
}

func cancelled(w world, u billing.UserID) {
	w.T.Helper()
	if _, err := w.support().Cancel(w.T.Context(), operators.Target{User: u, Ref: "basic", Reason: "x"}, billing.AtPeriodEnd); err != nil {
		w.T.Fatal(err)
	}
}

// pastDue lets the renewal be declined.
func pastDue(w world, u billing.UserID) {
	w.T.Helper()
	w.Clock.Advance(billingtest.Month)
	w.Provider.SetFault(billingtest.Decline)
	w.renew()
	w.Provider.SetFault(billingtest.NoFault)
	if s := w.subscriptionOf(u); s.Status != billing.StatusPastDue {
		w.T.Fatalf("the subscription is %+v, want it past due", s)
	}
}

func onHold(w world, u billing.UserID) {
	w.T.Helper()
	pastDue(w, u)
	w.saved(u, func(s *billing.Subscription) { s.Hold, s.NextChargeAt = billing.CardExpired, time.Time{} })
}

// saved changes the stored subscription of a user.
func (w world) saved(u billing.UserID, change func(*billing.Subscription)) {
	w.T.Helper()
	s := w.subscriptionOf(u)
	change(&s)
	w.InTx(func(ctx context.Context, tx ports.Repos) error { return tx.Subscriptions.Save(ctx, s) })
}

func TestMakeGood_Refuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.crowd(2)
	for name, c := range map[string]struct {
		change func(*operators.MakeGoodRequest)
		want   error
	}{
		"unknown plan":     {func(r *operators.MakeGoodRequest) { r.Plan = "gold" }, billing.ErrPlanNotFound},
		"no reason":        {func(r *operators.MakeGoodRequest) { r.Reason = " " }, billing.ErrInvalid},
		"no source":        {func(r *operators.MakeGoodRequest) { r.Source = "" }, billing.ErrInvalid},
		"too many days":    {func(r *operators.MakeGoodRequest) { r.Days = 367 }, billing.ErrInvalid},
		"empty window":     {func(r *operators.MakeGoodRequest) { r.Within.End = r.Within.Start }, billing.ErrInvalid},
		"not over yet":     {func(r *operators.MakeGoodRequest) { r.Within.End = r.Within.End.Add(time.Second) }, billing.ErrInvalid},
		"no window at all": {func(r *operators.MakeGoodRequest) { r.Within = billing.Period{} }, billing.ErrInvalid},
	} {
		r := w.outage()
		c.change(&r)
		if got, err := w.makeGood().Give(t.Context(), r, 2); !errors.Is(err, c.want) || got != (operators.MakeGoodTally{}) {
			t.Errorf("%s: %+v, %v, want %v", name, got, err, c.want)
		}
	}
	differs := (*operators.CountDiffersError)(nil)
	if _, err := w.makeGood().Give(t.Context(), w.outage(), 3); !errors.As(err, &differs) || differs.Open != 2 {
		t.Errorf("another count: %v, want that it differs", err)
	}
	if n := len(w.grantsOf("user-0000")); n > 0 {
		t.Errorf("a refused request gave %d grants", n)
	}
	for _, e := range w.Store.Audit() {
		if e.Action == operators.SubscriptionsGiven {
			t.Errorf("a refused request has the audit entry %+v", e)
		}
	}
}

// A run that stops at any transaction is completed by a repetition, and gives nothing twice.
func TestMakeGood_GoesOnAfterCrash(t *testing.T) {
	t.Parallel()
	for n := 0; ; n++ {
		crash := billingtest.CrashAfter(n)
		w := newWorld(t)
		users := w.crowd(300)
		m := w.makeGood()
		m.Store = crash.Store(w.Store)
		_, _ = m.Give(t.Context(), w.outage(), len(users))
		preview, err := w.makeGood().Preview(t.Context(), w.outage())
		if err != nil || preview.Open()+preview.Already != len(users) {
			t.Fatalf("crash %d: %+v, %v, want %d viewers", n, preview, err, len(users))
		}
		if _, err := w.makeGood().Give(t.Context(), w.outage(), preview.Open()); err != nil {
			t.Fatal(err)
		}
		for u, g := range w.grantCounts(users) {
			if g != 1 {
				t.Fatalf("crash %d: %s has %d grants, want one", n, u, g)
			}
		}
		if !crash.Happened() {
			return
		}
	}
}

// One viewer whose grant cannot be stored does not keep it from the others.
func TestMakeGood_OneFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	users := w.crowd(300)
	m := w.makeGood()
	m.Store = changedStore{w.Store, func(tx *ports.Repos) { tx.Grants = refusingGrant{tx.Grants, users[4]} }}
	got, err := m.Give(t.Context(), w.outage(), len(users))
	if err == nil || got.Given != len(users)-1 || got.Failed != 1 || got.Moved.Count != len(users)-1 {
		t.Errorf("Give = %+v, %v, want all grants but one, and an error", got, err)
	}
	for u, n := range w.grantCounts(users) {
		if (n == 1) != (u != users[4]) {
			t.Errorf("%s has %d grants", u, n)
		}
	}
}

// refusingGrant refuses grants of one user.
type refusingGrant struct {
	ports.Grants
	user billing.UserID
}

func (g refusingGrant) Give(ctx context.Context, given ...ports.Given) error {
	for _, one := range given {
		if one.Grant.UserID == g.user {
			return errors.New("the row is refused")
		}
	}
	return g.Grants.Give(ctx, given...)
}
