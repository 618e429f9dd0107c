package billing_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// ending returns the subscription while its plan is being ended.
func ending(s billing.Subscription) billing.Subscription {
	s.PlanEnding = true
	return s
}

func TestBill_PlanEnding(t *testing.T) {
	t.Parallel()
	ended := func(at time.Time) []billing.Event {
		e := event(billing.EventEnded, at, time.Time{})
		e.DeclineCode = "plan_ended"
		return []billing.Event{e}
	}
	renewal, _ := renewing(t)
	for name, tt := range map[string]struct {
		sub    billing.Subscription
		now    time.Time
		events []billing.Event
	}{
		"before the renewal":          {active(t), day(30), nil},
		"renewal due":                 {active(t), day(31), ended(day(31))},
		"retry due":                   {pastDue(t), day(33), ended(day(33))},
		"renewal pending":             {renewal, day(90), nil},
		"cancelled, and over":         {subscription(t, billing.StatusActive, true), day(31), []billing.Event{event(billing.EventEnded, day(31), time.Time{})}},
		"first payment still pending": {subscription(t, billing.StatusIncomplete, false), day(40), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, p, events, due := ending(tt.sub).Bill("pay-9", order().Method, utc, tt.now)
			if due || p != (billing.Payment{}) {
				t.Errorf("Bill returns the payment %+v", p)
			}
			expectSame(t, events, tt.events)
			if s.Live() != (tt.events == nil) {
				t.Errorf("the subscription is %+v", s)
			}
		})
	}
}

func TestPlanEnding_RefusesWhatWouldCharge(t *testing.T) {
	t.Parallel()
	cancelled, retry, held := ending(subscription(t, billing.StatusActive, true)), ending(pastDue(t)), ending(onHold(t, billing.CardExpired))
	for name, do := range map[string]func() (billing.Subscription, error){
		"resume": func() (billing.Subscription, error) {
			s, _, err := cancelled.Resume(order().Method, day(5))
			return s, err
		},
		"pay": func() (billing.Subscription, error) {
			s, _, _, err := held.Pay(request("pay-9", 399_00), utc, day(32))
			return s, err
		},
		"retry": func() (billing.Subscription, error) {
			s, _, err := retry.Retry(day(31))
			return s, err
		},
		"replace the method": func() (billing.Subscription, error) {
			s, _, err := held.Replace(otherMethod(), day(32))
			return s, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := do()
			if !errors.Is(err, billing.ErrInvalidTransition) || !strings.Contains(err.Error(), "plan basic is being ended") {
				t.Errorf("the error is %v, want ErrInvalidTransition with the reason", err)
			}
			if !s.CancelAtPeriodEnd && s.Status == billing.StatusActive || s.Charging || s.MethodID != order().Method.ID {
				t.Errorf("the subscription changed to %+v", s)
			}
		})
	}
}

// A renewal that was sent settles, and its period is the last one.
func TestPlanEnding_RenewalInFlight(t *testing.T) {
	t.Parallel()
	sub, p := renewing(t)
	sub = ending(sub)
	if sub.MayResend(p, order().Method, day(31)) {
		t.Error("a renewal is sent again")
	}
	e, sub, past, events := billing.PlanEnding{}.Stop(sub, day(31))
	if len(past) != 0 || len(events) != 1 || e.Cancelled != 1 {
		t.Fatalf("Stop returns %v and %v, and counts %+v", past, events, e)
	}
	sub, _, _ = sub.Settle(p, paid(399_00), retries, utc, day(31))
	if sub.Status != billing.StatusActive || !sub.CancelAtPeriodEnd || !sub.Current.End.Equal(day(61)) {
		t.Errorf("the subscription is %+v, want it paid until day 61 and cancelled", sub)
	}
	if end := sub.AccessUntil(day(40), 24*time.Hour); !end.Equal(day(61)) {
		t.Errorf("the access ends at %s, want day 61", end)
	}
}

