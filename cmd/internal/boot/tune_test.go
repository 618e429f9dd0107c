package boot_test

import (
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/online-cinema/billing/cmd/internal/boot"
)

// Not parallel: there is one garbage collector.
func TestGarbageCollector(t *testing.T) {
	for name, tt := range map[string]struct {
		env  string
		set  func()
		want int
	}{
		"people wait":             {"", boot.TuneForLatency, 300},
		"few charges at once":     {"", func() { boot.TuneForBatch(16) }, 200},
		"more charges at once":    {"", func() { boot.TuneForBatch(256) }, 100},
		"many charges at once":    {"", func() { boot.TuneForBatch(1000) }, 50},
		"the operator has chosen": {"50", boot.TuneForLatency, 50},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("GOGC", tt.env)
			t.Setenv("GOMAXPROCS", "1") // is not what this is about
			before := debug.SetGCPercent(50)
			defer debug.SetGCPercent(before)
			tt.set()
			if got := debug.SetGCPercent(before); got != tt.want {
				t.Errorf("it collects at %d %%, want %d", got, tt.want)
			}
		})
	}
}

// Not parallel: there is one scheduler.
func TestARunLeavesProcessors(t *testing.T) {
	t.Setenv("GOGC", "100") // is not what this is about
	for name, tt := range map[string]struct {
		env       string
		all, want int
	}{
		"half":                    {"", 8, 4},
		"one at least":            {"", 1, 1},
		"the operator has chosen": {"8", 8, 8},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("GOMAXPROCS", tt.env)
			before := runtime.GOMAXPROCS(tt.all)
			defer runtime.GOMAXPROCS(before)
			boot.TuneForBatch(64)
			if got := runtime.GOMAXPROCS(0); got != tt.want {
				t.Errorf("of %d processors it uses %d, want %d", tt.all, got, tt.want)
			}
		})
	}
}
