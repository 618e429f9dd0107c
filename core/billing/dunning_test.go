package billing_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

const (
	days = 24 * time.Hour
	tick = time.Microsecond
)

// How often a renewal is tried again after a decline.
type again int

const (
	never again = iota
	once
	asScheduled
)

func declineCodes() map[billing.DeclineCode]again {
	return map[billing.DeclineCode]again{
		"insufficient_funds":      asScheduled,
		"do_not_honor":            asScheduled,
		"generic_decline":         asScheduled,
		"limit_exceeded":          asScheduled,
		"issuer_unavailable":      asScheduled,
		"processing_error":        asScheduled,
		"blocked_by_psp":          asScheduled,
		"duplicate_transaction":   asScheduled,
		"unknown":                 once,
		"card_expired":            never,
		"lost_or_stolen":          never,
		"suspected_fraud":         never,
		"incorrect_number":        never,
		"invalid_expiry":          never,
		"not_permitted":           never,
		"mandate_revoked":         never,
		"token_invalid":           never,
		"currency_not_supported":  never,
		"incorrect_cvc":           never,
		"authentication_required": never,
		"authentication_failed":   never,
		"action_expired":          never,
	}
}

func TestEveryDeclineCode(t *testing.T) {
	t.Parallel()
	for _, code := range billing.DeclineCodes() {
		if _, listed := declineCodes()[code]; !listed {
			t.Errorf("nobody says what %s leads to", code)
		}
	}
	for code, want := range declineCodes() {
		t.Run(string(code), func(t *testing.T) {
			t.Parallel()
			if code.MayRetry() != (want != never) {
				t.Errorf("MayRetry is %v", code.MayRetry())
			}
			s, p := renewing(t)
			known := day(31).Add(7 * time.Minute)
			first, _, events := s.Settle(p, declined(code), retries, known)
			if want == never {
				expectEnded(t, s, first, events, known, renewalEvent(billing.EventPaymentDeclined, "pay-2", known, time.Time{}, code))
				return
			}
			expectRetry(t, s, first, events, day(32),
				renewalEvent(billing.EventPaymentDeclined, "pay-2", known, day(38), code))

			s, p = bill(t, first, "pay-3", day(32))
			second, _, events := s.Settle(p, declined(code), retries, day(32))
			if want == once {
				expectEnded(t, s, second, events, day(32), renewalEvent(billing.EventPaymentDeclined, "pay-3", day(32), time.Time{}, code))
				return
			}
			expectRetry(t, s, second, events, day(34),
				renewalEvent(billing.EventPaymentDeclined, "pay-3", day(32), day(38), code))
		})
	}
}

// expectRetry checks that a renewal which was due on day 31 is tried again.
func expectRetry(t *testing.T, before, got billing.Subscription, events []billing.Event, at time.Time, why billing.Event) {
	t.Helper()
	want := before
	want.Status, want.Charging, want.NextChargeAt = billing.StatusPastDue, false, at
	want.PastDueSince, want.GraceUntil = day(31), day(38)
	expectSame(t, got, want)
	why.RetryAt = at
	expectSame(t, events, []billing.Event{why})
}

// expectEnded checks that a renewal which was not paid ended the subscription.
func expectEnded(t *testing.T, before, got billing.Subscription, events []billing.Event, at time.Time, why billing.Event) {
	t.Helper()
	want := before
	want.Status, want.Charging, want.NextChargeAt, want.EndedAt = billing.StatusEnded, false, time.Time{}, at
	want.PastDueSince, want.GraceUntil = time.Time{}, time.Time{}
	expectSame(t, got, want)
	ended := why
	ended.Type = billing.EventEnded
	expectSame(t, events, []billing.Event{why, ended})
	if until := got.AccessUntil(at); !until.IsZero() {
		t.Errorf("it ended, and may be watched until %s", until)
	}
	if next, _, events, due := got.Bill("pay-9", order().Method, utc, at.AddDate(0, 3, 0)); due || len(events) > 0 || next != got {
		t.Errorf("it ended, and is billed: %+v, %v", next, events)
	}
}

func TestAdviceWins(t *testing.T) {
	t.Parallel()
	for _, advice := range []billing.Advice{
		billing.DoNotRetry, billing.NewCardNeeded, billing.ConsentWithdrawn, "an advice of tomorrow",
	} {
		for code, want := range declineCodes() {
			if want == never {
				continue
			}
			t.Run(fmt.Sprintf("%s/%s", advice, code), func(t *testing.T) {
				t.Parallel()
				o := declined(code)
				o.Advice, o.RetryAfter = advice, time.Hour
				before, p := renewing(t)
				s, _, events := before.Settle(p, o, retries, day(31))
				expectEnded(t, before, s, events, day(31), renewalEvent(billing.EventPaymentDeclined, "pay-2", day(31), time.Time{}, code))

				before, p = retrying(t)
				s, _, events = before.Settle(p, o, retries, day(32))
				expectEnded(t, before, s, events, day(32), renewalEvent(billing.EventPaymentDeclined, "pay-3", day(32), time.Time{}, code))
			})
		}
	}
}

func TestAHardDeclineOfARetry(t *testing.T) {
	t.Parallel()
	before, p := retrying(t)
	s, _, events := before.Settle(p, declined(billing.CardExpired), retries, day(32))
	expectEnded(t, before, s, events, day(32),
		renewalEvent(billing.EventPaymentDeclined, "pay-3", day(32), time.Time{}, billing.CardExpired))
}

