package billing_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// active is a subscription that is paid from day 0 to day 31.
func active(t *testing.T) billing.Subscription {
	t.Helper()
	s, p := started(t)
	s, _, _ = s.Settle(p, paid(399_00), retries, day(0))
	return s
}

// renewing is one whose renewal, for day 31 to day 61, is pending since day 31.
func renewing(t *testing.T) (billing.Subscription, billing.Payment) {
	t.Helper()
	return bill(t, active(t), "pay-2", day(31))
}

// pastDue is one whose renewal was declined on day 31, as soon as it was due.
func pastDue(t *testing.T) billing.Subscription {
	t.Helper()
	s, p := renewing(t)
	s, _, _ = s.Settle(p, declined(billing.InsufficientFunds), retries, day(31))
	return s
}

// retrying is one whose first retry is pending since day 32.
func retrying(t *testing.T) (billing.Subscription, billing.Payment) {
	t.Helper()
	return bill(t, pastDue(t), "pay-3", day(32))
}

// bill makes a payment that must be due, in a calendar of UTC.
func bill(t *testing.T, s billing.Subscription, id billing.PaymentID, now time.Time) (billing.Subscription, billing.Payment) {
	t.Helper()
	s, p, events, due := s.Bill(id, order().Method, utc, now)
	if !due || len(events) > 0 {
		t.Fatalf("due is %v at %s, with the events %v", due, now, events)
	}
	return s, p
}

func renewalEvent(kind billing.EventType, id billing.PaymentID, at, access time.Time, why billing.DeclineCode) billing.Event {
	e := paymentEvent(kind, at, access, why)
	e.PaymentID = id
	return e
}

func removed(at time.Time) billing.PaymentMethod {
	m := order().Method
	m.RemovedAt = at
	return m
}

func TestBillRenews(t *testing.T) {
	t.Parallel()
	before := active(t)
	s, p, events, due := before.Bill("pay-2", order().Method, utc, day(31))
	if !due {
		t.Fatal("it is not due at the end of its period")
	}
	want := before
	want.Charging, want.LatestPaymentID, want.NextChargeAt = true, "pay-2", day(61)
	expectSame(t, s, want)
	expectSame(t, p, billing.Payment{
		ID: "pay-2", UserID: "user-1", SubscriptionID: "sub-1", MethodID: "method-1", PaymentSystem: "simulator",
		Initiator: billing.MerchantInitiated, Amount: money(399_00, "RUB"), Period: billing.Period{Start: day(31), End: day(61)},
		Status: billing.PaymentPending, CreatedAt: day(31),
	})
	expectSame(t, events, []billing.Event(nil))

	s, p, events = s.Settle(p, paid(399_00), retries, day(32))
	want.Charging, want.Current = false, billing.Period{Start: day(31), End: day(61)}
	expectSame(t, s, want)
	expectSame(t, events, []billing.Event{renewalEvent(billing.Renewed, "pay-2", day(32), day(61), "")})
	expectSame(t, p.SettledAt, day(32))
}

func TestBillChargesThePriceThatWasAgreedTo(t *testing.T) {
	t.Parallel()
	s := active(t)
	s.PlanID, s.PlanCode = "another-plan", "premium" // whatever becomes of the plan
	if _, p := bill(t, s, "pay-2", day(31)); p.Amount != money(399_00, "RUB") {
		t.Errorf("%s is charged", p.Amount)
	}
}

func TestBillLeavesAlone(t *testing.T) {
	t.Parallel()
	cancelled := func(s billing.Subscription) billing.Subscription { s.CancelAtPeriodEnd = true; return s }
	incomplete, _ := started(t)
	charging, _ := renewing(t)
	again, _ := retrying(t)
	tests := []struct {
		name   string
		sub    billing.Subscription
		method billing.PaymentMethod
		now    time.Time
	}{
		{"one whose first payment is pending", incomplete, order().Method, day(99)},
		{"a period that runs", active(t), order().Method, day(31).Add(-time.Microsecond)},
		{"a renewal that is pending", charging, order().Method, day(31)},
		{"a renewal that is pending since long ago", charging, order().Method, day(99)},
		{"a cancelled renewal that is pending", cancelled(charging), order().Method, day(99)},
		{"a retry that is pending", again, order().Method, day(99)},
		{"one past due whose retry is to come", pastDue(t), order().Method, day(32).Add(-time.Microsecond)},
		{"a cancelled period that runs", cancelled(active(t)), order().Method, day(31).Add(-time.Microsecond)},
		{"what has ended", subscription(t, billing.HasEnded, false), order().Method, day(99)},
		{"a removed method before it is needed", active(t), removed(day(1)), day(30)},
		{"a method removed after it was charged", charging, removed(day(31)), day(99)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, p, events, due := tt.sub.Bill("pay-9", tt.method, utc, tt.now)
			if due {
				t.Error("it is charged")
			}
			expectSame(t, s, tt.sub)
			expectSame(t, p, billing.Payment{})
			expectSame(t, events, []billing.Event(nil))
		})
	}
}

