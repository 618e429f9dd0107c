package renewals_test

import (
	"maps"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
)

// Lookups at one payment system are slow, but do not fail. Those at another one do not
// wait for them.
func TestRun_SlowLookupsDelayNoOther(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		other := w.withProvider("other")
		w.Provider.SetFault(billingtest.ResponseLost)
		other.Provider.SetFault(billingtest.ResponseLost)
		slow, fast := w.addSubscribers(40), other.addSubscribers(250) // more than a sweep takes
		began, last := time.Now(), time.Duration(0)
		other.Provider.OnFind = func() { last = max(last, time.Since(began)) }
		r := w.RenewerOver(w.Store, &faultyProvider{Provider: w.Provider, find: func(int64) error {
			time.Sleep(4 * time.Second)
			return nil
		}})
		r.Concurrency = 1
		maps.Copy(r.Collector.Providers, map[string]ports.Provider{other.Provider.Code: other.Provider})
		w.expectRunOf(r, ports.Summary{Settled: len(slow) + len(fast)}, nil)
		if last > 4*time.Second {
			t.Errorf("the last lookup at the fast payment system was after %v, want at most 4s", last)
		}
		w.expectAll(append(slow, fast...), billing.StatusActive)
	})
}
