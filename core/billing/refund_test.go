package billing_test

import (
	"errors"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

var refundNow = time.Date(2026, time.March, 11, 9, 0, 0, 0, time.UTC)

// paidMarch returns an active subscription and its first payment, of 310.00 for March.
func paidMarch() (billing.Subscription, billing.Payment) {
	start := time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	march := billing.Period{Start: start, End: start.AddDate(0, 1, 0)}
	s := billing.Subscription{
		ID: "s", UserID: "u", PlanCode: "basic", MethodID: "m", PaymentSystem: "fake", Price: money(310_00, "RUB"), IntervalMonths: 1,
		Status: billing.StatusActive, AnchorAt: start, Current: march, NextChargeAt: march.End, LatestPaymentID: "p", StartedAt: start, CreatedAt: start,
	}
	return s, billing.Payment{
		ID: "p", UserID: "u", SubscriptionID: "s", MethodID: "m", PaymentSystem: "fake", Initiator: billing.CustomerInitiated,
		Amount: s.Price, Period: march, Status: billing.PaymentSucceeded, CreatedAt: start, SettledAt: start,
	}
}

func TestUnused_RoundsInViewersFavour(t *testing.T) {
	t.Parallel()
	_, p := paidMarch()
	at := func(day, hour int) time.Time { return time.Date(2026, time.March, day, hour, 0, 0, 0, time.UTC) }
	moscow := billing.NewCalendar(time.FixedZone("MSK", 3*60*60))
	for _, tt := range []struct {
		name                   string
		cal                    billing.Calendar
		now                    time.Time
		amount, refunded, want int64
	}{
		{"before the period", utc, at(-3, 0), 310_00, 0, 310_00},
		{"on its first day", utc, at(1, 23), 310_00, 0, 310_00},
		{"on the second day", utc, at(2, 0), 310_00, 0, 300_00},
		{"on the second day in Moscow only", moscow, at(1, 21), 310_00, 0, 300_00},
		{"on its last whole day", utc, at(31, 23), 310_00, 0, 10_00},
		{"on the day of its end", utc, at(32, 11), 310_00, 0, 0},
		{"after its end", utc, at(60, 0), 310_00, 0, 0},
		{"not a whole number", utc, at(11, 9), 100, 0, 68}, // 21 of 31 days of 100 are 67.7
		{"most is refunded already", utc, at(2, 0), 310_00, 309_00, 1_00},
		{"all is refunded already", utc, at(2, 0), 310_00, 310_00, 0},
		{"the largest amount", utc, at(1, 12), billing.MaxAmount, 0, billing.MaxAmount},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := p
			p.Amount.Amount, p.Refunded = tt.amount, tt.refunded
			if got := p.Unused(tt.cal, tt.now); got != money(tt.want, "RUB") {
				t.Errorf("unused: %s, want %d", got, tt.want)
			}
		})
	}
}

