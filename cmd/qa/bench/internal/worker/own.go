package worker

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Done is what a run came to, as the process knows that made it.
type Done struct {
	Items   int           `json:"items"` // renewals, subscriptions, requests
	Elapsed time.Duration `json:"elapsed_ns"`
	Client  time.Duration `json:"client_cpu_ns"` // CPU of whoever talks to Postgres
	RSS     int64         `json:"peak_rss_bytes,omitempty"`
}

// CPU is what this process has used so far.
func CPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// PeakRSS is the most memory that this process ever held, in bytes.
func PeakRSS() int64 { return Bytes("/proc/self/status", "VmHWM:") }

// Bytes is what a file of /proc says of name, which it says in kilobytes.
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
