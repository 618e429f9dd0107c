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

// This file reads /proc, so the benchmark needs Linux.

// ticks is the number of clock ticks per second in /proc, on every architecture.
const ticks = 100

// cpuOf returns the CPU time of a process, including children that it has waited
// for, and the id of its parent.
func cpuOf(pid int) (cpu time.Duration, parent int, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, err
	}
	// The name in parentheses may contain spaces.
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 15 {
		return 0, 0, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	parent, _ = strconv.Atoi(fields[1])
	var sum int64
	for _, f := range fields[11:15] { // utime, stime, cutime, cstime
		n, _ := strconv.ParseInt(f, 10, 64)
		sum += n
	}
	return time.Duration(sum) * time.Second / ticks, parent, nil
}

// clusterCPU returns the CPU time of all processes of a Postgres, including ended
// ones.
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

// loadAverage returns the load average of the last minute.
func loadAverage() float64 {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), " ")
	n, _ := strconv.ParseFloat(first, 64)
	return n
}

// cpuInUse sleeps for a second and returns the share of the processors that was in
// use.
func cpuInUse() float64 {
	before, idleBefore := processorTime()
	time.Sleep(time.Second)
	after, idleAfter := processorTime()
	if after == before {
		return 0
	}
	return 1 - float64(idleAfter-idleBefore)/float64(after-before)
}

// processorTime returns the ticks of all processors since the system started.
func processorTime() (all, idle int64) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0
	}
	first, _, _ := strings.Cut(string(text), "\n")
	for i, f := range strings.Fields(first)[1:] {
		n, _ := strconv.ParseInt(f, 10, 64)
		if i < 8 { // the first two include the time of guests
			all += n
		}
		if i == 3 || i == 4 { // idle and iowait
			idle += n
		}
	}
	return all, idle
}

// machine describes the machine of a report.
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