func TestRefund_ReservesAmount(t *testing.T) {
	t.Parallel()
	s, p := paidMarch()
	for _, tt := range []struct {
		name     string
		amount   billing.Money
		refunded int64
		status   billing.PaymentStatus
		want     int64 // 0 for an error
		err      error
	}{
		{"everything", billing.Money{}, 0, billing.PaymentSucceeded, 310_00, nil},
		{"the rest", billing.Money{}, 300_00, billing.PaymentSucceeded, 10_00, nil},
		{"a part", money(1, "RUB"), 0, billing.PaymentSucceeded, 1, nil},
		{"exactly the rest", money(10_00, "RUB"), 300_00, billing.PaymentSucceeded, 10_00, nil},
		{"one unit too many", money(10_01, "RUB"), 300_00, billing.PaymentSucceeded, 0, billing.ErrRefundExceedsPayment},
		{"more than the payment", money(310_01, "RUB"), 0, billing.PaymentSucceeded, 0, billing.ErrRefundExceedsPayment},
		{"nothing is left", billing.Money{}, 310_00, billing.PaymentSucceeded, 0, billing.ErrRefundExceedsPayment},
		{"another currency", money(1, "USD"), 0, billing.PaymentSucceeded, 0, billing.ErrInvalid},
		{"a negative amount", money(-1, "RUB"), 0, billing.PaymentSucceeded, 0, billing.ErrInvalid},
		{"no amount in a currency", money(0, "RUB"), 0, billing.PaymentSucceeded, 0, billing.ErrInvalid},
		{"a pending payment", billing.Money{}, 0, billing.PaymentPending, 0, billing.ErrInvalidTransition},
		{"a declined payment", billing.Money{}, 0, billing.PaymentDeclined, 0, billing.ErrInvalidTransition},
		{"an abandoned payment", money(1, "RUB"), 0, billing.PaymentAbandoned, 0, billing.ErrInvalidTransition},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := p
			p.Refunded, p.Status = tt.refunded, tt.status
			after, paid, r, events, err := s.Refund(billing.RefundRequest{ID: "r", Payment: p, Amount: tt.amount, By: "ann", Reason: " ticket 4711 "}, refundNow)
			if !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) {
				t.Fatalf("error %v, want %v", err, tt.err)
			}
			if err != nil {
				return
			}
			if paid.Refunded != tt.refunded+tt.want || r.Amount != money(tt.want, "RUB") || after != s {
				t.Errorf("reserved %d of %d for %s, subscription changed: %t", paid.Refunded, p.Amount.Amount, r.Amount, after != s)
			}
			if r.Reason != "ticket 4711" || r.By != "ann" || r.Status != billing.PaymentPending || r.PaymentID != "p" || !r.CreatedAt.Equal(refundNow) {
				t.Errorf("refund %+v", r)
			}
			expectTypes(t, events, billing.EventRefundRequested)
			if events[0].Amount != r.Amount || !events[0].AccessUntil.Equal(s.Current.End) {
				t.Errorf("event %+v, want the amount of the refund and the same access", events[0])
			}
		})
	}
}

func TestRefund_NeedsReason(t *testing.T) {
	t.Parallel()
	s, p := paidMarch()
	for _, reason := range []string{"", "  ", "card 4242 4242 4242 4242", "\xff"} {
		if _, _, _, _, err := s.Refund(billing.RefundRequest{ID: "r", Payment: p, By: "ann", Reason: reason}, refundNow); !errors.Is(err, billing.ErrInvalid) {
			t.Errorf("reason %q: error %v, want invalid", reason, err)
		}
	}
}

func TestRefund_EndNow(t *testing.T) {
	t.Parallel()
	s, p := paidMarch()
	ended, _, r, events, err := s.Refund(billing.RefundRequest{ID: "r", Payment: p, EndNow: true, By: "ann", Reason: "leaves"}, refundNow)
	if err != nil || ended.Status != billing.StatusEnded || !ended.EndedAt.Equal(refundNow) || !r.EndNow {
		t.Fatalf("%s at %v, error %v; want ended now", ended.Status, ended.EndedAt, err)
	}
	expectTypes(t, events, billing.EventRefundRequested, billing.EventCancelRequested, billing.EventEnded)
	if _, extra, more, wait := ended.SendRefund(r, p, refundNow); wait || extra != nil || len(more) > 0 {
		t.Errorf("before the refund is sent: wait %t, extra %v, events %v; want nothing", wait, extra, more)
	}
	older := p
	older.ID, older.SettledAt = "older", refundNow.Add(-time.Second)
	if _, extra, _, _ := ended.SendRefund(r, older, refundNow); extra != nil {
		t.Errorf("a payment from before the request is refunded too: %+v", extra)
	}
}

