package billing_test

import (
	"errors"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

var (
	utc   billing.Calendar
	month = billing.Period{Start: day(0), End: day(31)} // 1 March to 1 April

	retries = schedule(24*time.Hour, 72*time.Hour, 120*time.Hour, 168*time.Hour)
)

func schedule(steps ...time.Duration) billing.RetrySchedule {
	r, err := billing.NewRetrySchedule(steps...)
	if err != nil {
		panic(err)
	}
	return r
}

func order() billing.Order {
	return billing.Order{
		Subscription: "sub-1", Payment: "pay-1",
		Plan:   basicPlan(),
		Method: billing.PaymentMethod{ID: "method-1", UserID: "user-1", PaymentSystem: "simulator", Token: billing.NewSecret("tok")},
		Shown:  money(399_00, "RUB"),
	}
}

// started returns a subscription whose first payment is pending since day 0.
func started(t *testing.T) (billing.Subscription, billing.Payment) {
	t.Helper()
	s, p, _, err := order().Start(day(0), utc)
	if err != nil {
		t.Fatal(err)
	}
	return s, p
}

// subscription returns a subscription with the given status and a period from day
// 0 to 31. A past due one is retried on day 32 and has access until day 38.
func subscription(t *testing.T, status billing.Status, cancelled bool) billing.Subscription {
	t.Helper()
	s, _ := started(t)
	s.Status, s.CancelAtPeriodEnd, s.Charging = status, cancelled, status == billing.StatusIncomplete
	switch status {
	case billing.StatusActive:
		s.StartedAt, s.NextChargeAt = day(0), day(31)
	case billing.StatusPastDue:
		s.StartedAt, s.NextChargeAt, s.PastDueSince, s.GraceUntil = day(0), day(32), day(31), day(38)
	case billing.StatusEnded:
		s.StartedAt, s.EndedAt = day(0), day(5)
	}
	return s
}

func event(kind billing.EventType, at, access time.Time) billing.Event {
	return billing.Event{
		UserID: "user-1", Type: kind, At: at, SubscriptionID: "sub-1", PlanCode: "basic", AccessUntil: access,
	}
}

func TestOrder_Start(t *testing.T) {
	t.Parallel()
	s, p := started(t)
	expectSame(t, s, billing.Subscription{
		ID: "sub-1", UserID: "user-1", PlanID: "plan-1", PlanCode: "basic", PlanGroup: "main", MethodID: "method-1", PaymentSystem: "simulator",
		Price: money(399_00, "RUB"), IntervalMonths: 1,
		Status: billing.StatusIncomplete, Charging: true, AnchorAt: day(0), Current: month, LatestPaymentID: "pay-1", CreatedAt: day(0),
	})
	expectSame(t, p, billing.Payment{
		ID: "pay-1", UserID: "user-1", SubscriptionID: "sub-1", MethodID: "method-1", PaymentSystem: "simulator",
		Initiator: billing.CustomerInitiated, Amount: money(399_00, "RUB"), Period: month,
		Status: billing.PaymentPending, CreatedAt: day(0),
	})
	if s.MayResend(p, order().Method, day(0)) {
		t.Error("MayResend of the viewer's own payment is true")
	}
}

func TestOrder_StartUsesCalendar(t *testing.T) {
	t.Parallel()
	o := order()
	o.Plan.IntervalMonths = 3
	at := instant(t, "2026-01-31T20:00:00-08:00")
	s, p, _, err := o.Start(at, billing.NewCalendar(zone(t, "America/Los_Angeles")))
	if err != nil {
		t.Fatal(err)
	}
	expectInstant(t, p.Period.Start, "2026-01-31T20:00:00-08:00")
	expectInstant(t, p.Period.End, "2026-04-30T20:00:00-07:00")
	expectSame(t, s.Current, p.Period)
}

func TestOrder_StartAtShownInterval(t *testing.T) {
	t.Parallel()
	o := order()
	o.ShownMonths = 1
	s, _, _, err := o.Start(day(0), utc)
	if err != nil || s.IntervalMonths != 1 {
		t.Errorf("Start = %+v, %v, want an interval of 1 month", s, err)
	}
}

func TestOrder_StartRefuses(t *testing.T) {
	t.Parallel()
	changed := func(shown billing.Money, months int) error {
		return &billing.PriceChangedError{Plan: "basic", Shown: shown, Current: money(399_00, "RUB"), ShownMonths: months, CurrentMonths: 1}
	}
	tests := []struct {
		name   string
		change func(*billing.Order)
		is     error
		want   error // the exact error, if not nil
	}{
		{"a kopeck too little", func(o *billing.Order) { o.Shown.Amount-- }, billing.ErrPriceChanged, changed(money(398_99, "RUB"), 0)},
		{"a kopeck too much", func(o *billing.Order) { o.Shown.Amount++ }, billing.ErrPriceChanged, changed(money(399_01, "RUB"), 0)},
		{"another currency", func(o *billing.Order) { o.Shown.Currency = "USD" }, billing.ErrPriceChanged, changed(money(399_00, "USD"), 0)},
		{"no price", func(o *billing.Order) { o.Shown = billing.Money{} }, billing.ErrPriceChanged, changed(billing.Money{}, 0)},
		{"another interval", func(o *billing.Order) { o.ShownMonths = 12 }, billing.ErrPriceChanged, changed(money(399_00, "RUB"), 12)},
		{"a negative interval", func(o *billing.Order) { o.ShownMonths = -1 }, billing.ErrPriceChanged, changed(money(399_00, "RUB"), -1)},
		{"another price for the right interval", func(o *billing.Order) {
			o.ShownMonths = 1
			o.Shown.Amount++
		}, billing.ErrPriceChanged, changed(money(399_01, "RUB"), 1)},
		{"an archived plan", func(o *billing.Order) { o.Plan = o.Plan.Archive(day(-1)) }, billing.ErrPlanNotFound, nil},
		{"an archived plan at another price", func(o *billing.Order) {
			o.Plan = o.Plan.Archive(day(-1))
			o.Shown.Amount++
		}, billing.ErrPlanNotFound, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := order()
			tt.change(&o)
			s, p, events, err := o.Start(day(0), utc)
			if !errors.Is(err, tt.is) {
				t.Errorf("got error %v, want %v", err, tt.is)
			}
			if tt.want != nil {
				expectSame(t, err, tt.want)
			}
			expectSame(t, s, billing.Subscription{})
			expectSame(t, p, billing.Payment{})
			expectSame(t, events, []billing.Event(nil))
		})
	}
}

