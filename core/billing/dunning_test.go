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

// reaction is the expected reaction to a decline of a renewal.
type reaction int

const (
	ends reaction = iota
	held
	retriedOnce
	retriedOnSchedule
)

func declineCodes() map[billing.DeclineCode]reaction {
	return map[billing.DeclineCode]reaction{
		"insufficient_funds":      retriedOnSchedule,
		"do_not_honor":            retriedOnSchedule,
		"generic_decline":         retriedOnSchedule,
		"limit_exceeded":          retriedOnSchedule,
		"issuer_unavailable":      retriedOnSchedule,
		"processing_error":        retriedOnSchedule,
		"blocked_by_psp":          retriedOnSchedule,
		"duplicate_transaction":   retriedOnSchedule,
		"unknown":                 retriedOnce,
		"card_expired":            held,
		"lost_or_stolen":          held,
		"incorrect_number":        held,
		"invalid_expiry":          held,
		"not_permitted":           held,
		"token_invalid":           held,
		"currency_not_supported":  held,
		"incorrect_cvc":           held,
		"authentication_required": held,
		"authentication_failed":   held,
		"action_expired":          held,
		"suspected_fraud":         ends,
		"mandate_revoked":         ends,
	}
}

func TestSettle_EveryDeclineCode(t *testing.T) {
	t.Parallel()
	for _, code := range billing.DeclineCodes() {
		if _, listed := declineCodes()[code]; !listed {
			t.Errorf("the table has no row for %s", code)
		}
	}
	for code, want := range declineCodes() {
		t.Run(string(code), func(t *testing.T) {
			t.Parallel()
			s, p := renewing(t)
			known := day(31).Add(7 * time.Minute)
			first, _, events := s.Settle(p, declined(code), retries, utc, known)
			switch want {
			case ends:
				expectEnded(t, s, first, events, known, renewalEvent(billing.EventPaymentDeclined, "pay-2", known, time.Time{}, code))
				return
			case held:
				expectHeld(t, s, first, events, renewalEvent(billing.EventPaymentDeclined, "pay-2", known, day(38), code))
				return
			}
			expectRetry(t, s, first, events, day(32),
				renewalEvent(billing.EventPaymentDeclined, "pay-2", known, day(38), code))

			s, p = bill(t, first, "pay-3", day(32))
			second, _, events := s.Settle(p, declined(code), retries, utc, day(32))
			if want == retriedOnce {
				expectHeld(t, s, second, events, renewalEvent(billing.EventPaymentDeclined, "pay-3", day(32), day(38), code))
				return
			}
			expectRetry(t, s, second, events, day(34),
				renewalEvent(billing.EventPaymentDeclined, "pay-3", day(32), day(38), code))
		})
	}
}

// expectHeld checks that a failed renewal due on day 31 put the subscription on hold:
// the viewer has access until day 38, nothing is charged meanwhile, and then it ends.
func expectHeld(t *testing.T, before, got billing.Subscription, events []billing.Event, cause billing.Event) {
	t.Helper()
	want := before
	want.Status, want.Charging, want.NextChargeAt, want.Hold = billing.StatusPastDue, false, time.Time{}, cause.DeclineCode
	want.PastDueSince, want.GraceUntil = day(31), day(38)
	expectSame(t, got, want)
	action := cause
	action.Type = billing.EventPaymentActionRequired
	expectSame(t, events, []billing.Event{cause, action})

	for at := cause.At; at.Before(day(38)); at = at.Add(time.Hour) {
		if until := got.AccessUntil(at, renewalGrace); until != day(38) {
			t.Fatalf("at %s AccessUntil is %s, want day 38", at, until)
		}
		if next, _, events, due := got.Bill("pay-9", order().Method, utc, at); due || len(events) > 0 || next != got {
			t.Fatalf("at %s Bill returned %+v, %v", at, next, events)
		}
	}
	if until := got.AccessUntil(day(38), renewalGrace); !until.IsZero() {
		t.Errorf("the grace has ended, but AccessUntil is %s", until)
	}
	for _, at := range []time.Time{day(38), day(50)} {
		over, _, events, due := got.Bill("pay-9", order().Method, utc, at)
		want.Status, want.Hold, want.EndedAt = billing.StatusEnded, "", day(38)
		want.PastDueSince, want.GraceUntil = time.Time{}, time.Time{}
		expectSame(t, over, want)
		end := event(billing.EventEnded, day(38), time.Time{})
		end.DeclineCode = cause.DeclineCode
		expectSame(t, events, []billing.Event{end})
		if due {
			t.Errorf("at %s a charge is due", at)
		}
	}
}

