package billing_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

func grantRequest(days int) billing.GrantRequest {
	return billing.GrantRequest{ID: "grant-1", Days: days, Source: "incident 42", By: "olga", Reason: "the player was down"}
}

func TestSubscription_Give(t *testing.T) {
	t.Parallel()
	onHold := func(s *billing.Subscription) {
		s.NextChargeAt, s.Hold = time.Time{}, billing.CardExpired
	}
	tests := []struct {
		name      string
		status    billing.Status
		cancelled bool
		change    func(*billing.Subscription)
		days      int
		want      func(*billing.Subscription) // the dates that move
		until     time.Time                   // of the event
	}{
		{"active, days", billing.StatusActive, false, nil, 3, func(s *billing.Subscription) {
			s.Current.End, s.AnchorAt, s.NextChargeAt = day(34), day(34), day(34)
		}, day(34)},
		{"active, a period", billing.StatusActive, false, nil, 0, func(s *billing.Subscription) {
			s.Current.End, s.NextChargeAt = day(61), day(61)
		}, day(61)},
		{"cancelled", billing.StatusActive, true, nil, 3, func(s *billing.Subscription) {
			s.Current.End, s.AnchorAt, s.NextChargeAt = day(34), day(34), day(34)
		}, day(34)},
		{"past due", billing.StatusPastDue, false, nil, 3, func(s *billing.Subscription) {
			s.Current.End, s.AnchorAt, s.NextChargeAt = day(34), day(34), day(35)
			s.PastDueSince, s.GraceUntil = day(34), day(41)
		}, day(41)},
		{"on hold", billing.StatusPastDue, false, onHold, 3, func(s *billing.Subscription) {
			s.Current.End, s.AnchorAt = day(34), day(34)
			s.PastDueSince, s.GraceUntil = day(34), day(41)
		}, day(41)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := subscription(t, tt.status, tt.cancelled)
			if tt.change != nil {
				tt.change(&s)
			}
			want := s
			tt.want(&want)
			got, g, events, err := s.Give(grantRequest(tt.days), utc, day(32).Add(-time.Hour))
			if err != nil {
				t.Fatal(err)
			}
			expectSame(t, got, want)
			if g.Period.Start != day(31) || g.Period.End != want.Current.End || g.By != "olga" || g.SubscriptionID != s.ID || g.UserID != s.UserID {
				t.Errorf("grant %+v, want %s to %s by olga", g, day(31), want.Current.End)
			}
			if len(events) != 1 || events[0].Type != billing.EventPeriodGiven || !events[0].AccessUntil.Equal(tt.until) {
				t.Errorf("events %+v, want period_given until %s", events, tt.until)
			}
		})
	}
}

// A given week across a clock change ends at the same time of day.
func TestSubscription_GiveAcrossClockChange(t *testing.T) {
	t.Parallel()
	s := subscription(t, billing.StatusActive, false)
	s.Current.End = time.Date(2026, time.March, 25, 12, 0, 0, 0, time.UTC) // 13:00 in Berlin
	s, g, _, err := s.Give(grantRequest(7), billing.NewCalendar(zone(t, "Europe/Berlin")), day(2))
	if want := time.Date(2026, time.April, 1, 11, 0, 0, 0, time.UTC); err != nil || g.Period.End != want || s.NextChargeAt != want {
		t.Errorf("the grant ends at %s (%v), want %s", g.Period.End, err, want)
	}
}

func TestSubscription_GiveRefused(t *testing.T) {
	t.Parallel()
	charging := subscription(t, billing.StatusActive, false)
	charging.Charging = true
	for name, c := range map[string]struct {
		sub  billing.Subscription
		part string
	}{
		"ended":      {subscription(t, billing.StatusEnded, false), "has ended"},
		"incomplete": {subscription(t, billing.StatusIncomplete, false), "first payment"},
		"charging":   {charging, "try again in a minute"},
	} {
		got, g, events, err := c.sub.Give(grantRequest(3), utc, day(2))
		expectSame(t, got, c.sub)
		if !errors.Is(err, billing.ErrInvalidTransition) || !strings.Contains(err.Error(), c.part) || g != (billing.Grant{}) || len(events) > 0 {
			t.Errorf("%s: %v, grant %+v, events %v, want %q", name, err, g, events, c.part)
		}
	}
	for field, r := range map[string]billing.GrantRequest{
		"days":   {Days: 367, Source: "a", Reason: "b"},
		"source": {Days: 1, Source: " ", Reason: "b"},
		"reason": {Days: 1, Source: "a", Reason: "card 4242424242424242"},
	} {
		_, _, _, err := subscription(t, billing.StatusActive, false).Give(r, utc, day(2))
		var invalid *billing.InvalidError
		if !errors.As(err, &invalid) || len(invalid.Faults) != 1 || invalid.Faults[0].Field != field {
			t.Errorf("%+v: %v, want a fault of %s", r, err, field)
		}
	}
}