// A renewal that is at the payment system settles before the subscription ends. If it was
// paid, it is refunded too.
func TestRefund_EndNowWhileRenewing(t *testing.T) {
	t.Parallel()
	s, p := paidMarch()
	s.Charging, s.LatestPaymentID = true, "q"
	cancelled, _, r, events, err := s.Refund(billing.RefundRequest{ID: "r", Payment: p, EndNow: true, By: "ann", Reason: "leaves"}, refundNow)
	if err != nil || cancelled.Status != billing.StatusActive || !cancelled.CancelAtPeriodEnd {
		t.Fatalf("%s, cancelled %t, error %v; want cancelled", cancelled.Status, cancelled.CancelAtPeriodEnd, err)
	}
	expectTypes(t, events, billing.EventRefundRequested, billing.EventCancelRequested)

	renewal := p
	renewal.ID, renewal.Initiator, renewal.Status, renewal.SettledAt = "q", billing.MerchantInitiated, billing.PaymentPending, time.Time{}
	renewal.Period, renewal.CreatedAt = billing.Period{Start: s.Current.End, End: s.Current.End.AddDate(0, 1, 0)}, refundNow
	if _, _, _, wait := cancelled.SendRefund(r, renewal, refundNow); !wait {
		t.Error("the refund does not wait for the renewal")
	}
	later := refundNow.Add(time.Minute)
	paid, renewal, _ := cancelled.Settle(renewal, billing.Outcome{Status: billing.PaymentSucceeded, Amount: renewal.Amount}, retries, utc, later)
	over, extra, events, wait := paid.SendRefund(r, renewal, later)
	if wait || over.Status != billing.StatusEnded || extra == nil {
		t.Fatalf("after the renewal: wait %t, %s, extra refund %v; want ended with an extra refund", wait, over.Status, extra)
	}
	expectTypes(t, events, billing.EventCancelRequested, billing.EventEnded, billing.EventRefundRequested)
	if extra.PaymentID != "q" || extra.Amount != renewal.Amount || extra.By != "ann" || extra.EndNow {
		t.Errorf("extra refund %+v, want the whole renewal", extra)
	}
	if _, again, _, _ := paid.SendRefund(r, renewal, later); again.ID != extra.ID || again.ID == r.ID {
		t.Errorf("extra refund has the ids %s and %s, want the same id twice, and not that of the refund", extra.ID, again.ID)
	}
}

func TestSettleRefund_Transitions(t *testing.T) {
	t.Parallel()
	s, p := paidMarch()
	_, _, r, _, err := s.Refund(billing.RefundRequest{ID: "r", Payment: p, By: "ann", Reason: "x"}, refundNow)
	if err != nil {
		t.Fatal(err)
	}
	const pending, succeeded, declined, abandoned = billing.PaymentPending, billing.PaymentSucceeded, billing.PaymentDeclined, billing.PaymentAbandoned
	for _, tt := range []struct {
		from, outcome, want billing.PaymentStatus
		event               billing.EventType // empty for none
	}{
		{pending, pending, pending, ""},
		{pending, "nonsense", pending, ""},
		{pending, succeeded, succeeded, billing.EventRefunded},
		{pending, declined, declined, billing.EventRefundFailed},
		{pending, abandoned, abandoned, billing.EventRefundFailed},
		{succeeded, pending, succeeded, ""},
		{succeeded, succeeded, succeeded, ""},
		{succeeded, declined, declined, billing.EventRefundFailed}, // weeks later
		{succeeded, abandoned, succeeded, ""},
		{declined, succeeded, declined, ""},
		{declined, declined, declined, ""},
		{abandoned, succeeded, abandoned, ""},
		{abandoned, declined, abandoned, ""},
	} {
		r := r
		r.Status = tt.from
		after, events := s.SettleRefund(r, billing.RefundOutcome{Status: tt.outcome, DeclineCode: billing.GenericDecline}, refundNow)
		if after.Status != tt.want || (len(events) == 1) != (tt.event != "") || len(events) == 1 && events[0].Type != tt.event {
			t.Errorf("%s, then %s: %s with the events %v; want %s with %q", tt.from, tt.outcome, after.Status, events, tt.want, tt.event)
		}
	}
}

func TestReviewRefund_Once(t *testing.T) {
	t.Parallel()
	s, p := paidMarch()
	_, _, r, _, _ := s.Refund(billing.RefundRequest{ID: "r", Payment: p, By: "ann", Reason: "x"}, refundNow)
	r, events := s.ReviewRefund(r, refundNow)
	expectTypes(t, events, billing.EventRefundNeedsReview)
	if again, events := s.ReviewRefund(r, refundNow.Add(time.Hour)); !again.NeedsReview() || again != r || len(events) > 0 {
		t.Errorf("again: %+v, %v; want no change", again, events)
	}
	for _, as := range []billing.PaymentStatus{billing.PaymentSucceeded, billing.PaymentDeclined, billing.PaymentAbandoned} {
		o, err := r.Decide(as)
		if after, _ := s.SettleRefund(r, o, refundNow); err != nil || after.Status != as || after.NeedsReview() {
			t.Errorf("decided as %s: %s, %v", as, after.Status, err)
		}
	}
	if _, err := r.Decide("paid"); !errors.Is(err, billing.ErrInvalid) {
		t.Errorf("decided as paid: %v, want invalid", err)
	}
}

