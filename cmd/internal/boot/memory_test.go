package boot_test

import (
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
		"people wait":             {"", boot.Interactive, 300},
		"few charges at once":     {"", func() { boot.Batch(16) }, 200},
		"many charges at once":    {"", func() { boot.Batch(1000) }, 100},
		"the operator has chosen": {"50", boot.Interactive, 50},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("GOGC", tt.env)
			before := debug.SetGCPercent(50)
			defer debug.SetGCPercent(before)
			tt.set()
			if got := debug.SetGCPercent(before); got != tt.want {
				t.Errorf("it collects at %d %%, want %d", got, tt.want)
			}
		})
	}
}
