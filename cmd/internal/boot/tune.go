package boot

import (
	"os"
	"runtime"
	"runtime/debug"
)

// TuneForBatch tunes the Go runtime for a program that runs this many charges
// concurrently for some seconds and then ends. GOGC and GOMAXPROCS take precedence
// if they are set.
//
// Half of the processors are enough for a run besides the work of Postgres. With
// all of them, Go uses processors that it takes for idle to collect garbage and to
// look for runnable goroutines. A Postgres on the same machine needs those.
//
// With few charges little memory is in use. Letting it triple before a collection
// saves a tenth of the CPU time for five megabytes. With a thousand charges their
// memory matters more, because a run waits for responses most of the time.
func TuneForBatch(concurrency int) {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(max(1, runtime.GOMAXPROCS(0)/2))
	}
	const minGOGC, maxGOGC, fewCharges = 50, 200, 128
	setGC(max(minGOGC, min(maxGOGC, maxGOGC*fewCharges/concurrency)))
}

// TuneForLatency tunes the garbage collector for a program that serves people.
// Little memory is in use between requests. With the default setting it would be
// collected dozens of times a second under load, by processors that requests need.
// Here it may grow to four times its size first. GOGC takes precedence if it is set.
func TuneForLatency() { setGC(300) }

func setGC(percent int) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}
