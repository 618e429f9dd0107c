package boot

import (
	"os"
	"runtime/debug"
)

// Batch sets the garbage collector up for a program that makes a lot of garbage
// for a few seconds, while so many charges are under way at once. With few of them
// little is in use, and three times as much may be there before it is collected:
// that spares a tenth of all CPU for five megabytes. With many it is Go's own
// twice. GOGC comes first where it is set.
func Batch(concurrency int) {
	const usual, most, few = 100, 200, 64
	setGC(max(usual, min(most, most*few/concurrency)))
}

// Requests sets the garbage collector up for a program that answers requests: each
// leaves a few kilobytes behind, and what stays in use is small, and bounded. Four
// times as much may be there before it is collected, instead of Go's own twice.
// GOGC comes first where it is set.
func Requests() { setGC(300) }

func setGC(percent int) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}
