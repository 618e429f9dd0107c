package billing_test

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/online-cinema/billing/core/billing"
)

// givenPlan returns a subscription to the plan basic that was given on day 0 for some days,
// or for a month if days is 0.
func givenPlan(t *testing.T, days int) billing.Subscription {
	t.Helper()
	s, _, _, err := order().Plan.GiveNew("sub-1", "user-1", nil, grantRequest(days), utc, day(0))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPlan_GiveNew(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ days, end int }{"days": {3, 3}, "a period": {0, 31}} {
		s, g, events, err := order().Plan.GiveNew("sub-1", "user-1", nil, grantRequest(c.days), utc, day(0))
		if err != nil {
			t.Fatal(err)
		}
		period := billing.Period{Start: day(0), End: day(c.end)}
		expectSame(t, s, billing.Subscription{
			ID: "sub-1", UserID: "user-1", PlanID: "plan-1", PlanCode: "basic", PlanGroup: "main",
			Price: order().Plan.Price, IntervalMonths: 1, Status: billing.StatusActive, AnchorAt: day(0), Current: period,
			CancelAtPeriodEnd: true, CreatedAt: day(0), StartedAt: day(0),
		})
		expectSame(t, g, billing.Grant{
			ID: "grant-1", UserID: "user-1", SubscriptionID: "sub-1", Period: period,
			Source: "incident 42", By: "olga", Reason: "the player was down", CreatedAt: day(0),
		})
		if len(events) != 1 || events[0].Type != billing.EventPeriodGiven || !events[0].AccessUntil.Equal(period.End) || events[0].PlanCode != "basic" {
			t.Errorf("%s: events %+v, want period_given until %s", name, events, period.End)
		}
		if !s.Given() || s.AccessUntil(day(1), 0) != period.End || !s.AccessUntil(period.End, 0).IsZero() {
			t.Errorf("%s: the access ends at %s, want %s", name, s.AccessUntil(day(1), 0), period.End)
		}
	}
}

func TestPlan_GiveNewRefused(t *testing.T) {
	t.Parallel()
	plan := order().Plan
	archived := plan
	archived.ArchivedAt = day(-1)
	same, other := subscription(t, billing.StatusActive, false), subscription(t, billing.StatusPastDue, false)
	other.PlanID, other.PlanCode = "plan-2", "premium"
	invalid := grantRequest(367)
	for name, c := range map[string]struct {
		plan billing.Plan
		live []billing.Subscription
		r    billing.GrantRequest
		want error
		part string
	}{
		"too many days":               {plan, nil, invalid, billing.ErrInvalid, "366"},
		"no longer sold":              {archived, nil, grantRequest(3), billing.ErrPlanNotFound, "no longer sold"},
		"a subscription to the plan":  {plan, []billing.Subscription{same}, grantRequest(3), billing.ErrAlreadySubscribed, "give the time to it"},
		"a subscription of its group": {plan, []billing.Subscription{other}, grantRequest(3), billing.ErrPlanGroupTaken, "plan premium"},
	} {
		s, g, events, err := c.plan.GiveNew("sub-1", "user-1", c.live, c.r, utc, day(2))
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.part) || s != (billing.Subscription{}) || g != (billing.Grant{}) || len(events) > 0 {
			t.Errorf("%s: %v, want %v with %q", name, err, c.want, c.part)
		}
	}
	addOn := other
	addOn.PlanGroup = "sport"
	if _, _, _, err := plan.GiveNew("sub-1", "user-1", []billing.Subscription{addOn}, grantRequest(3), utc, day(2)); err != nil {
		t.Errorf("beside a subscription of another group: %v", err)
	}
	if _, _, _, err := plan.GiveNew("sub-1", "user-1", []billing.Subscription{subscription(t, billing.StatusEnded, false)}, grantRequest(3), utc, day(2)); err != nil {
		t.Errorf("after a subscription that has ended: %v", err)
	}
}

// A given subscription is never charged: neither before its end nor after it.
func TestSubscription_BillNeverChargesGiven(t *testing.T) {
	t.Parallel()
	for _, at := range []int{0, 1, 3, 400} {
		s := givenPlan(t, 3)
		got, p, _, billed := s.Bill("pay-1", order().Method, utc, day(at))
		if billed || p != (billing.Payment{}) || got.Charging {
			t.Errorf("on day %d: billed %+v", at, p)
		}
		s.CancelAtPeriodEnd = false // as no transition leaves it
		if _, _, _, billed := s.Bill("pay-1", order().Method, utc, day(at)); billed {
			t.Errorf("on day %d: billed without its cancel", at)
		}
	}
}

func TestSubscription_GivenEnds(t *testing.T) {
	t.Parallel()
	s, events := givenPlan(t, 3).At(day(5))
	if s.Status != billing.StatusEnded || s.EndedAt != day(3) || len(events) != 1 || events[0].Type != billing.EventEnded || events[0].At != day(3) {
		t.Errorf("on day 5: %+v with %+v, want ended on day 3", s, events)
	}
	s, events, err := givenPlan(t, 3).Cancel(billing.AtPeriodEnd, day(1))
	if err != nil || len(events) != 0 || !s.Live() {
		t.Errorf("cancel at the period's end: %v, %+v, %+v; want no change", err, s, events)
	}
	s, events, err = givenPlan(t, 3).Cancel(billing.AtOnce, day(1))
	if err != nil || s.Status != billing.StatusEnded || s.EndedAt != day(1) || len(events) != 2 {
		t.Errorf("cancel at once: %v, %+v, %+v; want ended on day 1", err, s, events)
	}
}

