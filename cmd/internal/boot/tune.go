package boot

import (
	"os"
	"runtime"
	"runtime/debug"
)

// Batch sets Go's runtime up for a program that has so many charges under way at
// once for a few seconds, and then ends. GOGC and GOMAXPROCS come first where they
// are set.
//
// Half of the processors are enough for what a run does beside Postgres' work.
// With all of them, Go collects garbage and looks for something to do on those
// that it takes for idle, which a Postgres on the same machine has to share.
//
// With few charges little memory is in use, and three times as much may be there
// before it is collected: that spares a tenth of all CPU for five megabytes. With
// a thousand it is their memory that counts: a run waits for them most of the time.
func TuneForBatch(concurrency int) {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(max(1, runtime.GOMAXPROCS(0)/2))
	}
	const least, most, few = 50, 200, 128
	setGC(max(least, min(most, most*few/concurrency)))
}

// TuneForLatency sets the garbage collector up for a program that people wait for.
// Little is in use between requests, so that it would be collected dozens of times
// a second under load, by processors that requests wait for: four times as much
// may be there. GOGC comes first where it is set.
func TuneForLatency() { setGC(300) }

func setGC(percent int) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}
