package boot_test

import (
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/online-cinema/billing/cmd/internal/boot"
)

// Not parallel, because the process has one garbage collector.
func TestTune_GarbageCollector(t *testing.T) {
	for name, tt := range map[string]struct {
		env  string
		set  func()
		want int
	}{
		"latency":                 {"", boot.TuneForLatency, 300},
		"batch of few charges":    {"", func() { boot.TuneForBatch(16) }, 200},
		"batch of more charges":   {"", func() { boot.TuneForBatch(256) }, 100},
		"batch of many charges":   {"", func() { boot.TuneForBatch(1000) }, 50},
		"the operator has chosen": {"50", boot.TuneForLatency, 50},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("GOGC", tt.env)
			t.Setenv("GOMAXPROCS", "1") // keep the processors
			before := debug.SetGCPercent(50)
			defer debug.SetGCPercent(before)
			tt.set()
			if got := debug.SetGCPercent(before); got != tt.want {
				t.Errorf("GOGC is %d, want %d", got, tt.want)
			}
		})
	}
}

// Not parallel, because the process has one scheduler.
func TestTuneForBatch_LeavesProcessors(t *testing.T) {
	t.Setenv("GOGC", "100") // keep the garbage collector
	for name, tt := range map[string]struct {
		env       string
		all, want int
	}{
		"half":                    {"", 8, 4},
		"at least one":            {"", 1, 1},
		"the operator has chosen": {"8", 8, 8},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("GOMAXPROCS", tt.env)
			before := runtime.GOMAXPROCS(tt.all)
			defer runtime.GOMAXPROCS(before)
			boot.TuneForBatch(64)
			if got := runtime.GOMAXPROCS(0); got != tt.want {
				t.Errorf("%d processors: GOMAXPROCS is %d, want %d", tt.all, got, tt.want)
			}
		})
	}
}