// expectRetry checks that a renewal due on day 31 is past due, with a retry at the
// given time.
func expectRetry(t *testing.T, before, got billing.Subscription, events []billing.Event, at time.Time, cause billing.Event) {
	t.Helper()
	want := before
	want.Status, want.Charging, want.NextChargeAt = billing.StatusPastDue, false, at
	want.PastDueSince, want.GraceUntil = day(31), day(38)
	expectSame(t, got, want)
	cause.RetryAt = at
	expectSame(t, events, []billing.Event{cause})
}

// expectEnded checks that a failed renewal ended the subscription.
func expectEnded(t *testing.T, before, got billing.Subscription, events []billing.Event, at time.Time, cause billing.Event) {
	t.Helper()
	want := before
	want.Status, want.Charging, want.NextChargeAt, want.EndedAt = billing.StatusEnded, false, time.Time{}, at
	want.PastDueSince, want.GraceUntil = time.Time{}, time.Time{}
	expectSame(t, got, want)
	ended := cause
	ended.Type = billing.EventEnded
	expectSame(t, events, []billing.Event{cause, ended})
	if until := got.AccessUntil(at, renewalGrace); !until.IsZero() {
		t.Errorf("the subscription has ended, but AccessUntil is %s", until)
	}
	if next, _, events, due := got.Bill("pay-9", order().Method, utc, at.AddDate(0, 3, 0)); due || len(events) > 0 || next != got {
		t.Errorf("the subscription has ended, but Bill returned %+v, %v", next, events)
	}
}

func TestSettle_AdviceOverridesCode(t *testing.T) {
	t.Parallel()
	for advice, holds := range map[billing.Advice]bool{
		billing.DoNotRetry: true, billing.NewCardNeeded: true, "unknown advice": true, billing.ConsentWithdrawn: false,
	} {
		for code, reaction := range declineCodes() {
			t.Run(fmt.Sprintf("%s/%s", advice, code), func(t *testing.T) {
				t.Parallel()
				expect := func(before, got billing.Subscription, events []billing.Event, id billing.PaymentID, at time.Time) {
					t.Helper()
					if holds && reaction != ends {
						expectHeld(t, before, got, events, renewalEvent(billing.EventPaymentDeclined, id, at, day(38), code))
						return
					}
					expectEnded(t, before, got, events, at, renewalEvent(billing.EventPaymentDeclined, id, at, time.Time{}, code))
				}
				o := declined(code)
				o.Advice, o.RetryAfter = advice, time.Hour
				before, p := renewing(t)
				s, _, events := before.Settle(p, o, retries, utc, day(31))
				expect(before, s, events, "pay-2", day(31))

				before, p = retrying(t)
				s, _, events = before.Settle(p, o, retries, utc, day(32))
				expect(before, s, events, "pay-3", day(32))
			})
		}
	}
}

func TestSettle_HardDeclineOfRetry(t *testing.T) {
	t.Parallel()
	before, p := retrying(t)
	s, _, events := before.Settle(p, declined(billing.CardExpired), retries, utc, day(32))
	expectHeld(t, before, s, events, renewalEvent(billing.EventPaymentDeclined, "pay-3", day(32), day(38), billing.CardExpired))

	before, p = bill(t, pastDue(t), "pay-3", day(38))
	s, _, events = before.Settle(p, declined(billing.CardExpired), retries, utc, day(38))
	expectEnded(t, before, s, events, day(38),
		renewalEvent(billing.EventPaymentDeclined, "pay-3", day(38), time.Time{}, billing.CardExpired))
}

func TestSettle_UnknownTokenHolds(t *testing.T) {
	t.Parallel()
	before, p := renewing(t)
	s, _, events := before.Settle(p, billing.Abandon(billing.TokenUnknown), retries, utc, day(31))
	expectHeld(t, before, s, events, renewalEvent(billing.EventPaymentAbandoned, "pay-2", day(31), day(38), billing.TokenUnknown))
}

func TestSettle_PaidRetryKeepsAnchor(t *testing.T) {
	t.Parallel()
	for _, at := range []time.Time{day(32), day(36).Add(5 * time.Hour), day(60)} {
		before, p := bill(t, pastDue(t), "pay-3", at)
		s, _, events := before.Settle(p, paid(399_00), retries, utc, at)
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

func TestBill_RetryPaysForItsPeriod(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]time.Time{
		"as the period ends":  day(61),
		"after a long outage": day(70),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, p := bill(t, pastDue(t), "pay-3", at)
			expectSame(t, p.Period, billing.Period{Start: day(31), End: day(61)})
			s, _, events := s.Settle(p, paid(399_00), retries, utc, at)
			expectSame(t, events, []billing.Event{renewalEvent(billing.EventRenewed, "pay-3", at, day(61), "")})
			_, p = bill(t, s, "pay-4", at)
			expectSame(t, p.Period, billing.Period{Start: day(61), End: day(92)})
		})
	}
}

