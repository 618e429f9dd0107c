package billing_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// withReason returns the events of a cancel with the reason of [billing.Subscription.StopRenewal].
func withReason(events []billing.Event) []billing.Event {
	for i := range events {
		events[i].DeclineCode = "payment_method_removed"
	}
	return events
}

func TestStopRenewal(t *testing.T) {
	t.Parallel()
	renewal, _ := renewing(t)
	retry, _ := retrying(t)
	cancelledRetry := retry
	cancelledRetry.CancelAtPeriodEnd = true
	requested := func(at, access time.Time) []billing.Event {
		return withReason([]billing.Event{event(billing.EventCancelRequested, at, access)})
	}
	endedAt := func(at time.Time) []billing.Event {
		return append(requested(at, time.Time{}), withReason([]billing.Event{event(billing.EventEnded, at, time.Time{})})...)
	}
	tests := []struct {
		name   string
		sub    billing.Subscription
		now    time.Time
		events []billing.Event
	}{
		{"incomplete", subscription(t, billing.StatusIncomplete, false), day(0), requested(day(0), time.Time{})},
		{"active", active(t), day(10), requested(day(10), day(31))},
		{"active, renewal pending", renewal, day(31), requested(day(31), day(31))},
		{"active, renewal overdue", active(t), day(32), endedAt(day(32))},
		{"past due", pastDue(t), day(31), endedAt(day(31))},
		{"past due, retry pending", retry, day(32), requested(day(32), day(31))},
		{"past due and cancelled, retry pending", cancelledRetry, day(32), nil},
		{"active and cancelled", subscription(t, billing.StatusActive, true), day(10), nil},
		{"cancelled, period over", subscription(t, billing.StatusActive, true), day(40),
			[]billing.Event{event(billing.EventEnded, day(31), time.Time{})}},
		{"ended", subscription(t, billing.StatusEnded, false), day(10), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, events := tt.sub.StopRenewal(billing.MethodRemoved, tt.now)
			expectSame(t, events, tt.events)
			if got.Live() && !got.CancelAtPeriodEnd {
				t.Errorf("the subscription is neither cancelled nor ended: %+v", got)
			}
			if _, _, _, due := got.Bill("pay-9", removed(tt.now), utc, tt.now.AddDate(0, 2, 0)); due {
				t.Error("the subscription is charged once more")
			}
			again, events := got.StopRenewal(billing.MethodRemoved, tt.now)
			expectSame(t, again, got)
			expectSame(t, events, []billing.Event(nil))
		})
	}
}

func TestResume_MethodRetired(t *testing.T) {
	t.Parallel()
	unsaved := billing.PaymentMethod{ID: "method-1", UserID: "user-1", CardID: "card-1"}
	unreadable := unsaved
	unreadable.Unreadable = true
	tests := []struct {
		name   string
		sub    billing.Subscription
		method billing.PaymentMethod
		cause  string // in the message; empty if the cancel is revoked
	}{
		{"card removed", subscription(t, billing.StatusActive, true), removed(day(5)), "its payment method was removed"},
		{"card removed, not cancelled", subscription(t, billing.StatusActive, false), removed(day(5)), "its payment method was removed"},
		{"card removed, first payment pending", subscription(t, billing.StatusIncomplete, true), removed(day(5)), "its payment method was removed"},
		{"card not saved", subscription(t, billing.StatusActive, true), unsaved, "the payment system did not save its card"},
		{"card not saved yet", subscription(t, billing.StatusIncomplete, true), unsaved, ""},
		{"token not readable", subscription(t, billing.StatusActive, true), unreadable, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, events, err := tt.sub.Resume(tt.method, day(10))
			if tt.cause == "" {
				if err != nil || len(events) != 1 || got.CancelAtPeriodEnd {
					t.Errorf("Resume = %+v, %v, %v, want the cancel revoked", got, events, err)
				}
				return
			}
			expectSame(t, got, tt.sub)
			if !errors.Is(err, billing.ErrInvalidTransition) || len(events) > 0 {
				t.Fatalf("Resume: %v, events %v, want ErrInvalidTransition", err, events)
			}
			for _, part := range []string{tt.cause, "runs until 2026-04-01T12:00:00Z", "PUT /v1/subscriptions/basic/payment-method"} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("the message %q does not contain %q", err, part)
				}
			}
		})
	}
}
