package clock_test

import (
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/clock"
)

func TestSystemNow_SurvivesDatabase(t *testing.T) {
	t.Parallel()
	now := clock.System{}.Now()
	if now.Location() != time.UTC {
		t.Errorf("location is %v, want UTC", now.Location())
	}
	if left := now.Nanosecond() % int(time.Microsecond); left != 0 {
		t.Errorf("the time has %d ns beyond the microsecond, want 0", left)
	}
	// Compared with ==: the time must have no monotonic reading.
	if stored := time.UnixMicro(now.UnixMicro()).UTC(); stored != now {
		t.Errorf("read back as %v, want %v", stored, now)
	}
	if age := time.Since(now); age < 0 || age > time.Minute {
		t.Errorf("the clock is off by %v", age)
	}
}
