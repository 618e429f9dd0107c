package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/online-cinema/billing/cmd/qa/bench/internal/worker"
)

// run is the result of one run.
type run struct {
	worker.Result
	PostgresCPU time.Duration `json:"server_cpu_ns"`
	Latency     *latencies    `json:"latency,omitempty"`
	Load        float64       `json:"load"`
}

// rate returns the items per second.
func (r run) rate() float64 { return float64(r.Items) / r.Elapsed.Seconds() }

// perItem returns CPU time per item, in microseconds.
func (r run) perItem(cpu time.Duration) float64 {
	return float64(cpu.Nanoseconds()) / 1000 / float64(max(1, r.Items))
}

// pgbench is one call of pgbench.
type pgbench struct {
	pg           *cluster
	database     string
	script       string
	clients      int
	transactions int           // per client; 0 means that duration counts
	duration     time.Duration // used without transactions
	warmup       time.Duration // before duration; the rate excludes it
	vars         map[string]string
	items        int // per transaction
}

var (
	processed  = regexp.MustCompile(`number of transactions actually processed: (\d+)`)
	failed     = regexp.MustCompile(`number of failed transactions: (\d+)`)
	complaint  = regexp.MustCompile(`(?s)pgbench: error:.{0,1000}`)
	throughput = regexp.MustCompile(`tps = ([0-9.]+) \(without initial connection time\)`)
	progress   = regexp.MustCompile(`progress: ([0-9.]+) s, ([0-9.]+) tps`)
)

// run runs the script. A failed transaction is an error. With a warm-up, Items and the
// CPU times are those of the complete run, and Elapsed is the time that Items would
// take at the rate after the warm-up.
func (b pgbench) run(ctx context.Context) (run, error) {
	file, err := os.CreateTemp("", "pgbench-*.sql")
	if err != nil {
		return run{}, err
	}
	defer func() { _ = os.Remove(file.Name()) }()
	if _, err = file.WriteString(b.script); err == nil {
		err = file.Close()
	}
	if err != nil {
		return run{}, err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(b.pg.bin, "pgbench"), append(b.args(), "-f", file.Name(), b.pg.url(b.database))...)
	cmd.Env = append(os.Environ(), "PGOPTIONS=-c role=billing_app", "LC_ALL=C")
	return b.pg.measured(func() (run, error) { return b.result(cmd) })
}

// result runs a command of pgbench.
func (b pgbench) result(cmd *exec.Cmd) (run, error) {
	out, err := cmd.CombinedOutput()
	if err != nil {
		return run{}, fmt.Errorf("pgbench: %w: %s", err, complaint.Find(out))
	}
	done, tps := number(processed, out), number(throughput, out)
	if b.warmup > 0 {
		tps = rateAfter(b.warmup, out)
	}
	if done == 0 || tps == 0 || number(failed, out) > 0 {
		return run{}, fmt.Errorf("pgbench failed some transactions, or all: %s", tail(string(out)))
	}
	return run{Result: worker.Result{
		Items: int(done) * b.items, Elapsed: time.Duration(done / tps * float64(time.Second)),
		ClientCPU: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(),
	}}, nil
}

func (b pgbench) args() []string {
	args := []string{"--no-vacuum", "--protocol=prepared", "--client", strconv.Itoa(b.clients), "--jobs", strconv.Itoa(min(2, b.clients))}
	if b.transactions > 0 {
		args = append(args, "--transactions", strconv.Itoa(b.transactions))
	} else {
		args = append(args, "--time", strconv.Itoa(max(1, int((b.warmup+b.duration).Seconds()))), "--progress", "1")
	}
	for name, value := range b.vars {
		args = append(args, "--define", name+"="+value)
	}
	return args
}

// rateAfter returns the mean rate of the progress lines after the warm-up, or 0.
func rateAfter(warmup time.Duration, text []byte) float64 {
	var sum, n float64
	for _, line := range progress.FindAllSubmatch(text, -1) {
		at, _ := strconv.ParseFloat(string(line[1]), 64)
		tps, _ := strconv.ParseFloat(string(line[2]), 64)
		if at > warmup.Seconds()+0.5 { // the lines are a second apart
			sum, n = sum+tps, n+1
		}
	}
	return sum / max(1, n)
}

// number returns the figure that pattern finds, or 0.
func number(pattern *regexp.Regexp, text []byte) float64 {
	found := pattern.FindSubmatch(text)
	if found == nil {
		return 0
	}
	n, _ := strconv.ParseFloat(string(found[1]), 64)
	return n
}

// tail returns the last lines of text.
func tail(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], "\n")
}
