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

// Interactive sets it up for a program that people wait for. Little is in use
// between requests, so that it would be collected dozens of times a second under
// load, by processors that requests wait for: four times as much may be there.
func Interactive() { setGC(300) }

func setGC(percent int) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}
