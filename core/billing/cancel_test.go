package billing_test

import (
	"errors"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

func TestCancel(t *testing.T) {
	t.Parallel()
	requested := event(billing.EventCancelRequested, day(10), day(31))
	tests := []struct {
		name      string
		status    billing.Status
		cancelled bool // before the call
		at        billing.CancelAt
		events    []billing.Event
		err       error
		want      func(*billing.Subscription)
	}{
		{"incomplete, at period end", billing.StatusIncomplete, false, billing.AtPeriodEnd,
			[]billing.Event{event(billing.EventCancelRequested, day(10), time.Time{})}, nil, toBeCancelled},
		{"incomplete, at period end, repeated", billing.StatusIncomplete, true, billing.AtPeriodEnd, nil, nil, unchanged},
		{"incomplete, now", billing.StatusIncomplete, false, billing.AtOnce, nil, billing.ErrInvalidTransition, unchanged},
		{"incomplete and cancelled, now", billing.StatusIncomplete, true, billing.AtOnce, nil, billing.ErrInvalidTransition, unchanged},
		{"active, at period end", billing.StatusActive, false, billing.AtPeriodEnd, []billing.Event{requested}, nil, toBeCancelled},
		{"active, at period end, repeated", billing.StatusActive, true, billing.AtPeriodEnd, nil, nil, unchanged},
		{"active, now", billing.StatusActive, false, billing.AtOnce, bothNow(), nil, endedNow},
		{"active and cancelled, now", billing.StatusActive, true, billing.AtOnce, bothNow(), nil, endedNow},
		{"ended, at period end", billing.StatusEnded, false, billing.AtPeriodEnd, nil, billing.ErrInvalidTransition, unchanged},
		{"ended by a cancel, at period end", billing.StatusEnded, true, billing.AtPeriodEnd, nil, billing.ErrInvalidTransition, unchanged},
		{"ended, now", billing.StatusEnded, false, billing.AtOnce, nil, billing.ErrInvalidTransition, unchanged},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			before := subscription(t, tt.status, tt.cancelled)
			want := before
			tt.want(&want)
			got, events, err := before.Cancel(tt.at, day(10))
			if !errors.Is(err, tt.err) {
				t.Errorf("got error %v, want %v", err, tt.err)
			}
			expectSame(t, got, want)
			expectSame(t, events, tt.events)
		})
	}
}

func unchanged(*billing.Subscription)       {}
func toBeCancelled(s *billing.Subscription) { s.CancelAtPeriodEnd = true }
func endedNow(s *billing.Subscription) {
	s.Status, s.EndedAt, s.NextChargeAt = billing.StatusEnded, day(10), time.Time{}
}

func bothNow() []billing.Event {
	return []billing.Event{event(billing.EventCancelRequested, day(10), time.Time{}), event(billing.EventEnded, day(10), time.Time{})}
}

func TestResume(t *testing.T) {
	t.Parallel()
	revoked := event(billing.EventCancelRevoked, day(10), day(31))
	tests := []struct {
		name      string
		status    billing.Status
		cancelled bool
		events    []billing.Event
		err       error
	}{
		{"incomplete", billing.StatusIncomplete, false, nil, nil},
		{"incomplete and cancelled", billing.StatusIncomplete, true, []billing.Event{event(billing.EventCancelRevoked, day(10), time.Time{})}, nil},
		{"active", billing.StatusActive, false, nil, nil},
		{"active and cancelled", billing.StatusActive, true, []billing.Event{revoked}, nil},
		{"past due", billing.StatusPastDue, false, nil, nil},
		{"ended", billing.StatusEnded, false, nil, billing.ErrInvalidTransition},
		{"ended by a cancel", billing.StatusEnded, true, nil, billing.ErrInvalidTransition},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			before := subscription(t, tt.status, tt.cancelled)
			want := before
			if tt.err == nil {
				want.CancelAtPeriodEnd = false
			}
			got, events, err := before.Resume(order().Method, day(10))
			if !errors.Is(err, tt.err) {
				t.Errorf("got error %v, want %v", err, tt.err)
			}
			expectSame(t, got, want)
			expectSame(t, events, tt.events)
			repeated, events, _ := got.Resume(order().Method, day(11))
			expectSame(t, repeated, got)
			expectSame(t, events, []billing.Event(nil))
		})
	}
}