func TestBillEnds(t *testing.T) {
	t.Parallel()
	cancelled := active(t)
	cancelled.CancelAtPeriodEnd = true
	gone := event(billing.Ended, day(40), time.Time{})
	gone.DeclineCode = "payment_method_removed"
	over := event(billing.Ended, day(31), time.Time{})
	tests := []struct {
		name   string
		sub    billing.Subscription
		method billing.PaymentMethod
		want   billing.Event
	}{
		{"cancelled, and its period is over", cancelled, order().Method, over},
		{"cancelled, and its method was removed too", cancelled, removed(day(1)), over},
		{"active, and its method was removed", active(t), removed(day(1)), gone},
		{"active, and its method was removed this moment", active(t), removed(day(40)), gone},
		{"past due, and its method was removed", pastDue(t), removed(day(33)), gone},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, p, events, due := tt.sub.Bill("pay-9", tt.method, utc, day(40))
			if due {
				t.Error("it is charged")
			}
			want := tt.sub
			want.Status, want.EndedAt, want.NextChargeAt = billing.HasEnded, tt.want.At, time.Time{}
			want.PastDueSince, want.GraceUntil = time.Time{}, time.Time{}
			expectSame(t, s, want)
			expectSame(t, p, billing.Payment{})
			expectSame(t, events, []billing.Event{tt.want})
		})
	}
}

// Nobody pays for our delay: one charge, for the period that is running.
func TestCatchUp(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name       string
		months     int // of one period; all began on 31 January 2026 at 10:00
		now        string
		start, end string
		waived     bool
	}{
		{"on the dot", 1, "2026-02-28T10:00:00Z", "2026-02-28T10:00:00Z", "2026-03-31T10:00:00Z", false},
		{"a week late", 1, "2026-03-07T10:00:00Z", "2026-02-28T10:00:00Z", "2026-03-31T10:00:00Z", false},
		{"a microsecond less than a period late", 1, "2026-03-31T09:59:59.999999Z", "2026-02-28T10:00:00Z", "2026-03-31T10:00:00Z", false},
		{"a period late to the moment", 1, "2026-03-31T10:00:00Z", "2026-03-31T10:00:00Z", "2026-04-30T10:00:00Z", true},
		{"one month and a week late", 1, "2026-04-07T10:00:00Z", "2026-03-31T10:00:00Z", "2026-04-30T10:00:00Z", true},
		{"two months and a week late", 1, "2026-05-07T10:00:00Z", "2026-04-30T10:00:00Z", "2026-05-31T10:00:00Z", true},
		{"three months and a week late", 1, "2026-06-07T10:00:00Z", "2026-05-31T10:00:00Z", "2026-06-30T10:00:00Z", true},
		{"13 months and a week late", 1, "2027-04-07T10:00:00Z", "2027-03-31T10:00:00Z", "2027-04-30T10:00:00Z", true},
		{"three months late for a quarter", 3, "2026-07-31T09:00:00Z", "2026-04-30T10:00:00Z", "2026-07-31T10:00:00Z", false},
		{"four months late for a quarter", 3, "2026-08-31T10:00:00Z", "2026-07-31T10:00:00Z", "2026-10-31T10:00:00Z", true},
		{"eleven months late for a year", 12, "2027-12-31T10:00:00Z", "2027-01-31T10:00:00Z", "2028-01-31T10:00:00Z", false},
		{"two years late for a year", 12, "2029-02-01T10:00:00Z", "2029-01-31T10:00:00Z", "2030-01-31T10:00:00Z", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			anchor, now := instant(t, "2026-01-31T10:00:00Z"), instant(t, tt.now)
			before := begun(t, anchor, tt.months, utc)
			s, p, events, due := before.Bill("pay-2", order().Method, utc, now)
			if !due {
				t.Fatal("it is not due")
			}
			expectInstant(t, p.Period.Start, tt.start)
			expectInstant(t, p.Period.End, tt.end)
			if p.Amount != money(399_00, "RUB") {
				t.Errorf("%s is charged, want the price of one period", p.Amount)
			}
			want := []billing.Event(nil)
			if tt.waived {
				want = []billing.Event{event(billing.PeriodsWaived, now, now)}
			}
			expectSame(t, events, want)

			s, p, events = s.Settle(p, paid(399_00), retries, now)
			expectSame(t, events, []billing.Event{renewalEvent(billing.Renewed, "pay-2", now, instant(t, tt.end), "")})
			expectSame(t, s.Current, p.Period)
			expectSame(t, s.AnchorAt, anchor)
			if _, _, events, due := s.Bill("pay-3", order().Method, utc, now); due || len(events) > 0 {
				t.Errorf("it is charged twice, or %v happens", events)
			}
			_, p = bill(t, s, "pay-3", instant(t, tt.end))
			expectInstant(t, p.Period.Start, tt.end)
		})
	}
}

