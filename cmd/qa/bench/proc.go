package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/online-cinema/billing/cmd/qa/bench/internal/worker"
)

// What Linux tells about processes. Other systems do not, and cannot run this.

// ticks per second of the times in /proc: the same on every architecture.
const ticks = 100

// cpuOf is the time that a process has used so far, with its children that were
// waited for.
func cpuOf(pid int) (time.Duration, int, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, err
	}
	// The name, in parentheses, may hold anything.
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 15 {
		return 0, 0, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	parent, _ := strconv.Atoi(fields[1])
	var sum int64
	for _, f := range fields[11:15] { // utime, stime, and those of children
		n, _ := strconv.ParseInt(f, 10, 64)
		sum += n
	}
	return time.Duration(sum) * time.Second / ticks, parent, nil
}

// clusterCPU is what all processes of a Postgres have used so far, those that
// ended included.
func clusterCPU(postmaster int) (time.Duration, error) {
	sum, _, err := cpuOf(postmaster)
	if err != nil {
		return 0, err
	}
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return 0, err
	}
	for _, dir := range all {
		pid, _ := strconv.Atoi(filepath.Base(dir))
		if cpu, parent, err := cpuOf(pid); err == nil && parent == postmaster {
			sum += cpu
		}
	}
	return sum, nil
}

func memoryTotal() int64 { return worker.Bytes("/proc/meminfo", "MemTotal:") }

// load is how many processes wanted to run during the last minute.
func load() float64 {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), " ")
	n, _ := strconv.ParseFloat(first, 64)
	return n
}

// busy is the share of the processors that is in use now, over a second in
// which the benchmark itself does nothing.
func busy() float64 {
	before, idleBefore := processorTime()
	time.Sleep(time.Second)
	after, idleAfter := processorTime()
	if after == before {
		return 0
	}
	return 1 - float64(idleAfter-idleBefore)/float64(after-before)
}

func processorTime() (all, idle int64) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0
	}
	first, _, _ := strings.Cut(string(text), "\n")
	for i, f := range strings.Fields(first)[1:] {
		n, _ := strconv.ParseInt(f, 10, 64)
		if i < 8 { // what guests use is counted in the first two already
			all += n
		}
		if i == 3 || i == 4 { // idle, and waiting for a disk
			idle += n
		}
	}
	return all, idle
}

// machine describes where the figures come from.
type machine struct {
	System    string  `json:"system"`
	Processor string  `json:"processor"`
	CPUs      int     `json:"cpus"`
	MemoryGiB float64 `json:"memory_gib"`
	Go        string  `json:"go"`
}

func thisMachine() machine {
	m := machine{
		System: runtime.GOOS + "/" + runtime.GOARCH, CPUs: runtime.NumCPU(),
		MemoryGiB: float64(memoryTotal()) / (1 << 30), Go: runtime.Version(),
	}
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				m.Processor = strings.TrimSpace(value)
				break
			}
		}
	}
	return m
}