// More time follows the given time, and no charge follows it.
func TestSubscription_GiveToGiven(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ days, end int }{"days": {4, 7}, "a period": {0, 31}} {
		s, g, _, err := givenPlan(t, 3).Give(grantRequest(c.days), utc, day(1))
		want := billing.Period{Start: day(3), End: day(c.end)}
		if err != nil || g.Period != want || s.Current.End != want.End || !s.NextChargeAt.IsZero() || !s.CancelAtPeriodEnd {
			t.Errorf("%s: %v, %v, %+v; want until day %d", name, err, g.Period, s, c.end)
		}
	}
}

func TestSubscription_GivenRefusesPayment(t *testing.T) {
	t.Parallel()
	s := givenPlan(t, 3)
	m := order().Method
	resume := func(s billing.Subscription) error { _, _, err := s.Resume(m, day(1)); return err }
	replace := func(s billing.Subscription) error { _, _, err := s.Replace(m, day(1)); return err }
	pay := func(s billing.Subscription) error {
		_, _, _, err := s.Pay(billing.PayRequest{Payment: "pay-1", Method: m, Shown: s.Price}, utc, day(1))
		return err
	}
	retry := func(s billing.Subscription) error { _, _, err := s.Retry(day(1)); return err }
	const advice = `cancel it with POST /v1/subscriptions/basic/cancel and "at": "now"`
	for name, c := range map[string]struct {
		do   func(billing.Subscription) error
		want error
		part string
	}{
		"resume":    {resume, billing.ErrInvalidTransition, advice},
		"replace":   {replace, billing.ErrInvalidTransition, advice},
		"pay":       {pay, billing.ErrNothingDue, advice},
		"retry":     {retry, billing.ErrNothingDue, "nothing to try again"},
		"subscribe": {billing.Subscription.RefuseAnother, billing.ErrAlreadySubscribed, advice},
		"subscribe to another plan of the group": {func(s billing.Subscription) error {
			return billing.Plan{ID: "plan-2", Code: "premium"}.RefuseOrder(s)
		}, billing.ErrPlanGroupTaken, "basic was given until"},
	} {
		if err := c.do(s); !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.part) {
			t.Errorf("%s: %v, want %v with %q", name, err, c.want, c.part)
		}
	}
	ended, _ := s.At(day(5))
	for name, do := range map[string]func(billing.Subscription) error{"resume": resume, "replace": replace} {
		if err := do(ended); !errors.Is(err, billing.ErrInvalidTransition) || !strings.Contains(err.Error(), "subscribe again instead") {
			t.Errorf("%s after the end: %v", name, err)
		}
	}
	if err := ended.RefuseAnother(); err != nil {
		t.Errorf("subscribe after the end: %v", err)
	}
}

// No order of requests and runs charges a given subscription. Its period is the sum of its
// grants.
func TestGiven_RandomLife(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		cal, now := utc, day(0)
		s, g, _, err := order().Plan.GiveNew("sub-1", "user-1", nil, grantRequest(rapid.IntRange(0, 40).Draw(t, "days")), cal, now)
		if err != nil {
			t.Fatal(err)
		}
		end, m := g.Period.End, order().Method
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			now = now.AddDate(0, 0, rapid.IntRange(0, 9).Draw(t, "days later"))
			after, p, billed := s, billing.Payment{}, false
			switch rapid.IntRange(0, 7).Draw(t, "action") {
			case 0:
				if after, g, _, err = s.Give(grantRequest(rapid.IntRange(0, 40).Draw(t, "more days")), cal, now); err == nil {
					end = g.Period.End
				}
			case 1:
				after, _, _ = s.Resume(m, now)
			case 2:
				after, _, _ = s.Replace(m, now)
			case 3:
				after, p, _, _ = s.Pay(billing.PayRequest{Payment: "pay-1", Method: m, Shown: s.Price}, cal, now)
			case 4:
				after, _, _ = s.Retry(now)
			case 5:
				after, _ = s.StopRenewal(billing.MethodRemoved, now)
			case 6:
				after, p, _, billed = s.Bill("pay-1", m, cal, now)
			case 7:
				if rapid.IntRange(0, 9).Draw(t, "cancel") == 0 {
					after, _, _ = s.Cancel(billing.AtOnce, now)
				}
			}
			s, _ = after.At(now)
			switch {
			case billed || p != (billing.Payment{}) || s.Charging || !s.Given() || !s.NextChargeAt.IsZero() || !s.CancelAtPeriodEnd:
				t.Fatalf("%+v with payment %+v can be charged", s, p)
			case s.Current != billing.Period{Start: day(0), End: end}:
				t.Fatalf("the period is %v, but the grants end at %s", s.Current, end)
			case s.Live() && !now.Before(end):
				t.Fatalf("at %s it is live, but its grants ended at %s", now, end)
			}
		}
	})
}
