package billing_test

import (
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

func TestKeyLimits(t *testing.T) {
	t.Parallel()
	first := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	until := first.Add(20 * time.Second)
	limits := billing.KeyLimits{Settling: 5 * time.Minute, Horizon: 23 * time.Hour}
	for name, tt := range map[string]struct {
		limits                   billing.KeyLimits
		lookup                   time.Time
		closed, final, forgotten bool
	}{
		"in the send window":            {limits, until.Add(-1), false, false, false},
		"at the end of the window":      {limits, until, true, false, false},
		"before the settling time":      {limits, until.Add(5*time.Minute - 1), true, false, false},
		"after the settling time":       {limits, until.Add(5 * time.Minute), true, true, false},
		"before the horizon":            {limits, first.Add(23*time.Hour - 1), true, true, false},
		"at the horizon":                {limits, first.Add(23 * time.Hour), true, true, true},
		"without limits, at the window": {billing.KeyLimits{}, until, true, true, false},
		"without limits, a year later":  {billing.KeyLimits{}, first.AddDate(1, 0, 0), true, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := billing.SendTimes{First: first, Until: until, Lookup: tt.lookup}
			if got := at.WindowClosed(); got != tt.closed {
				t.Errorf("WindowClosed() = %t, want %t", got, tt.closed)
			}
			if got := tt.limits.AbsenceFinal(at); got != tt.final {
				t.Errorf("AbsenceFinal() = %t, want %t", got, tt.final)
			}
			if got := tt.limits.Forgotten(at); got != tt.forgotten {
				t.Errorf("Forgotten() = %t, want %t", got, tt.forgotten)
			}
		})
	}
}
