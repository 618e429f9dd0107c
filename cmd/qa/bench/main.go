// Command bench compares the service with baselines on the same machine, side by
// side in one run (make bench):
//
//	renew      complete renewal runs against the same SQL in pgbench, against the
//	           pace of a payment system, against River and against a plain loop; and
//	           the events of a run by the feed, against the table, and as webhooks
//	subscribe  POST /v1/subscriptions against the same transactions in pgbench
//	http       GET requests against a bare net/http handler with the same bytes
//	give       a make-good for all subscribers against one statement for all of them,
//	           and its memory
//
// It starts its own Postgres, as durable as in production (fsync is asserted), and
// fills it. It measures in pairs, A B A B, and judges the median of the ratios and
// the CPU per item. Afterwards it verifies the tables. If other processes use the
// machine it refuses to judge.
//
// Not here: the speed of networks and payment systems. Both are simulated.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/online-cinema/billing/cmd/qa/bench/internal/worker"
)

// Exit codes.
const (
	ok      = 0
	failure = 1 // also if a target is missed
	misused = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(realMain(ctx, os.Args[1:], os.Stdout))
}

const usage = `bench [flags] renew|subscribe|http|give [part…]

A part with a stored result is not measured again if the program and the flags
are the same. -fresh measures it again.

`

func parse(args []string) (o options, rest []string, err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	temp := filepath.Join(os.TempDir(), "billing-bench")
	flags.StringVar(&o.Out, "out", filepath.Join(temp, "results"), "folder for the tables, as JSON and Markdown")
	flags.StringVar(&o.Data, "data", filepath.Join(temp, "postgres"), "folder of the Postgres cluster; kept for the next run")
	flags.IntVar(&o.Rows, "rows", 200_000, "subscriptions in the database; five times as many for the comparison of sizes")
	flags.IntVar(&o.Due, "due", 20_000, "subscriptions due in one run")
	flags.IntVar(&o.Pairs, "pairs", 7, "pairs that count; one more warms up")
	flags.DurationVar(&o.Time, "time", 5*time.Second, "duration of a run that goes by time")
	flags.BoolVar(&o.Force, "force", false, "measure on a loaded machine too, and judge nothing")
	flags.BoolVar(&o.fresh, "fresh", false, "ignore stored results")
	flags.StringVar(&o.profiles, "profiles", "", "folder for CPU profiles")
	err = flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		var text strings.Builder
		flags.SetOutput(&text)
		flags.PrintDefaults()
		return o, nil, fmt.Errorf("%w%s%s", err, usage, text.String())
	}
	rest = flags.Args()
	if err == nil && (len(rest) == 0 || parts[rest[0]] == nil) {
		err = fmt.Errorf("name a benchmark: renew, subscribe, http or give")
	}
	if err == nil && (o.Rows < 10*o.Due || o.Due < 1000 || o.Pairs < 1) {
		err = fmt.Errorf("-rows must be at least ten times -due, -due at least 1000, -pairs at least 1")
	}
	return o, rest, err
}

func realMain(ctx context.Context, args []string, stdout io.Writer) int {
	if len(args) == 2 && args[0] == "work" {
		if err := worker.Do(ctx, workers, args[1], stdout); err != nil {
			logf("%v", err)
			return failure
		}
		return ok
	}
	o, rest, err := parse(args)
	if err != nil {
		logf("bench: %v", err)
		return misused
	}
	met, err := measure(ctx, o, rest[0], rest[1:], stdout)
	if err != nil {
		logf("bench: %v", err)
		return failure
	}
	if !met {
		return failure
	}
	return ok
}

// part makes one section of the report.
type part struct {
	name string
	f    func(context.Context, *env) (section, error)
}

var parts = map[string][]part{
	"renew": {
		{"pace", pacePart}, {"latency", latencyPart}, {"memory", memoryPart}, {"peers", peersPart},
		{"snapshot", snapshotPart}, {"feed", feedPart}, {"endpoint", endpointPart}, {"size", sizePart}, {"growth", growthPart},
	},
	"subscribe": {{"subscribe", subscribePart}},
	"http":      {{"http", httpPart}},
	"give":      {{"memory", giveMemoryPart}, {"give", givePart}},
}

// measure measures the named parts of a kind, or all parts without a name. It
// reports whether every judged target was met.
func measure(ctx context.Context, o options, kind string, names []string, stdout io.Writer) (met bool, err error) {
	e, err := openEnv(ctx, o)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, e.pg.server.Close()) }()
	for _, p := range parts[kind] {
		if len(names) > 0 && !slices.Contains(names, p.name) {
			continue
		}
		s, err := e.measurePart(ctx, kind, p)
		if err != nil {
			return false, fmt.Errorf("%s: %w", p.name, err)
		}
		e.report.Sections = append(e.report.Sections, s)
		if err := e.report.write(o.Out, kind); err != nil {
			return false, err
		}
	}
	_, err = io.WriteString(stdout, e.report.markdown())
	return e.report.met(), err
}

// logf prints a line of progress with the time.
func logf(format string, args ...any) {
	_, _ = fmt.Fprintf(os.Stderr, time.Now().UTC().Format("15:04:05 ")+format+"\n", args...)
}
