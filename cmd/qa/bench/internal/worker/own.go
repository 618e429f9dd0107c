package worker

import (
	"bufio"
	"os"
	"runtime/metrics"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Result is the result of a run, as measured by its own process.
type Result struct {
	Items     int           `json:"items"` // renewals, subscriptions, requests
	Elapsed   time.Duration `json:"elapsed_ns"`
	ClientCPU time.Duration `json:"client_cpu_ns"` // of the client of Postgres
	RSS       int64         `json:"peak_rss_bytes,omitempty"`
	LiveHeap  int64         `json:"peak_live_heap_bytes,omitempty"` // after a garbage collection
}

// CPU returns the CPU time of this process.
func CPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// PeakRSS returns the peak memory of this process, in bytes.
func PeakRSS() int64 { return Bytes("/proc/self/status", "VmHWM:") }

// heapEvery is the time between two looks at the heap. It is shorter than the time between
// two garbage collections.
const heapEvery = 5 * time.Millisecond

// WatchHeap looks at the live heap of this process until stop is called. stop returns the
// largest one that a garbage collection found, in bytes.
func WatchHeap() (stop func() int64) {
	done, peak := make(chan struct{}), make(chan int64)
	go func() {
		live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		tick := time.NewTicker(heapEvery)
		defer tick.Stop()
		var most int64
		for more := true; more; {
			select {
			case <-tick.C:
			case <-done:
				more = false
			}
			metrics.Read(live)
			most = max(most, int64(live[0].Value.Uint64())) //nolint:gosec // less than the memory
		}
		peak <- most
	}()
	return func() int64 { close(done); return <-peak }
}

// Bytes returns the value of name in a file of /proc, converted from kilobytes. It
// returns 0 if there is none.
func Bytes(file, name string) int64 {
	f, err := os.Open(file)
	if err != nil {
		return 0
	}
	defer func() { _ = f.Close() }()
	for s := bufio.NewScanner(f); s.Scan(); {
		if fields := strings.Fields(s.Text()); len(fields) > 1 && fields[0] == name {
			n, _ := strconv.ParseInt(fields[1], 10, 64)
			return n << 10
		}
	}
	return 0
}