// The subscription begins on day 0. Its period ends on day 31, its grace on day 38.
func TestSubscription_AccessWithin(t *testing.T) {
	t.Parallel()
	end := day(31)
	for name, tt := range map[string]struct {
		status    billing.Status
		cancelled bool
		from      time.Time // of an hour
		want      bool
	}{
		"before the start":               {billing.StatusActive, false, day(0).Add(-time.Hour), false},
		"around the start":               {billing.StatusActive, false, day(0).Add(-time.Minute), true},
		"active":                         {billing.StatusActive, false, day(5), true},
		"active, renewal overdue":        {billing.StatusActive, false, end, true},
		"active, overdue for too long":   {billing.StatusActive, false, end.Add(renewalGrace), false},
		"cancelled, around its end":      {billing.StatusActive, true, end.Add(-time.Minute), true},
		"cancelled, at its end":          {billing.StatusActive, true, end, false},
		"past due":                       {billing.StatusPastDue, false, day(37), true},
		"past due, at the end of grace":  {billing.StatusPastDue, false, day(38), false},
		"past due, cancelled, in grace":  {billing.StatusPastDue, true, day(32), false},
		"first payment pending":          {billing.StatusIncomplete, false, day(1), false},
		"ended later":                    {billing.StatusEnded, false, day(1), true},
		"ended before, on day 5 at noon": {billing.StatusEnded, false, day(6), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := subscription(t, tt.status, tt.cancelled)
			if tt.status == billing.StatusEnded {
				s.EndedAt = day(5).Add(12 * time.Hour)
			}
			if got := s.AccessWithin(billing.Period{Start: tt.from, End: tt.from.Add(time.Hour)}, renewalGrace); got != tt.want {
				t.Errorf("AccessWithin = %t, want %t: %+v", got, tt.want, s)
			}
		})
	}
}

