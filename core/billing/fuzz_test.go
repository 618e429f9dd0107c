package billing_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// FuzzPeriods checks that periods follow each other without a gap for any anchor,
// zone and length. Each begins on the anchor's local day and time, or at the
// nearest time that exists. Next returns the period that contains now.
func FuzzPeriods(f *testing.F) {
	zones := []string{ // with clock changes in both hemispheres, permanent ones, and one of a whole day
		"UTC", "Europe/Berlin", "Europe/Moscow", "America/New_York", "America/St_Johns", "America/Sao_Paulo", "Africa/Casablanca",
		"Asia/Kolkata", "Asia/Kamchatka", "Asia/Tehran", "Asia/Pyongyang", "Australia/Lord_Howe", "Pacific/Apia", "Pacific/Kiritimati",
	}
	for i := range zones {
		for _, anchor := range []string{
			"2026-01-31T10:00:00Z", "2024-02-29T23:59:59Z", "2026-01-29T01:30:00Z", "2026-09-25T00:30:00Z", "2011-11-30T10:00:00Z",
			"2025-09-05T15:45:00Z", "2010-03-27T22:00:00Z", "1999-12-31T23:59:59Z",
		} {
			at, err := time.Parse(time.RFC3339, anchor)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(at.Unix(), int64(0), uint8(i), uint8(0), uint16(1), int64(3600))
			f.Add(at.Unix(), int64(123456789), uint8(i), uint8(2), uint16(13), int64(-1))
		}
	}
	const century = 100 * 365 * 24 * 3600
	f.Fuzz(func(t *testing.T, unix, nano int64, zone, length uint8, index uint16, later int64) {
		loc, err := time.LoadLocation(zones[int(zone)%len(zones)])
		if err != nil {
			t.Fatal(err)
		}
		anchor := time.Unix(int64(uint64(unix)%(2*century)), int64(uint64(nano)%1e9)).UTC()
		months, k := int(length)%36+1, int(index)%400
		cal := billing.NewCalendar(loc)
		p, following := cal.Period(anchor, k, months), cal.Period(anchor, k+1, months)
		if !p.Start.Before(p.End) || !p.End.Equal(following.Start) {
			t.Fatalf("period %d is %v, but the next is %v", k, p, following)
		}
		checkDay(t, anchor, p.Start, k*months, loc)
		now := p.End.Add(time.Duration(later%century) * time.Second)
		next := cal.Next(anchor, months, p.End, now)
		switch {
		case now.Before(following.End) && next != following:
			t.Errorf("Next at %v = %v, want %v", now, next, following)
		case !now.Before(next.End), !now.Before(following.End) && now.Before(next.Start):
			t.Errorf("Next at %v = %v", now, next)
		}
	})
}

// checkDay checks the local day and time of got, which is n months after the
// anchor.
func checkDay(t *testing.T, anchor, got time.Time, n int, loc *time.Location) {
	t.Helper()
	if n == 0 {
		return
	}
	first := time.Date(anchor.In(loc).Year(), anchor.In(loc).Month()+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
	day := min(anchor.In(loc).Day(), first.AddDate(0, 1, -1).Day())
	h, m, s := anchor.In(loc).Clock()
	wall := time.Date(first.Year(), first.Month(), day, h, m, s, anchor.Nanosecond(), time.UTC).Format(time.DateTime)
	exists := time.Date(first.Year(), first.Month(), day, h, m, s, anchor.Nanosecond(), loc).Format(time.DateTime) == wall
	if local := got.In(loc).Format(time.DateTime); exists && local != wall || !exists && local <= wall {
		t.Errorf("%d months after %v: got %s in %v, want %s (exists: %t)", n, anchor.In(loc), local, loc, wall, exists)
	}
}

// FuzzCardNumber checks that only valid card numbers are accepted, for any input,
// and that no digit of the input is printed.
func FuzzCardNumber(f *testing.F) {
	for _, text := range []string{
		"4242424242424242", "4242 4242 4242 4242", "4242-4242-4242-4242", "3782 822463 10005", "2200000000000053", "6200000000000000003",
		"4242424242424241", "4242  4242", " 4242", "-4242", "4242-", "٤٢٤٢", "4242\x00", "", "5018000009", "4" + strings.Repeat("0", 300), "67\xff",
	} {
		f.Add(text, 12, 2031, "A VIEWER")
	}
	f.Add("4242424242424242", 0, -1, "4242424242424242")
	now := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string, month, year int, holder string) {
		n := billing.ParseCardNumber(text)
		digits := strings.NewReplacer(" ", "", "-", "").Replace(text)
		if got := n.Reveal(); got != "" && got != digits || got == "" && text != "" && strings.Trim(text, "0123456789") == "" {
			t.Fatalf("ParseCardNumber(%q) = %q", text, got)
		}
		if printed := fmt.Sprintf("%v %+v %#v %s %x %q", n, n, n, n, n, &n); strings.Trim(printed, "* ") != "" {
			t.Fatalf("%q prints as %s", text, printed)
		}
		c, err := billing.NewCard("id", "user", billing.CardDetails{Number: n, ExpMonth: month, ExpYear: year, Holder: holder}, now, billing.Calendar{})
		switch {
		case err != nil && (!errors.Is(err, billing.ErrInvalid) || len(digits) > 3 && strings.Contains(err.Error(), digits)):
			t.Fatalf("NewCard(%q): %v", text, err)
		case err != nil:
			return
		case len(digits) < 12 || len(digits) > 19 || !strings.HasSuffix(digits, c.Last4) || len(c.Last4) != 4 || c.Brand == "":
			t.Fatalf("NewCard(%q) = %+v", text, c)
		case c.Expired(now, billing.Calendar{}) || strings.ContainsAny(c.Holder, "0123456789<>\x00\n"):
			t.Fatalf("NewCard(%q, %d, %d, %q) = %+v", text, month, year, holder, c)
		case len(digits) > 12 && !billing.HoldsCardNumber(digits):
			t.Fatalf("NewCard(%q) succeeded, but HoldsCardNumber is false", text)
		}
	})
}
