package operators

import (
	"fmt"
	"testing"
	"time"
)

func TestCounters_Bounded(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	cs := make(counters)
	for i := range 3 * maxCounters {
		cs.get(fmt.Sprint(i), begin.Add(time.Duration(i)*time.Millisecond)).fail(begin.Add(time.Duration(i) * time.Millisecond))
		if len(cs) > maxCounters {
			t.Fatalf("%d counters, want at most %d", len(cs), maxCounters)
		}
	}
	if c := cs[fmt.Sprint(3*maxCounters-1)]; c == nil || c.failures != 1 {
		t.Errorf("the newest counter is %+v", c)
	}
	if cs["0"] != nil {
		t.Error("the oldest counter still exists")
	}
}

func TestCounters_StartAgain(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	cs := make(counters)
	cs.get("a", begin).fail(begin)
	if c := cs.get("a", begin.Add(counterLife-1)); c.failures != 1 {
		t.Errorf("%d failures before its life ended, want 1", c.failures)
	}
	if c := cs.get("a", begin.Add(counterLife)); c.failures != 0 {
		t.Errorf("%d failures after its life ended, want 0", c.failures)
	}
}
