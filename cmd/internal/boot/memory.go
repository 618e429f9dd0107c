package boot

import (
	"os"
	"runtime/debug"
)

// Batch sets the garbage collector up for a program that makes a lot of garbage
// for a few seconds: it lets five times what is in use pile up before it collects,
// which spares a third of all CPU, but never more than 24 MB, and 8 KB for each of
// so many charges at once. GOGC and GOMEMLIMIT come first where they are set.
func Batch(concurrency int) {
	const least, each = 24 << 20, 8 << 10
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(least + each*int64(concurrency))
	}
}
