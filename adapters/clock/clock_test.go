package clock_test

import (
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/clock"
)

func TestSystemTimeSurvivesTheDatabase(t *testing.T) {
	t.Parallel()
	now := clock.System{}.Now()
	if now.Location() != time.UTC {
		t.Errorf("location is %v, want UTC", now.Location())
	}
	if left := now.Nanosecond() % int(time.Microsecond); left != 0 {
		t.Errorf("%d ns are left over beyond the microsecond", left)
	}
	// Equal to itself after a round trip, with == too: no monotonic reading.
	if kept := time.UnixMicro(now.UnixMicro()).UTC(); kept != now {
		t.Errorf("kept as %v, want %v", kept, now)
	}
	if age := time.Since(now); age < 0 || age > time.Minute {
		t.Errorf("the clock is off by %v", age)
	}
}
