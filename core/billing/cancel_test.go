package billing_test

import (
	"errors"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

func TestCancelAroundARenewal(t *testing.T) {
	t.Parallel()
	firstTry, _ := renewing(t)
	secondTry, _ := retrying(t)
	tests := []struct {
		name   string
		sub    billing.Subscription
		now    time.Time
		flags  bool      // at the period's end: the cancel waits; else it ends at once
		refuse bool      // at once
		access time.Time // after a cancel that waits
	}{
		{"active, a moment before its period is over", active(t), day(31).Add(-tick), true, false, day(31)},
		{"active, as its period is over", active(t), day(31), false, false, time.Time{}},
		{"active, its renewal overdue", active(t), day(40), false, false, time.Time{}},
		{"active, its renewal in flight", firstTry, day(31), true, true, day(31)},
		{"active, its renewal in flight for days", firstTry, day(35), true, true, day(35)},
		{"past due, between two tries", pastDue(t), day(31).Add(time.Hour), false, false, time.Time{}},
		{"past due, a try overdue", pastDue(t), day(33), false, false, time.Time{}},
		{"past due, after the grace", pastDue(t), day(50), false, false, time.Time{}},
		{"past due, a retry in flight", secondTry, day(32), true, true, day(38)},
	}
	for _, tt := range tests {
		t.Run(tt.name+", at the period's end", func(t *testing.T) {
			t.Parallel()
			got, events, err := tt.sub.Cancel(billing.AtPeriodEnd, tt.now)
			if err != nil {
				t.Fatal(err)
			}
			if !tt.flags {
				expectCancelledAtOnce(t, tt.sub, got, events, tt.now)
				return
			}
			want := tt.sub
			want.CancelAtPeriodEnd = true
			expectSame(t, got, want)
			expectSame(t, events, []billing.Event{event(billing.EventCancelRequested, tt.now, tt.access)})

			again, events, err := got.Cancel(billing.AtPeriodEnd, tt.now)
			expectSame(t, again, want)
			expectSame(t, events, []billing.Event(nil))
			if err != nil {
				t.Errorf("cancelling again is refused: %v", err)
			}
			back, events, err := got.Resume(tt.now)
			expectSame(t, back, tt.sub)
			expectSame(t, events, []billing.Event{event(billing.EventCancelRevoked, tt.now, tt.access)})
			if err != nil {
				t.Errorf("taking it back is refused: %v", err)
			}
		})
		t.Run(tt.name+", now", func(t *testing.T) {
			t.Parallel()
			got, events, err := tt.sub.Cancel(billing.AtOnce, tt.now)
			if !tt.refuse {
				if err != nil {
					t.Fatal(err)
				}
				expectCancelledAtOnce(t, tt.sub, got, events, tt.now)
				return
			}
			if !errors.Is(err, billing.ErrInvalidTransition) {
				t.Errorf("got the error %v", err)
			}
			expectSame(t, got, tt.sub)
			expectSame(t, events, []billing.Event(nil))
		})
	}
}

func expectCancelledAtOnce(t *testing.T, before, got billing.Subscription, events []billing.Event, now time.Time) {
	t.Helper()
	want := before
	want.Status, want.EndedAt, want.NextChargeAt = billing.StatusEnded, now, time.Time{}
	want.PastDueSince, want.GraceUntil = time.Time{}, time.Time{}
	expectSame(t, got, want)
	expectSame(t, events, []billing.Event{
		event(billing.EventCancelRequested, now, time.Time{}), event(billing.EventEnded, now, time.Time{}),
	})
	if until := got.AccessUntil(now); !until.IsZero() {
		t.Errorf("it ended, and may be watched until %s", until)
	}
	if _, _, err := got.Resume(now); !errors.Is(err, billing.ErrInvalidTransition) {
		t.Errorf("taking it back: got the error %v", err)
	}
	if _, _, _, due := got.Bill("pay-9", order().Method, utc, now.AddDate(0, 1, 0)); due {
		t.Error("it is cancelled, and billed")
	}
}

// A cancel that comes when the charge is on its way does not stop that, and
// nothing comes after.
func TestCancelWithAChargeInFlight(t *testing.T) {
	t.Parallel()
	tries := map[string]func(*testing.T) (billing.Subscription, billing.Payment){"renewal": renewing, "retry": retrying}
	tests := []struct {
		name    string
		outcome billing.Outcome
		kind    billing.EventType // of a payment that was not made
	}{
		{"paid", paid(399_00), ""},
		{"declined for now", declined(billing.InsufficientFunds), billing.EventPaymentDeclined},
		{"declined for good", declined(billing.CardExpired), billing.EventPaymentDeclined},
		{"declined for no known reason", declined(billing.UnknownDecline), billing.EventPaymentDeclined},
		{"never sent", billing.Abandon(billing.NotSent), billing.EventPaymentAbandoned},
		{"refused", billing.Abandon(billing.Refused), billing.EventPaymentAbandoned},
	}
	for what, begin := range tries {
		for _, tt := range tests {
			t.Run(what+"/"+tt.name, func(t *testing.T) {
				t.Parallel()
				s, p := begin(t)
				s, _, err := s.Cancel(billing.AtPeriodEnd, day(33))
				if err != nil {
					t.Fatal(err)
				}
				same, events := s.At(day(60))
				expectSame(t, same, s) // it waits for the payment
				expectSame(t, events, []billing.Event(nil))

				got, _, events := s.Settle(p, tt.outcome, retries, day(34))
				if tt.kind != "" {
					expectEnded(t, s, got, events, day(34), renewalEvent(tt.kind, p.ID, day(34), time.Time{}, tt.outcome.DeclineCode))
					return
				}
				want := s
				want.Status, want.Charging, want.Current = billing.StatusActive, false, billing.Period{Start: day(31), End: day(61)}
				want.NextChargeAt, want.PastDueSince, want.GraceUntil = day(61), time.Time{}, time.Time{}
				expectSame(t, got, want)
				expectSame(t, events, []billing.Event{renewalEvent(billing.EventRenewed, p.ID, day(34), day(61), "")})
				over, _, events, due := got.Bill("pay-9", order().Method, utc, day(70))
				if due || over.Live() || !over.EndedAt.Equal(day(61)) {
					t.Errorf("cancelled, and after what was paid it is %+v", over)
				}
				expectSame(t, events, []billing.Event{event(billing.EventEnded, day(61), time.Time{})})
			})
		}
	}
}

func TestACancelTakenBackInFlightIsAsIfItNeverWas(t *testing.T) {
	t.Parallel()
	for name, outcome := range map[string]billing.Outcome{
		"paid": paid(399_00), "declined": declined(billing.InsufficientFunds), "never sent": billing.Abandon(billing.NotSent),
		"declined for good": declined(billing.LostOrStolen),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, p := retrying(t)
			want, _, wantEvents := s.Settle(p, outcome, retries, day(33))
			s, _, _ = s.Cancel(billing.AtPeriodEnd, day(32))
			s, _, _ = s.Resume(day(32))
			got, _, events := s.Settle(p, outcome, retries, day(33))
			expectSame(t, got, want)
			expectSame(t, events, wantEvents)
		})
	}
}

func TestRefuseAnotherWhileItIsTriedAgain(t *testing.T) {
	t.Parallel()
	const pastDueText = "the subscription to plan basic is past due and will be charged again; " +
		"to pay by another method, cancel it and subscribe again"
	charging, _ := renewing(t)
	again, _ := retrying(t)
	expectText(t, charging.RefuseAnother(), "there is a live subscription to plan basic already")
	expectText(t, pastDue(t).RefuseAnother(), pastDueText)
	expectText(t, again.RefuseAnother(), pastDueText)
	if err := pastDue(t).RefuseAnother(); !errors.Is(err, billing.ErrAlreadySubscribed) {
		t.Errorf("%v is not ErrAlreadySubscribed", err)
	}
	ended, _, _ := pastDue(t).Cancel(billing.AtPeriodEnd, day(33))
	if err := ended.RefuseAnother(); err != nil {
		t.Errorf("cancelled during dunning, and another is refused: %v", err)
	}
}