// begun is a subscription of the given period whose first payment was made at
// its anchor.
func begun(t *testing.T, anchor time.Time, months int, cal billing.Calendar) billing.Subscription {
	t.Helper()
	o := order()
	o.Plan.IntervalMonths = months
	s, p, err := o.Start(anchor, cal)
	if err != nil {
		t.Fatal(err)
	}
	s, _, _ = s.Settle(p, paid(399_00), retries, anchor)
	return s
}

func TestFourYearsOfRenewals(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, zone, anchor string
		after48            string // months, written down by hand
	}{
		{"28 January", "UTC", "2026-01-28T10:00:00Z", "2030-01-28T10:00:00Z"},
		{"29 January", "UTC", "2026-01-29T10:00:00Z", "2030-01-29T10:00:00Z"},
		{"30 January", "UTC", "2026-01-30T10:00:00Z", "2030-01-30T10:00:00Z"},
		{"31 January", "UTC", "2026-01-31T10:00:00Z", "2030-01-31T10:00:00Z"},
		{"31 January of a leap year", "UTC", "2024-01-31T10:00:00Z", "2028-01-31T10:00:00Z"},
		{"28 February", "UTC", "2023-02-28T10:00:00Z", "2027-02-28T10:00:00Z"},
		{"28 February of a leap year", "UTC", "2024-02-28T10:00:00Z", "2028-02-28T10:00:00Z"},
		{"29 February", "UTC", "2024-02-29T10:00:00Z", "2028-02-29T10:00:00Z"},
		{"29 February before a year that is no leap year", "UTC", "2096-02-29T10:00:00Z", "2100-02-28T10:00:00Z"},
		{"31 March", "UTC", "2026-03-31T10:00:00Z", "2030-03-31T10:00:00Z"},
		{"30 April", "UTC", "2026-04-30T10:00:00Z", "2030-04-30T10:00:00Z"},
		{"31 May, a minute to midnight", "UTC", "2026-05-31T23:59:00Z", "2030-05-31T23:59:00Z"},
		{"31 August, at midnight", "UTC", "2026-08-31T00:00:00Z", "2030-08-31T00:00:00Z"},
		{"30 November", "UTC", "2025-11-30T10:00:00Z", "2029-11-30T10:00:00Z"},
		{"the year's last second", "UTC", "2026-12-31T23:59:59Z", "2030-12-31T23:59:59Z"},
		{"the year's first moment", "UTC", "2027-01-01T00:00:00Z", "2031-01-01T00:00:00Z"},
		{"the middle of a month, to the microsecond", "UTC", "2026-06-15T12:34:56.789012Z", "2030-06-15T12:34:56.789012Z"},
		{"Berlin, 31 January, a minute to midnight", "Europe/Berlin", "2026-01-31T23:59:00+01:00", "2030-01-31T23:59:00+01:00"},
		{"Berlin, a minute to the new year", "Europe/Berlin", "2025-12-31T23:59:00+01:00", "2029-12-31T23:59:00+01:00"},
		{"Berlin, 29 February, a minute to midnight", "Europe/Berlin", "2024-02-29T23:59:00+01:00", "2028-02-29T23:59:00+01:00"},
		{"Berlin, a time that is skipped in two months", "Europe/Berlin", "2026-01-29T02:30:00+01:00", "2030-01-29T02:30:00+01:00"},
		{"Berlin, a time that comes twice in two months", "Europe/Berlin", "2026-08-25T02:30:00+02:00", "2030-08-25T02:30:00+02:00"},
		{"Berlin, the last minute of winter time", "Europe/Berlin", "2026-03-29T01:59:00+01:00", "2030-03-29T01:59:00+01:00"},
		{"Berlin, the first minute of summer time", "Europe/Berlin", "2026-03-29T03:00:00+02:00", "2030-03-29T03:00:00+01:00"},
		{"Berlin, the first of two 02:30", "Europe/Berlin", "2026-10-25T02:30:00+02:00", "2030-10-25T02:30:00+02:00"},
		{"Berlin, the second of two 02:30", "Europe/Berlin", "2026-10-25T02:30:00+01:00", "2030-10-25T02:30:00+02:00"},
		{"New York, 31 January, a minute to midnight", "America/New_York", "2026-01-31T23:59:00-05:00", "2030-01-31T23:59:00-05:00"},
		{"New York, a minute to the new year", "America/New_York", "2025-12-31T23:59:00-05:00", "2029-12-31T23:59:00-05:00"},
		{"New York, 29 February, 1 March in UTC", "America/New_York", "2024-02-29T20:00:00-05:00", "2028-02-29T20:00:00-05:00"},
		{"New York, 30 January, the 31st in UTC", "America/New_York", "2026-01-30T19:30:00-05:00", "2030-01-30T19:30:00-05:00"},
		{"New York, a time that is skipped next month", "America/New_York", "2026-02-08T02:30:00-05:00", "2030-02-08T02:30:00-05:00"},
		{"New York, the first minute of summer time", "America/New_York", "2026-03-08T03:00:00-04:00", "2030-03-08T03:00:00-05:00"},
		{"New York, the first of two 01:30", "America/New_York", "2026-11-01T01:30:00-04:00", "2030-11-01T01:30:00-04:00"},
		{"New York, the second of two 01:30", "America/New_York", "2026-11-01T01:30:00-05:00", "2030-11-01T01:30:00-04:00"},
		{"Moscow gives up winter time", "Europe/Moscow", "2010-12-31T23:59:00+03:00", "2014-12-31T23:59:00+03:00"},
		{"Moscow, a time that is skipped for good", "Europe/Moscow", "2011-01-27T02:30:00+03:00", "2015-01-27T02:30:00+03:00"},
		{"Moscow, the second 02:30 of its last winter time", "Europe/Moscow", "2010-10-31T02:30:00+03:00", "2014-10-31T02:30:00+03:00"},
		{"Moscow goes back for good, a time that comes twice", "Europe/Moscow", "2014-09-26T01:30:00+04:00", "2018-09-26T01:30:00+03:00"},
		{"Samoa skips the day itself", "Pacific/Apia", "2011-11-30T12:00:00-10:00", "2015-11-30T12:00:00+14:00"},
		{"Kamchatka, 1 February, 31 January in UTC", "Asia/Kamchatka", "2026-02-01T08:00:00+12:00", "2030-02-01T08:00:00+12:00"},
		{"Los Angeles, 31 December, the next year in UTC", "America/Los_Angeles", "2026-12-31T20:00:00-08:00", "2030-12-31T20:00:00-08:00"},
	}
	for _, tt := range tests {
		for _, plan := range []struct{ months, steps int }{{1, 48}, {3, 16}, {12, 12}} {
			for how, late := range map[string][]time.Duration{"on time": onTime(), "always late": alwaysLate()} {
				t.Run(fmt.Sprintf("%s/%d months/%s", tt.name, plan.months, how), func(t *testing.T) {
					t.Parallel()
					loc := zone(t, tt.zone)
					s := renew(t, instant(t, tt.anchor), plan.months, plan.steps, loc, late)
					if plan.months*plan.steps == 48 {
						expectInstant(t, s.Current.Start, tt.after48)
					}
				})
			}
		}
	}
}

