package worker

import (
	"bufio"
	"os"
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
