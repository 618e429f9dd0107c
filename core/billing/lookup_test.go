package billing_test

import (
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

func TestLookupInterval_After(t *testing.T) {
	t.Parallel()
	i := billing.LookupInterval{Min: 10 * time.Second, Max: 10 * time.Minute}
	for _, tt := range []struct{ age, want time.Duration }{
		{-time.Minute, 10 * time.Second}, // in its send window
		{0, 10 * time.Second},
		{20 * time.Second, 10 * time.Second},
		{21 * time.Second, 10500 * time.Millisecond},
		{2 * time.Minute, time.Minute},
		{20 * time.Minute, 10 * time.Minute},
		{21 * time.Minute, 10 * time.Minute},
		{365 * 24 * time.Hour, 10 * time.Minute},
	} {
		if got := i.After(tt.age); got != tt.want {
			t.Errorf("After(%v) = %v, want %v", tt.age, got, tt.want)
		}
	}
}

// A payment that stays pending for a day is looked up often at first, and then every
// ten minutes.
func TestLookupInterval_LookupsPerDay(t *testing.T) {
	t.Parallel()
	i := billing.LookupInterval{Min: 10 * time.Second, Max: 10 * time.Minute}
	count := func(within time.Duration) (n int) {
		for age := time.Duration(0); age <= within; age += i.After(age) {
			n++
		}
		return n
	}
	for within, want := range map[time.Duration]int{time.Minute: 5, 10 * time.Minute: 11, 24 * time.Hour: 155} {
		if got := count(within); got != want {
			t.Errorf("%d lookups within %v, want %d", got, within, want)
		}
	}
}
