package payments_test

import (
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
)

// A payment waits for its viewer's confirmation while the sweep runs every five
// seconds. Lookups become rare, and the confirmation is found nevertheless.
func TestSweep_LooksUpLessOftenWithAge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Provider.SetFault(billingtest.NeedsConfirmation)
	w.MustSubscribe()
	lookups := 0
	w.Provider.OnFind = func() { lookups++ }
	sweepFor := func(d time.Duration) (n int) {
		before := lookups
		for range d / (5 * time.Second) {
			w.Clock.Advance(5 * time.Second)
			if _, err := w.Process().Sweep(t.Context(), 10, 16); err != nil {
				t.Fatal(err)
			}
		}
		return lookups - before
	}
	for _, tt := range []struct {
		span        time.Duration
		least, most int
	}{
		{time.Minute, 4, 6},
		{9 * time.Minute, 5, 7},
		{50 * time.Minute, 5, 7},
		{2 * time.Hour, 11, 13},
	} {
		if n := sweepFor(tt.span); n < tt.least || n > tt.most {
			t.Errorf("%d lookups in the next %v, want %d to %d", n, tt.span, tt.least, tt.most)
		}
	}
	w.Provider.ConfirmAll()
	sweepFor(10 * time.Minute)
	w.ExpectSubscription(billing.StatusActive, billing.PaymentSucceeded)
}