func TestSubscription_AtAndAccessUntil(t *testing.T) {
	t.Parallel()
	end := day(31)
	tests := []struct {
		name      string
		status    billing.Status
		cancelled bool
		now       time.Time
		ends      bool
		access    time.Time
	}{
		{"incomplete", billing.StatusIncomplete, false, day(1), false, time.Time{}},
		{"incomplete, cancelled, after its period", billing.StatusIncomplete, true, day(99), false, time.Time{}},
		{"active", billing.StatusActive, false, day(1), false, day(32)},
		{"active, renewal overdue", billing.StatusActive, false, day(32).Add(-1), false, day(32)},
		{"active, renewal overdue for longer than the grace", billing.StatusActive, false, day(32), false, time.Time{}},
		{"cancelled, period not over", billing.StatusActive, true, day(1), false, end},
		{"cancelled, just before its end", billing.StatusActive, true, end.Add(-1), false, end},
		{"cancelled, exactly at its end", billing.StatusActive, true, end, true, time.Time{}},
		{"cancelled, long after its end", billing.StatusActive, true, day(99), true, time.Time{}},
		{"past due", billing.StatusPastDue, false, day(32), false, day(38)},
		{"past due, at the end of grace", billing.StatusPastDue, false, day(38), false, time.Time{}},
		{"past due, last retry overdue", billing.StatusPastDue, false, day(40), false, time.Time{}},
		{"ended", billing.StatusEnded, false, day(6), false, time.Time{}},
		{"ended by a cancel, after its period", billing.StatusEnded, true, day(99), false, time.Time{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			before := subscription(t, tt.status, tt.cancelled)
			want, wantEvents := before, []billing.Event(nil)
			if tt.ends {
				want.Status, want.EndedAt, want.NextChargeAt = billing.StatusEnded, end, time.Time{}
				wantEvents = []billing.Event{event(billing.EventEnded, end, time.Time{})}
			}
			got, events := before.At(tt.now)
			expectSame(t, got, want)
			expectSame(t, events, wantEvents)
			if access := before.AccessUntil(tt.now, renewalGrace); !access.Equal(tt.access) {
				t.Errorf("AccessUntil = %s, want %s", access, tt.access)
			}
			repeated, events := got.At(tt.now)
			expectSame(t, repeated, got)
			expectSame(t, events, []billing.Event(nil))
		})
	}
}

func TestRefuseAnother(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		status    billing.Status
		cancelled bool
		want      string // the message; empty for no error
	}{
		{"incomplete", billing.StatusIncomplete, false,
			"a subscription to plan basic is waiting for its first payment; if it has a next_action, open its page, else check it again in a moment"},
		{"incomplete and cancelled", billing.StatusIncomplete, true,
			"a subscription to plan basic is waiting for its first payment; if it has a next_action, open its page, else check it again in a moment"},
		{"active", billing.StatusActive, false, "there is a live subscription to plan basic already"},
		{"past due", billing.StatusPastDue, false, "the subscription to plan basic is past due; pay for it with POST /v1/subscriptions/basic/pay, " +
			"or give it another payment method with PUT /v1/subscriptions/basic/payment-method"},
		{"active and cancelled", billing.StatusActive, true,
			"the subscription to plan basic is cancelled but runs until 2026-04-01T12:00:00Z; " +
				"take the cancel back with POST /v1/subscriptions/basic/resume, or subscribe again then"},
		{"ended", billing.StatusEnded, false, ""},
		{"ended by a cancel", billing.StatusEnded, true, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := subscription(t, tt.status, tt.cancelled)
			err := s.RefuseAnother()
			if live := tt.want != ""; s.Live() != live {
				t.Errorf("Live = %v", s.Live())
			}
			if tt.want == "" {
				if err != nil {
					t.Errorf("got error %v, want none", err)
				}
				return
			}
			expectText(t, err, tt.want)
			if !errors.Is(err, billing.ErrAlreadySubscribed) {
				t.Errorf("got %v, want ErrAlreadySubscribed", err)
			}
		})
	}
}

func TestDeclineCodes_Unique(t *testing.T) {
	t.Parallel()
	seen := map[billing.DeclineCode]bool{}
	for _, code := range billing.DeclineCodes() {
		if code == "" || seen[code] {
			t.Errorf("%q is empty or listed twice", code)
		}
		seen[code] = true
	}
	if len(seen) != 22 {
		t.Errorf("got %d codes, want 22", len(seen))
	}
}

// renewalGrace is how long access goes on while a renewal has not been tried.
const renewalGrace = 24 * time.Hour

// accessEnd is the end of the access as events have it.
func accessEnd(s billing.Subscription) time.Time { return s.AccessUntil(time.Time{}, 0) }