func TestRefundLate_WholeAmountOnce(t *testing.T) {
	t.Parallel()
	s, p := paidMarch()
	if _, _, _, ok := s.RefundLate(p, refundNow); ok {
		t.Error("a payment in time is refunded")
	}
	p.Status, p.ChargedLateAt = billing.PaymentAbandoned, refundNow
	reserved, first, events, ok := s.RefundLate(p, refundNow)
	if !ok || first.Amount != p.Amount || first.By != billing.ByService {
		t.Fatalf("refund %+v, %t; want the whole amount", first, ok)
	}
	expectTypes(t, events, billing.EventRefundRequested)
	if _, second, _, _ := s.RefundLate(p, refundNow.Add(time.Hour)); second.ID != first.ID || !billing.IsID(string(first.ID)) {
		t.Errorf("ids %s and %s, want the same UUID", first.ID, second.ID)
	}
	if _, _, _, ok := s.RefundLate(reserved, refundNow); ok {
		t.Error("it is refunded twice")
	}
}

func TestSettle_LateSuccessGivesNoAccess(t *testing.T) {
	t.Parallel()
	s, p := paidMarch()
	ended := s
	ended.Status, ended.EndedAt = billing.StatusEnded, refundNow
	for name, tt := range map[string]struct {
		sub    billing.Subscription
		status billing.PaymentStatus
		amount int64
		late   bool
		want   billing.PaymentStatus
	}{
		"abandoned before":             {s, billing.PaymentAbandoned, 310_00, true, billing.PaymentAbandoned},
		"declined before":              {s, billing.PaymentDeclined, 310_00, true, billing.PaymentDeclined},
		"its subscription ended":       {ended, billing.PaymentPending, 310_00, true, billing.PaymentSucceeded},
		"another amount":               {s, billing.PaymentAbandoned, 310_01, false, billing.PaymentAbandoned},
		"another amount after its end": {ended, billing.PaymentPending, 310_01, false, billing.PaymentPending},
		"succeeded before":             {s, billing.PaymentSucceeded, 310_00, false, billing.PaymentSucceeded},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := p
			p.Status = tt.status
			o := billing.Outcome{Status: billing.PaymentSucceeded, Amount: money(tt.amount, "RUB"), ProviderRef: "ref"}
			after, paid, events := tt.sub.Settle(p, o, retries, utc, refundNow)
			if after != tt.sub || paid.Status != tt.want || paid.ChargedLateAt.IsZero() == tt.late {
				t.Errorf("the payment is %s, charged late at %v; want %s, late %t, and the same subscription", paid.Status, paid.ChargedLateAt, tt.want, tt.late)
			}
			contradicted := tt.status != billing.PaymentSucceeded
			if (paid.Contradiction != "") != contradicted || (len(events) == 1 && events[0].Type == billing.EventPaymentContradicted) != contradicted {
				t.Errorf("contradiction %q, events %v", paid.Contradiction, events)
			}
		})
	}
}

func TestRecordedRefund_NeverExceedsPayment(t *testing.T) {
	t.Parallel()
	s, p := paidMarch()
	p.Refunded = 300_00
	at := refundNow.Add(-time.Hour)
	if _, _, _, err := s.RecordedRefund(p, "re_1", money(10_01, "RUB"), at, refundNow); !errors.Is(err, billing.ErrRefundExceedsPayment) {
		t.Errorf("error %v, want that the refunds exceed the payment", err)
	}
	paid, r, events, err := s.RecordedRefund(p, "re_1", money(10_00, "RUB"), at, refundNow)
	if err != nil || paid.Refunded != 310_00 || r.Status != billing.PaymentSucceeded || r.By != billing.ByProvider || r.ProviderRef != "re_1" || !r.SettledAt.Equal(at) {
		t.Errorf("%+v, %v", r, err)
	}
	expectTypes(t, events, billing.EventRefunded)
}

func expectTypes(t *testing.T, events []billing.Event, want ...billing.EventType) {
	t.Helper()
	if len(events) != len(want) {
		t.Fatalf("events %v, want %v", events, want)
	}
	for i, e := range events {
		if e.Type != want[i] {
			t.Errorf("event %d is %s, want %s", i, e.Type, want[i])
		}
	}
}
