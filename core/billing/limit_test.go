package billing_test

import (
	"errors"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

func TestLimits(t *testing.T) {
	t.Parallel()
	limits := billing.Limits{{Max: 2, Per: time.Hour}, {Max: 4, Per: 24 * time.Hour}}
	ago := func(minutes ...int) []time.Time {
		var times []time.Time
		for _, m := range minutes {
			times = append(times, cardNow.Add(-time.Duration(m)*time.Minute))
		}
		return times
	}
	for name, c := range map[string]struct {
		limits billing.Limits
		past   []time.Time
		wait   time.Duration
	}{
		"nothing yet":              {limits, nil, 0},
		"one":                      {limits, ago(0), 0},
		"as many as an hour takes": {limits, ago(10, 20), 40 * time.Minute},
		"in any order":             {limits, ago(20, 10), 40 * time.Minute},
		"just over":                {limits, ago(10, 60), 0},
		"just not over":            {limits, ago(10, 59), time.Minute},
		"as many as a day takes":   {limits, ago(70, 80, 90, 100), 24*time.Hour - 100*time.Minute},
		"both: the longer counts":  {limits, ago(10, 20, 90, 100), 24*time.Hour - 100*time.Minute},
		"no limit":                 {billing.Limits{{Max: 0, Per: time.Hour}}, ago(1, 2, 3), 0},
		"no limits":                {nil, ago(1, 2, 3), 0},
		"one limit of two":         {billing.Limits{{Max: 0, Per: time.Hour}, {Max: 3, Per: 24 * time.Hour}}, ago(1, 2, 3), 24*time.Hour - 3*time.Minute},
	} {
		err := c.limits.Allow(c.past, cardNow, billing.EventDeclineLimitReached)
		var limited *billing.LimitedError
		if errors.As(err, &limited) != (c.wait > 0) || limited != nil && limited.RetryAfter != c.wait {
			t.Errorf("%s: %v, want to wait for %v", name, err, c.wait)
		}
		if limited == nil {
			continue
		}
		newest := c.past[0]
		for _, p := range c.past {
			if p.After(newest) {
				newest = p
			}
		}
		if !limited.Since.Equal(newest) || !errors.Is(err, billing.ErrRateLimited) || !errors.Is(err, billing.Limited) {
			t.Errorf("%s: %+v, want since %v", name, limited, newest)
		}
	}
	if back, most := limits.Window(); back != 24*time.Hour || most != 4 {
		t.Errorf("Span = %v, %d", back, most)
	}
}