// A run may not have ended a cancelled subscription yet, although its period is over.
func TestResume_PeriodOver(t *testing.T) {
	t.Parallel()
	before := subscription(t, billing.StatusActive, true)
	for name, now := range map[string]time.Time{"when the period ends": day(31), "long afterwards": day(60)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, events, err := before.Resume(order().Method, now)
			if !errors.Is(err, billing.ErrInvalidTransition) {
				t.Errorf("got error %v, want %v", err, billing.ErrInvalidTransition)
			}
			expectSame(t, got, before)
			expectSame(t, events, []billing.Event(nil))
		})
	}
}

func TestCancel_AroundRenewal(t *testing.T) {
	t.Parallel()
	firstTry, _ := renewing(t)
	secondTry, _ := retrying(t)
	tests := []struct {
		name    string
		sub     billing.Subscription
		now     time.Time
		waits   bool      // AtPeriodEnd leaves it live; otherwise it ends immediately
		refused bool      // AtOnce is refused
		access  time.Time // after a cancel that leaves it live
	}{
		{"active, just before the period ends", active(t), day(31).Add(-tick), true, false, day(31)},
		{"active, when the period ends", active(t), day(31), false, false, time.Time{}},
		{"active, renewal overdue", active(t), day(40), false, false, time.Time{}},
		{"active, renewal pending", firstTry, day(31), true, true, day(31)},
		{"active, renewal pending for days", firstTry, day(35), true, true, day(31)},
		{"past due, between two retries", pastDue(t), day(31).Add(time.Hour), false, false, time.Time{}},
		{"past due, retry overdue", pastDue(t), day(33), false, false, time.Time{}},
		{"past due, after the grace period", pastDue(t), day(50), false, false, time.Time{}},
		{"past due, retry pending", secondTry, day(32), true, true, day(31)},
	}
	for _, tt := range tests {
		t.Run(tt.name+", at period end", func(t *testing.T) {
			t.Parallel()
			got, events, err := tt.sub.Cancel(billing.AtPeriodEnd, tt.now)
			if err != nil {
				t.Fatal(err)
			}
			if !tt.waits {
				expectCancelledAtOnce(t, tt.sub, got, events, tt.now)
				return
			}
			want := tt.sub
			want.CancelAtPeriodEnd = true
			expectSame(t, got, want)
			expectSame(t, events, []billing.Event{event(billing.EventCancelRequested, tt.now, tt.access)})

			repeated, events, err := got.Cancel(billing.AtPeriodEnd, tt.now)
			expectSame(t, repeated, want)
			expectSame(t, events, []billing.Event(nil))
			if err != nil {
				t.Errorf("the second Cancel: %v", err)
			}
			resumed, events, err := got.Resume(order().Method, tt.now)
			expectSame(t, resumed, tt.sub)
			expectSame(t, events, []billing.Event{event(billing.EventCancelRevoked, tt.now, accessEnd(tt.sub))})
			if err != nil {
				t.Errorf("Resume: %v", err)
			}
		})
		t.Run(tt.name+", now", func(t *testing.T) {
			t.Parallel()
			got, events, err := tt.sub.Cancel(billing.AtOnce, tt.now)
			if !tt.refused {
				if err != nil {
					t.Fatal(err)
				}
				expectCancelledAtOnce(t, tt.sub, got, events, tt.now)
				return
			}
			if !errors.Is(err, billing.ErrInvalidTransition) {
				t.Errorf("Cancel: %v, want ErrInvalidTransition", err)
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
	if until := got.AccessUntil(now, renewalGrace); !until.IsZero() {
		t.Errorf("the subscription has ended, but AccessUntil is %s", until)
	}
	if _, _, err := got.Resume(order().Method, now); !errors.Is(err, billing.ErrInvalidTransition) {
		t.Errorf("Resume: %v, want ErrInvalidTransition", err)
	}
	if _, _, _, due := got.Bill("pay-9", order().Method, utc, now.AddDate(0, 1, 0)); due {
		t.Error("the cancelled subscription is due")
	}
}

// A cancel does not stop a payment that is already pending. No later charge is
// made.
func TestCancel_PaymentPending(t *testing.T) {
	t.Parallel()
	attempts := map[string]func(*testing.T) (billing.Subscription, billing.Payment){"renewal": renewing, "retry": retrying}
	tests := []struct {
		name    string
		outcome billing.Outcome
		kind    billing.EventType // if the payment fails
	}{
		{"paid", paid(399_00), ""},
		{"soft decline", declined(billing.InsufficientFunds), billing.EventPaymentDeclined},
		{"hard decline", declined(billing.CardExpired), billing.EventPaymentDeclined},
		{"unknown decline code", declined(billing.UnknownDecline), billing.EventPaymentDeclined},
		{"never sent", billing.Abandon(billing.NotSent), billing.EventPaymentAbandoned},
		{"refused", billing.Abandon(billing.Refused), billing.EventPaymentAbandoned},
	}
	for attempt, begin := range attempts {
		for _, tt := range tests {
			t.Run(attempt+"/"+tt.name, func(t *testing.T) {
				t.Parallel()
				s, p := begin(t)
				s, _, err := s.Cancel(billing.AtPeriodEnd, day(33))
				if err != nil {
					t.Fatal(err)
				}
				later, events := s.At(day(60))
				expectSame(t, later, s) // still live, because the payment is pending
				expectSame(t, events, []billing.Event(nil))

				got, _, events := s.Settle(p, tt.outcome, retries, utc, day(34))
				if tt.kind != "" {
					expectEnded(t, s, got, events, day(34), renewalEvent(tt.kind, p.ID, day(34), time.Time{}, tt.outcome.DeclineCode))
					return
				}
				want := s
				want.Status, want.Charging, want.Current = billing.StatusActive, false, billing.Period{Start: day(31), End: day(61)}
				want.NextChargeAt, want.PastDueSince, want.GraceUntil = day(61), time.Time{}, time.Time{}
				expectSame(t, got, want)
				expectSame(t, events, []billing.Event{renewalEvent(billing.EventRenewed, p.ID, day(34), day(61), "")})
				ended, _, events, due := got.Bill("pay-9", order().Method, utc, day(70))
				if due || ended.Live() || !ended.EndedAt.Equal(day(61)) {
					t.Errorf("after the paid period, got %+v, want it ended on day 61", ended)
				}
				expectSame(t, events, []billing.Event{event(billing.EventEnded, day(61), time.Time{})})
			})
		}
	}
}

func TestResume_PaymentPending(t *testing.T) {
	t.Parallel()
	for name, outcome := range map[string]billing.Outcome{
		"paid": paid(399_00), "declined": declined(billing.InsufficientFunds), "never sent": billing.Abandon(billing.NotSent),
		"hard decline": declined(billing.LostOrStolen),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, p := retrying(t)
			want, _, wantEvents := s.Settle(p, outcome, retries, utc, day(33))
			s, _, _ = s.Cancel(billing.AtPeriodEnd, day(32))
			s, _, _ = s.Resume(order().Method, day(32))
			got, _, events := s.Settle(p, outcome, retries, utc, day(33))
			expectSame(t, got, want)
			expectSame(t, events, wantEvents)
		})
	}
}

func TestRefuseAnother_WhileRetried(t *testing.T) {
	t.Parallel()
	const pastDueText = "the subscription to plan basic is past due; pay for it with POST /v1/subscriptions/basic/pay, " +
		"or give it another payment method with PUT /v1/subscriptions/basic/payment-method"
	charging, _ := renewing(t)
	retried, _ := retrying(t)
	expectText(t, charging.RefuseAnother(), "there is a live subscription to plan basic already")
	expectText(t, pastDue(t).RefuseAnother(), pastDueText)
	expectText(t, retried.RefuseAnother(), pastDueText)
	if err := pastDue(t).RefuseAnother(); !errors.Is(err, billing.ErrAlreadySubscribed) {
		t.Errorf("got %v, want ErrAlreadySubscribed", err)
	}
	ended, _, _ := pastDue(t).Cancel(billing.AtPeriodEnd, day(33))
	if err := ended.RefuseAnother(); err != nil {
		t.Errorf("after a cancel while past due: %v, want nil", err)
	}
}
