package billing_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/online-cinema/billing/core/billing"
)

func TestAgreement_Subscribe(t *testing.T) {
	t.Parallel()
	o := order()
	o.TermsVersion = "2026-03"
	o.Plan.IntervalMonths = 3
	_, p, events, err := o.Start(day(0), utc)
	if err != nil {
		t.Fatal(err)
	}
	want := event(billing.EventAgreed, p.CreatedAt, p.SettledAt)
	want.Agreement = billing.Agreement{
		Price: money(399_00, "RUB"), IntervalMonths: 3, DueNow: p.Amount, FirstChargeAt: day(92), TermsVersion: "2026-03",
	}
	expectSame(t, events, []billing.Event{want})
}

// A payment for a period that is past due is a new agreement to its price. The next
// charge follows at the end of that period.
func TestAgreement_Pay(t *testing.T) {
	t.Parallel()
	r := request("pay-3", 399_00)
	r.TermsVersion = "оферта 7"
	_, p, events, err := onHold(t, billing.CardExpired).Pay(r, utc, day(33))
	if err != nil {
		t.Fatal(err)
	}
	want := event(billing.EventAgreed, day(33), day(38))
	want.Agreement = billing.Agreement{
		Price: money(399_00, "RUB"), IntervalMonths: 1, DueNow: p.Amount, FirstChargeAt: day(61), TermsVersion: "оферта 7",
	}
	expectSame(t, events, []billing.Event{want})
}

func TestAgreement_RefusesTermsVersion(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		version string
		valid   bool
	}{
		"none":            {"", true},
		"a date":          {"2026-11-01", true},
		"the longest":     {strings.Repeat("я", 64), true},
		"one too long":    {strings.Repeat("я", 65), false},
		"a card number":   {"v4242 4242 4242 4242", false},
		"a line break":    {"1\n2", false},
		"an invisible":    {"1\u200b", false},
		"not UTF-8":       {"\xff", false},
		"right-to-left":   {"1\u202e2", false},
		"a short number":  {"42424242", true},
		"a digest's head": {"sha256:1f0a529d0e4c538f57", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, r := order(), request("pay-3", 399_00)
			o.TermsVersion, r.TermsVersion = c.version, c.version
			_, _, started, err := o.Start(day(0), utc)
			_, _, paid, err2 := onHold(t, billing.CardExpired).Pay(r, utc, day(33))
			if c.valid {
				if err != nil || err2 != nil || started[0].Agreement.TermsVersion != c.version || paid[0].Agreement.TermsVersion != c.version {
					t.Errorf("Start and Pay = %+v, %v, %+v, %v", started, err, paid, err2)
				}
				return
			}
			for _, err := range []error{err, err2} {
				var invalid *billing.InvalidError
				if !errors.As(err, &invalid) || invalid.Faults[0].Field != "terms_version" {
					t.Errorf("the error is %v, want a fault of terms_version", err)
				}
			}
		})
	}
}