func TestPlanEnding_NoRenewalIsAnnounced(t *testing.T) {
	t.Parallel()
	sub := ending(active(t))
	if sub.Renews() {
		t.Error("the subscription renews")
	}
	if end := sub.AccessUntil(day(30), 24*time.Hour); !end.Equal(day(31)) {
		t.Errorf("the access ends at %s, want the end of the paid time", end)
	}
	if err := sub.RefuseAnother(); !strings.Contains(err.Error(), "not sold any more") || strings.Contains(err.Error(), "resume") {
		t.Errorf("another order is refused with %v", err)
	}
}

func TestPlanEnding_Stop(t *testing.T) {
	t.Parallel()
	requested := func(at, access time.Time) billing.Event {
		e := event(billing.EventCancelRequested, at, access)
		e.DeclineCode = "plan_ended"
		return e
	}
	over := event(billing.EventEnded, day(31), time.Time{})
	overNow := event(billing.EventEnded, day(31), time.Time{})
	overNow.DeclineCode = "plan_ended"
	for name, tt := range map[string]struct {
		sub          billing.Subscription
		now          time.Time
		past, events []billing.Event
		count        billing.PlanEnding
	}{
		"active":                  {active(t), day(10), nil, []billing.Event{requested(day(10), day(31))}, billing.PlanEnding{Cancelled: 1}},
		"first payment pending":   {subscription(t, billing.StatusIncomplete, false), day(0), nil, []billing.Event{requested(day(0), time.Time{})}, billing.PlanEnding{Cancelled: 1}},
		"past due":                {pastDue(t), day(31), nil, []billing.Event{requested(day(31), time.Time{}), overNow}, billing.PlanEnding{Ended: 1}},
		"cancelled by the viewer": {subscription(t, billing.StatusActive, true), day(10), nil, nil, billing.PlanEnding{}},
		"cancelled, and over":     {subscription(t, billing.StatusActive, true), day(40), []billing.Event{over}, nil, billing.PlanEnding{}},
		"ended":                   {subscription(t, billing.StatusEnded, false), day(10), nil, nil, billing.PlanEnding{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, s, past, events := billing.PlanEnding{}.Stop(ending(tt.sub), tt.now)
			expectSame(t, e, tt.count)
			expectSame(t, past, tt.past)
			expectSame(t, events, tt.events)
			if s.Live() && !s.CancelAtPeriodEnd {
				t.Errorf("the subscription is neither cancelled nor ended: %+v", s)
			}
		})
	}
}

func TestPlanEnding_OfRestoredPlan(t *testing.T) {
	t.Parallel()
	p, err := basicPlan().End(day(1))
	if err != nil {
		t.Fatal(err)
	}
	e := billing.PlanEnding{PlanID: p.ID, StartedAt: day(1)}
	restored := p.Restore(day(2))
	again, err := restored.End(day(3))
	if err != nil {
		t.Fatal(err)
	}
	if !e.Of(p) || e.Of(restored) || e.Of(again) {
		t.Errorf("the ending is of the plan %v, of the restored one %v, of one that is ended again %v", e.Of(p), e.Of(restored), e.Of(again))
	}
	if done := e.Done(day(4)); !done.DoneAt.Equal(day(4)) {
		t.Errorf("done at %s", done.DoneAt)
	}
}

func TestEndingConfirmed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		confirmed, viewers int
		want               bool
	}{
		{0, 0, true}, {99, 99, true}, {98, 99, false}, {100, 99, false}, {99, 100, true}, {101, 100, true}, {102, 100, false},
		{990_000, 1_000_000, true}, {1_010_000, 1_000_000, true}, {989_999, 1_000_000, false}, {1, 0, false}, {-1, 0, false},
	} {
		if got := billing.EndingConfirmed(c.confirmed, c.viewers); got != c.want {
			t.Errorf("%d confirmed, %d viewers: %v, want %v", c.confirmed, c.viewers, got, c.want)
		}
	}
}

func TestNextCharge(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sub  billing.Subscription
		want time.Time
	}{
		"active":              {active(t), day(31)},
		"cancelled":           {subscription(t, billing.StatusActive, true), time.Time{}},
		"plan is being ended": {ending(active(t)), time.Time{}},
	} {
		if got := c.sub.NextCharge(); !got.Equal(c.want) {
			t.Errorf("%s: the next charge is at %s, want %s", name, got, c.want)
		}
	}
}
