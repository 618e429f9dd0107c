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

// run is what one run of anything came to.
type run struct {
	worker.Done
	Server  time.Duration `json:"server_cpu_ns"` // CPU of Postgres
	Latency *latencies    `json:"latency,omitempty"`
	Load    float64       `json:"load"`
}

func (r run) rate() float64 { return float64(r.Items) / r.Elapsed.Seconds() }

// perItem is CPU in microseconds for each item.
func (r run) perItem(cpu time.Duration) float64 {
	return float64(cpu.Nanoseconds()) / 1000 / float64(max(1, r.Items))
}

// bench is one use of pgbench.
type bench struct {
	pg       *cluster
	database string
	script   string
	clients  int
	times    int           // transactions of each client, or
	lasting  time.Duration // for how long
	vars     map[string]string
	each     int // items in a transaction
}

var (
	processed  = regexp.MustCompile(`number of transactions actually processed: (\d+)`)
	failed     = regexp.MustCompile(`number of failed transactions: (\d+)`)
	complaint  = regexp.MustCompile(`(?s)pgbench: error:.{0,1000}`)
	throughput = regexp.MustCompile(`tps = ([0-9.]+) \(without initial connection time\)`)
)

// run runs it. A transaction that fails is an error.
func (b bench) run(ctx context.Context) (run, error) {
	file, err := os.CreateTemp("", "limit-*.sql")
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
	before, err := clusterCPU(b.pg.pid)
	if err != nil {
		return run{}, err
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return run{}, fmt.Errorf("pgbench: %w: %s", err, complaint.Find(out))
	}
	after, err := clusterCPU(b.pg.pid)
	if err != nil {
		return run{}, err
	}
	done, tps := number(processed, out), number(throughput, out)
	if done == 0 || tps == 0 || number(failed, out) > 0 {
		return run{}, fmt.Errorf("pgbench did not do it all: %s", tail(string(out)))
	}
	return run{
		Done: worker.Done{
			Items: int(done) * b.each, Elapsed: time.Duration(done / tps * float64(time.Second)),
			Client: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(),
		},
		Server: after - before, Load: load(),
	}, nil
}

func (b bench) args() []string {
	args := []string{"--no-vacuum", "--protocol=prepared", "--client", strconv.Itoa(b.clients), "--jobs", strconv.Itoa(min(2, b.clients))}
	if b.times > 0 {
		args = append(args, "--transactions", strconv.Itoa(b.times))
	} else {
		args = append(args, "--time", strconv.Itoa(max(1, int(b.lasting.Seconds()))))
	}
	for name, value := range b.vars {
		args = append(args, "--define", name+"="+value)
	}
	return args
}

func number(pattern *regexp.Regexp, text []byte) float64 {
	found := pattern.FindSubmatch(text)
	if found == nil {
		return 0
	}
	n, _ := strconv.ParseFloat(string(found[1]), 64)
	return n
}

func tail(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], "\n")
}
