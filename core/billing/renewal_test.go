package billing_test

import (
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
	expectSame(t, events, []billing.Event{renewalEvent(billing.EventRenewed, "pay-2", day(32), day(61), "")})
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
		{"what has ended", subscription(t, billing.StatusEnded, false), order().Method, day(99)},
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
	gone := event(billing.EventEnded, day(40), time.Time{})
	gone.DeclineCode = "payment_method_removed"
	over := event(billing.EventEnded, day(31), time.Time{})
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
			want.Status, want.EndedAt, want.NextChargeAt = billing.StatusEnded, tt.want.At, time.Time{}
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
			expectSame(t, events, []billing.Event(nil))

			s, p, events = s.Settle(p, paid(399_00), retries, now)
			want := []billing.Event{renewalEvent(billing.EventRenewed, "pay-2", now, instant(t, tt.end), "")}
			if tt.waived {
				want = append(want, event(billing.EventPeriodsWaived, now, instant(t, tt.end)))
			}
			expectSame(t, events, want)
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