func TestAPaidRetryKeepsTheAnchor(t *testing.T) {
	t.Parallel()
	for _, at := range []time.Time{day(32), day(36).Add(5 * time.Hour), day(60)} {
		before, p := bill(t, pastDue(t), "pay-3", at)
		s, _, events := before.Settle(p, paid(399_00), retries, at)
		want := before
		want.Status, want.Charging, want.NextChargeAt = billing.StatusActive, false, day(61)
		want.Current = billing.Period{Start: day(31), End: day(61)}
		want.PastDueSince, want.GraceUntil = time.Time{}, time.Time{}
		expectSame(t, s, want)
		expectSame(t, events, []billing.Event{renewalEvent(billing.EventRenewed, "pay-3", at, day(61), "")})

		_, p = bill(t, s, "pay-4", day(61))
		expectSame(t, p.Period, billing.Period{Start: day(61), End: day(92)})
	}
}

func TestARetryAfterTheWholePeriod(t *testing.T) {
	t.Parallel()
	s, p, events, due := pastDue(t).Bill("pay-3", order().Method, utc, day(70))
	if !due {
		t.Fatal("it is not tried again")
	}
	expectSame(t, p.Period, billing.Period{Start: day(61), End: day(92)})
	expectSame(t, events, []billing.Event(nil))
	s, _, events = s.Settle(p, paid(399_00), retries, day(70))
	if len(events) != 2 || events[1].Type != billing.EventPeriodsWaived {
		t.Errorf("events are %+v, want renewed and the waiver", events)
	}
	expectSame(t, s.Current, billing.Period{Start: day(61), End: day(92)})
	expectSame(t, s.AnchorAt, day(0))
}

func TestAccessWhileItIsTriedAgain(t *testing.T) {
	t.Parallel()
	firstTry, _ := renewing(t)
	secondTry, _ := retrying(t)
	tests := []struct {
		name       string
		sub        billing.Subscription
		now, until time.Time
	}{
		{"the renewal is pending", firstTry, day(31), day(31)},
		{"the renewal is pending for days", firstTry, day(35), day(35)},
		{"past due", pastDue(t), day(31), day(38)},
		{"past due, later", pastDue(t), day(37), day(38)},
		{"past due, nobody comes round", pastDue(t), day(45), day(45)},
		{"the retry is pending", secondTry, day(33), day(38)},
		{"the retry is pending for days", secondTry, day(39), day(39)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			expectSame(t, tt.sub.AccessUntil(tt.now), tt.until)
		})
	}
}

func TestWhatWasNeverSentIsDueAgainAtOnce(t *testing.T) {
	t.Parallel()
	fresh, freshPay := renewing(t)
	again, againPay := retrying(t)
	last, lastPay := bill(t, pastDue(t), "pay-3", day(38))
	tests := []struct {
		name   string
		before billing.Subscription
		pay    billing.Payment
		now    time.Time
		next   time.Time
		access time.Time
	}{
		{"a renewal", fresh, freshPay, day(33), day(31), day(33)},
		{"a retry", again, againPay, day(33), day(33), day(38)},
		{"the last retry, days later", last, lastPay, day(41), day(41), day(41)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, p, events := tt.before.Settle(tt.pay, billing.Abandon(billing.NotSent), retries, tt.now)
			want := tt.before
			want.Charging, want.NextChargeAt = false, tt.next
			expectSame(t, s, want)
			expectSame(t, p.Status, billing.PaymentAbandoned)
			expectSame(t, events, []billing.Event{
				renewalEvent(billing.EventPaymentAbandoned, tt.pay.ID, tt.now, tt.access, billing.NotSent),
			})
			_, p = bill(t, s, "pay-4", tt.now)
			expectSame(t, p.Period, billing.Period{Start: day(31), End: day(61)})
		})
	}
}

// A request that the payment system calls wrong may be our mistake, and mended.
func TestARefusedRenewalIsTriedAgain(t *testing.T) {
	t.Parallel()
	before, p := renewing(t)
	s, _, events := before.Settle(p, billing.Abandon(billing.Refused), retries, day(31))
	expectRetry(t, before, s, events, day(32), renewalEvent(billing.EventPaymentAbandoned, "pay-2", day(31), day(38), billing.Refused))

	before, p = bill(t, s, "pay-3", day(38))
	s, _, events = before.Settle(p, billing.Abandon(billing.Refused), retries, day(38))
	expectEnded(t, before, s, events, day(38),
		renewalEvent(billing.EventPaymentAbandoned, "pay-3", day(38), time.Time{}, billing.Refused))
}

func TestMayResend(t *testing.T) {
	t.Parallel()
	fresh, freshPay := renewing(t)
	again, againPay := retrying(t)
	first, firstPay := started(t)
	cancelled := fresh
	cancelled.CancelAtPeriodEnd = true
	paidSub, paidPay, _ := fresh.Settle(freshPay, paid(399_00), retries, day(31))
	unpaid, unpaidPay, _ := fresh.Settle(freshPay, declined(billing.DoNotHonor), retries, day(31))
	tests := []struct {
		name   string
		sub    billing.Subscription
		pay    billing.Payment
		method billing.PaymentMethod
		now    time.Time
		want   bool
	}{
		{"a renewal", fresh, freshPay, order().Method, day(31), true},
		{"a renewal, weeks later", fresh, freshPay, order().Method, day(61).Add(-tick), true},
		{"a renewal whose period is over", fresh, freshPay, order().Method, day(61), false},
		{"a retry", again, againPay, order().Method, day(32), true},
		{"the viewer's own payment", first, firstPay, order().Method, day(0), false},
		{"a renewal that the viewer cancelled", cancelled, freshPay, order().Method, day(31), false},
		{"a renewal whose method was removed", fresh, freshPay, removed(day(31)), day(31), false},
		{"a renewal that is paid", paidSub, paidPay, order().Method, day(31), false},
		{"a renewal that was declined", unpaid, unpaidPay, order().Method, day(31), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := tt.sub.MayResend(tt.pay, tt.method, tt.now); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