// The viewer was told that access lasts until day 38.
func TestSettle_ShorterScheduleKeepsAnnouncedEnd(t *testing.T) {
	t.Parallel()
	shorter := schedule(24*time.Hour, 72*time.Hour)
	before, p := bill(t, pastDue(t), "pay-3", day(34))
	s, _, events := before.Settle(p, declined(billing.InsufficientFunds), shorter, utc, day(34))
	expectRetry(t, before, s, events, day(38), renewalEvent(billing.EventPaymentDeclined, "pay-3", day(34), day(38), billing.InsufficientFunds))

	before, p = bill(t, s, "pay-4", day(38))
	s, _, events = before.Settle(p, declined(billing.InsufficientFunds), shorter, utc, day(38))
	expectEnded(t, before, s, events, day(38), renewalEvent(billing.EventPaymentDeclined, "pay-4", day(38), time.Time{}, billing.InsufficientFunds))
}

func TestAccessUntil_WhileRetried(t *testing.T) {
	t.Parallel()
	firstTry, _ := renewing(t)
	secondTry, _ := retrying(t)
	tests := []struct {
		name       string
		sub        billing.Subscription
		now, until time.Time
	}{
		{"renewal pending", firstTry, day(31), day(32)},
		{"renewal pending for days", firstTry, day(35), time.Time{}},
		{"past due", pastDue(t), day(31), day(38)},
		{"past due, near the end of grace", pastDue(t), day(37), day(38)},
		{"past due, retry overdue", pastDue(t), day(45), time.Time{}},
		{"retry pending", secondTry, day(33), day(38)},
		{"retry pending for days", secondTry, day(39), time.Time{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			expectSame(t, tt.sub.AccessUntil(tt.now, renewalGrace), tt.until)
		})
	}
}

func TestSettle_NotSentIsDueImmediately(t *testing.T) {
	t.Parallel()
	renewal, renewalPay := renewing(t)
	retry, retryPay := retrying(t)
	last, lastPay := bill(t, pastDue(t), "pay-3", day(38))
	tests := []struct {
		name   string
		before billing.Subscription
		pay    billing.Payment
		now    time.Time
		next   time.Time
		access time.Time
	}{
		{"a renewal", renewal, renewalPay, day(33), day(31), day(31)},
		{"a retry", retry, retryPay, day(33), day(33), day(38)},
		{"the last retry, days later", last, lastPay, day(41), day(41), day(38)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, p, events := tt.before.Settle(tt.pay, billing.Abandon(billing.NotSent), retries, utc, tt.now)
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

// A rejected request may be caused by a bug of the service, which can be fixed
// before the next retry.
func TestSettle_RefusedRenewalIsRetried(t *testing.T) {
	t.Parallel()
	before, p := renewing(t)
	s, _, events := before.Settle(p, billing.Abandon(billing.Refused), retries, utc, day(31))
	expectRetry(t, before, s, events, day(32), renewalEvent(billing.EventPaymentAbandoned, "pay-2", day(31), day(38), billing.Refused))

	before, p = bill(t, s, "pay-3", day(38))
	s, _, events = before.Settle(p, billing.Abandon(billing.Refused), retries, utc, day(38))
	expectEnded(t, before, s, events, day(38),
		renewalEvent(billing.EventPaymentAbandoned, "pay-3", day(38), time.Time{}, billing.Refused))
}

func TestMayResend(t *testing.T) {
	t.Parallel()
	renewal, renewalPay := renewing(t)
	retry, retryPay := retrying(t)
	first, firstPay := started(t)
	cancelled := renewal
	cancelled.CancelAtPeriodEnd = true
	paidSub, paidPay, _ := renewal.Settle(renewalPay, paid(399_00), retries, utc, day(31))
	declinedSub, declinedPay, _ := renewal.Settle(renewalPay, declined(billing.DoNotHonor), retries, utc, day(31))
	tests := []struct {
		name   string
		sub    billing.Subscription
		pay    billing.Payment
		method billing.PaymentMethod
		now    time.Time
		want   bool
	}{
		{"a renewal", renewal, renewalPay, order().Method, day(31), true},
		{"a renewal, just before its period is over", renewal, renewalPay, order().Method, day(61).Add(-tick), true},
		{"a renewal whose period is over", renewal, renewalPay, order().Method, day(61), false},
		{"a retry", retry, retryPay, order().Method, day(32), true},
		{"the viewer's own payment", first, firstPay, order().Method, day(0), false},
		{"a renewal of a cancelled subscription", cancelled, renewalPay, order().Method, day(31), false},
		{"a renewal whose method was removed", renewal, renewalPay, removed(day(31)), day(31), false},
		{"a paid renewal", paidSub, paidPay, order().Method, day(31), false},
		{"a declined renewal", declinedSub, declinedPay, order().Method, day(31), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := tt.sub.MayResend(tt.pay, tt.method, tt.now); got != tt.want {
				t.Errorf("MayResend = %v, want %v", got, tt.want)
			}
		})
	}
}