func onTime() []time.Duration { return []time.Duration{0} }

func alwaysLate() []time.Duration {
	return []time.Duration{time.Microsecond, time.Minute, 3 * time.Hour, 26 * time.Hour, 9 * 24 * time.Hour, 27 * 24 * time.Hour}
}

// renew renews a subscription again and again, each time so much too late, and
// looks at every date.
func renew(t *testing.T, anchor time.Time, months, steps int, loc *time.Location, late []time.Duration) billing.Subscription {
	t.Helper()
	cal := billing.NewCalendar(loc)
	expected := func(k int) time.Time { return firstInstantThatReads(wallClock(anchor.In(loc), k*months), loc) }
	s := begun(t, anchor, months, cal)
	for k := 1; k <= steps; k++ {
		if due := expected(k); !s.NextChargeAt.Equal(due) {
			t.Fatalf("renewal %d is due at %s, want %s", k, s.NextChargeAt.In(loc), due.In(loc))
		}
		id := billing.PaymentID(fmt.Sprintf("renewal-%d", k))
		now := s.NextChargeAt.Add(late[k%len(late)])
		billed, p, waived, due := s.Bill(id, order().Method, cal, now)
		if !due || len(waived) > 0 {
			t.Fatalf("renewal %d: due is %v, with %v", k, due, waived)
		}
		if !p.Period.Start.Equal(expected(k)) || !p.Period.End.Equal(expected(k+1)) {
			t.Fatalf("renewal %d is for %s to %s, want %s to %s", k,
				p.Period.Start.In(loc), p.Period.End.In(loc), expected(k).In(loc), expected(k+1).In(loc))
		}
		settled, _, happened := billed.Settle(p, paid(399_00), retries, now.Add(90*time.Minute))
		if len(happened) != 1 || happened[0].Type != billing.Renewed || settled.Current != p.Period || !settled.AnchorAt.Equal(anchor) {
			t.Fatalf("renewal %d came out as %+v, %v", k, settled, happened)
		}
		s = settled
	}
	return s
}
