package billing_test

import (
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// active returns a subscription that is paid from day 0 to day 31.
func active(t *testing.T) billing.Subscription {
	t.Helper()
	s, p := started(t)
	s, _, _ = s.Settle(p, paid(399_00), retries, utc, day(0))
	return s
}

// renewing returns a subscription whose renewal, for days 31 to 61, is pending
// since day 31.
func renewing(t *testing.T) (billing.Subscription, billing.Payment) {
	t.Helper()
	return bill(t, active(t), "pay-2", day(31))
}

// pastDue returns a subscription whose renewal was declined on day 31, its due
// date.
func pastDue(t *testing.T) billing.Subscription {
	t.Helper()
	s, p := renewing(t)
	s, _, _ = s.Settle(p, declined(billing.InsufficientFunds), retries, utc, day(31))
	return s
}

// retrying returns a subscription whose first retry is pending since day 32.
func retrying(t *testing.T) (billing.Subscription, billing.Payment) {
	t.Helper()
	return bill(t, pastDue(t), "pay-3", day(32))
}

// bill returns the payment at now, counted in UTC, and fails if none is due.
func bill(t *testing.T, s billing.Subscription, id billing.PaymentID, now time.Time) (billing.Subscription, billing.Payment) {
	t.Helper()
	s, p, events, due := s.Bill(id, order().Method, utc, now)
	if !due || len(events) > 0 {
		t.Fatalf("at %s: due = %v, events %v", now, due, events)
	}
	return s, p
}

func renewalEvent(kind billing.EventType, id billing.PaymentID, at, access time.Time, code billing.DeclineCode) billing.Event {
	e := paymentEvent(kind, at, access, code)
	e.PaymentID = id
	return e
}

func removed(at time.Time) billing.PaymentMethod {
	m := order().Method
	m.RemovedAt = at
	return m
}

func TestBill_Renewal(t *testing.T) {
	t.Parallel()
	before := active(t)
	s, p, events, due := before.Bill("pay-2", order().Method, utc, day(31))
	if !due {
		t.Fatal("no renewal is due at the end of the period")
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

	s, p, events = s.Settle(p, paid(399_00), retries, utc, day(32))
	want.Charging, want.Current = false, billing.Period{Start: day(31), End: day(61)}
	expectSame(t, s, want)
	expectSame(t, events, []billing.Event{renewalEvent(billing.EventRenewed, "pay-2", day(32), day(61), "")})
	expectSame(t, p.SettledAt, day(32))
}

func TestBill_AgreedPrice(t *testing.T) {
	t.Parallel()
	s := active(t)
	s.PlanID, s.PlanCode = "another-plan", "premium" // the plan changes
	if _, p := bill(t, s, "pay-2", day(31)); p.Amount != money(399_00, "RUB") {
		t.Errorf("Amount = %s, want the agreed 399.00 RUB", p.Amount)
	}
}

func TestBill_NotDue(t *testing.T) {
	t.Parallel()
	cancelled := func(s billing.Subscription) billing.Subscription { s.CancelAtPeriodEnd = true; return s }
	incomplete, _ := started(t)
	charging, _ := renewing(t)
	retry, _ := retrying(t)
	tests := []struct {
		name   string
		sub    billing.Subscription
		method billing.PaymentMethod
		now    time.Time
	}{
		{"first payment pending", incomplete, order().Method, day(99)},
		{"active, just before the period ends", active(t), order().Method, day(31).Add(-time.Microsecond)},
		{"renewal pending", charging, order().Method, day(31)},
		{"renewal pending for a long time", charging, order().Method, day(99)},
		{"cancelled, renewal pending", cancelled(charging), order().Method, day(99)},
		{"a pending retry", retry, order().Method, day(99)},
		{"past due, just before the retry", pastDue(t), order().Method, day(32).Add(-time.Microsecond)},
		{"cancelled, just before the period ends", cancelled(active(t)), order().Method, day(31).Add(-time.Microsecond)},
		{"ended", subscription(t, billing.StatusEnded, false), order().Method, day(99)},
		{"method removed, renewal not due yet", active(t), removed(day(1)), day(30)},
		{"method removed, renewal pending", charging, removed(day(31)), day(99)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, p, events, due := tt.sub.Bill("pay-9", tt.method, utc, tt.now)
			if due {
				t.Error("due = true, want false")
			}
			expectSame(t, s, tt.sub)
			expectSame(t, p, billing.Payment{})
			expectSame(t, events, []billing.Event(nil))
		})
	}
}

func TestBill_Ends(t *testing.T) {
	t.Parallel()
	cancelled := active(t)
	cancelled.CancelAtPeriodEnd = true
	methodRemoved := event(billing.EventEnded, day(40), time.Time{})
	methodRemoved.DeclineCode = "payment_method_removed"
	unsaved, notSaved := removed(time.Time{}), methodRemoved
	unsaved.CardID, unsaved.Token, notSaved.DeclineCode = "card-1", billing.Secret{}, "payment_method_not_saved"
	periodOver := event(billing.EventEnded, day(31), time.Time{})
	tests := []struct {
		name   string
		sub    billing.Subscription
		method billing.PaymentMethod
		want   billing.Event
	}{
		{"cancelled, period over", cancelled, order().Method, periodOver},
		{"cancelled, period over, method removed", cancelled, removed(day(1)), periodOver},
		{"active, method removed", active(t), removed(day(1)), methodRemoved},
		{"active, method removed at the same instant", active(t), removed(day(40)), methodRemoved},
		{"past due, method removed", pastDue(t), removed(day(33)), methodRemoved},
		{"active, card never saved", active(t), unsaved, notSaved},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, p, events, due := tt.sub.Bill("pay-9", tt.method, utc, day(40))
			if due {
				t.Error("due = true, want false")
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

// A token that could not be decrypted counts neither as removed nor as never saved.
func TestBill_UnreadableToken(t *testing.T) {
	t.Parallel()
	m := billing.PaymentMethod{ID: "method-1", UserID: "user-1", PaymentSystem: "simulator", CardID: "card-1", Unreadable: true}
	s, _, events, due := active(t).Bill("pay-9", m, utc, day(31))
	if !due || !s.Live() {
		t.Errorf("due = %t, the subscription is %s, want it due and active", due, s.Status)
	}
	expectSame(t, events, []billing.Event(nil))
	m.Unreadable = false
	if s, _, _, due := active(t).Bill("pay-9", m, utc, day(31)); due || s.Live() {
		t.Errorf("the card was never saved: due = %t, the subscription is %s, want it ended", due, s.Status)
	}
}

// After an outage the viewer pays once, for the current period.
func TestBill_WaivesMissedPeriods(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name       string
		months     int // per period; the anchor is 31 January 2026 at 10:00
		now        string
		start, end string
		waived     bool
	}{
		{"on time", 1, "2026-02-28T10:00:00Z", "2026-02-28T10:00:00Z", "2026-03-31T10:00:00Z", false},
		{"a week late", 1, "2026-03-07T10:00:00Z", "2026-02-28T10:00:00Z", "2026-03-31T10:00:00Z", false},
		{"a microsecond less than a period late", 1, "2026-03-31T09:59:59.999999Z", "2026-02-28T10:00:00Z", "2026-03-31T10:00:00Z", false},
		{"exactly a period late", 1, "2026-03-31T10:00:00Z", "2026-03-31T10:00:00Z", "2026-04-30T10:00:00Z", true},
		{"one month and a week late", 1, "2026-04-07T10:00:00Z", "2026-03-31T10:00:00Z", "2026-04-30T10:00:00Z", true},
		{"two months and a week late", 1, "2026-05-07T10:00:00Z", "2026-04-30T10:00:00Z", "2026-05-31T10:00:00Z", true},
		{"three months and a week late", 1, "2026-06-07T10:00:00Z", "2026-05-31T10:00:00Z", "2026-06-30T10:00:00Z", true},
		{"13 months and a week late", 1, "2027-04-07T10:00:00Z", "2027-03-31T10:00:00Z", "2027-04-30T10:00:00Z", true},
		{"quarterly, three months late", 3, "2026-07-31T09:00:00Z", "2026-04-30T10:00:00Z", "2026-07-31T10:00:00Z", false},
		{"quarterly, four months late", 3, "2026-08-31T10:00:00Z", "2026-07-31T10:00:00Z", "2026-10-31T10:00:00Z", true},
		{"yearly, eleven months late", 12, "2027-12-31T10:00:00Z", "2027-01-31T10:00:00Z", "2028-01-31T10:00:00Z", false},
		{"yearly, two years late", 12, "2029-02-01T10:00:00Z", "2029-01-31T10:00:00Z", "2030-01-31T10:00:00Z", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			anchor, now := instant(t, "2026-01-31T10:00:00Z"), instant(t, tt.now)
			before := startedAndPaid(t, anchor, tt.months, utc)
			s, p, events, due := before.Bill("pay-2", order().Method, utc, now)
			if !due {
				t.Fatal("no renewal is due")
			}
			expectInstant(t, p.Period.Start, tt.start)
			expectInstant(t, p.Period.End, tt.end)
			if p.Amount != money(399_00, "RUB") {
				t.Errorf("Amount = %s, want the price of one period", p.Amount)
			}
			expectSame(t, events, []billing.Event(nil))

			s, p, events = s.Settle(p, paid(399_00), retries, utc, now)
			want := []billing.Event{renewalEvent(billing.EventRenewed, "pay-2", now, instant(t, tt.end), "")}
			if tt.waived {
				want = append(want, event(billing.EventPeriodsWaived, now, instant(t, tt.end)))
			}
			expectSame(t, events, want)
			expectSame(t, s.Current, p.Period)
			expectSame(t, s.AnchorAt, anchor)
			if _, _, events, due := s.Bill("pay-3", order().Method, utc, now); due || len(events) > 0 {
				t.Errorf("the second Bill: due = %v, events %v", due, events)
			}
			_, p = bill(t, s, "pay-3", instant(t, tt.end))
			expectInstant(t, p.Period.Start, tt.end)
		})
	}
}

// startedAndPaid returns a subscription with the given interval that was paid at
// its anchor.
func startedAndPaid(t *testing.T, anchor time.Time, months int, cal billing.Calendar) billing.Subscription {
	t.Helper()
	o := order()
	o.Plan.IntervalMonths = months
	s, p, _, err := o.Start(anchor, cal)
	if err != nil {
		t.Fatal(err)
	}
	s, _, _ = s.Settle(p, paid(399_00), retries, utc, anchor)
	return s
}
