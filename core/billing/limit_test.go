package billing_test

import (
	"errors"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

func TestLimits_Allow(t *testing.T) {
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
		"no earlier action":                  {limits, nil, 0},
		"one action":                         {limits, ago(0), 0},
		"the hour's limit reached":           {limits, ago(10, 20), 40 * time.Minute},
		"in any order":                       {limits, ago(20, 10), 40 * time.Minute},
		"the hour just over":                 {limits, ago(10, 60), 0},
		"the hour not quite over":            {limits, ago(10, 59), time.Minute},
		"the day's limit reached":            {limits, ago(70, 80, 90, 100), 24*time.Hour - 100*time.Minute},
		"both reached, the longer wait wins": {limits, ago(10, 20, 90, 100), 24*time.Hour - 100*time.Minute},
		"Max of 0":                           {billing.Limits{{Max: 0, Per: time.Hour}}, ago(1, 2, 3), 0},
		"no limits":                          {nil, ago(1, 2, 3), 0},
		"Max of 0 and a limit":               {billing.Limits{{Max: 0, Per: time.Hour}, {Max: 3, Per: 24 * time.Hour}}, ago(1, 2, 3), 24*time.Hour - 3*time.Minute},
	} {
		err := c.limits.Allow(c.past, cardNow, billing.TooManyDeclines)
		var limited *billing.LimitedError
		if errors.As(err, &limited) != (c.wait > 0) || limited != nil && limited.RetryAfter != c.wait {
			t.Errorf("%s: got %v, want a wait of %v", name, err, c.wait)
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
			t.Errorf("%s: got %+v, want Since %v", name, limited, newest)
		}
	}
	if back, n := limits.Window(); back != 24*time.Hour || n != 4 {
		t.Errorf("Window = %v, %d, want 24h0m0s, 4", back, n)
	}
}
