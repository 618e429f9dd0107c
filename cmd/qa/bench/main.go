// Command bench measures the service against what the machine can do at most,
// and against what others would pick, side by side in one run (make bench):
//
//	renew      whole renewal runs against the same SQL driven by pgbench, against
//	           a payment system's own pace, against River and against a plain loop
//	subscribe  POST /v1/subscriptions against the same transactions in pgbench
//	http       GETs against a bare net/http handler that writes the same bytes
//
// It starts a Postgres of its own, as durable as one in production (fsync is
// asserted), fills it, and measures in pairs, A B A B: what counts is the median
// of the ratios, and CPU per item. Afterwards the books must be right. On a
// machine that others use at the same time it refuses to judge.
//
// Not here: how fast a network or a payment system is; both are imitated in
// this machine.
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

const (
	ok      = 0
	failure = 1 // also when a target is missed
	misused = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(bench1(ctx, os.Args[1:], os.Stdout))
}

const usage = `bench [flags] renew|subscribe|http [part…]

A part that was measured already by this very program with these flags is not
measured again, unless -fresh is given.

`

func parse(args []string) (o options, rest []string, err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	temp := filepath.Join(os.TempDir(), "billing-bench")
	flags.StringVar(&o.Out, "out", filepath.Join(temp, "results"), "folder for the tables, as JSON and Markdown")
	flags.StringVar(&o.Data, "data", filepath.Join(temp, "postgres"), "folder of the Postgres cluster; kept, so that the next run need not fill it")
	flags.IntVar(&o.Rows, "rows", 200_000, "subscriptions in the database; five times as many for the comparison of sizes")
	flags.IntVar(&o.Due, "due", 20_000, "of them, due in one run")
	flags.IntVar(&o.Pairs, "pairs", 7, "pairs that count; one more is thrown away")
	flags.DurationVar(&o.Time, "time", 5*time.Second, "how long a run lasts that goes by time")
	flags.BoolVar(&o.Force, "force", false, "measure on a loaded machine, too, and judge nothing")
	flags.BoolVar(&o.fresh, "fresh", false, "measure again what was measured already")
	flags.StringVar(&o.profiles, "profiles", "", "folder for CPU profiles of what is measured")
	err = flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		var text strings.Builder
		flags.SetOutput(&text)
		flags.PrintDefaults()
		return o, nil, fmt.Errorf("%w%s%s", err, usage, text.String())
	}
	rest = flags.Args()
	if err == nil && (len(rest) == 0 || parts[rest[0]] == nil) {
		err = fmt.Errorf("say what to measure: renew, subscribe or http")
	}
	if err == nil && (o.Rows < 10*o.Due || o.Due < 1000 || o.Pairs < 1) {
		err = fmt.Errorf("-rows must be ten times -due at least, -due 1000, -pairs 1")
	}
	return o, rest, err
}

func bench1(ctx context.Context, args []string, stdout io.Writer) int {
	if len(args) == 2 && args[0] == "work" {
		if err := worker.Do(ctx, workers, args[1], stdout); err != nil {
			say("%v", err)
			return failure
		}
		return ok
	}
	o, rest, err := parse(args)
	if err != nil {
		say("bench: %v", err)
		return misused
	}
	met, err := measure(ctx, o, rest[0], rest[1:], stdout)
	if err != nil {
		say("bench: %v", err)
		return failure
	}
	if !met {
		return failure
	}
	return ok
}

// part measures one thing.
type part struct {
	name string
	f    func(context.Context, *lab) (section, error)
}

var parts = map[string][]part{
	"renew": {
		{"pace", pacePart}, {"latency", latencyPart}, {"memory", memoryPart}, {"peers", peersPart},
		{"snapshot", snapshotPart}, {"size", sizePart}, {"growth", growthPart},
	},
	"subscribe": {{"subscribe", subscribePart}},
	"http":      {{"http", httpPart}},
}

// measure measures all parts of a kind, or those that are named, and reports
// whether every target was met that was judged.
func measure(ctx context.Context, o options, kind string, names []string, stdout io.Writer) (met bool, err error) {
	l, err := openLab(ctx, o)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, l.pg.server.Close()) }()
	for _, p := range parts[kind] {
		if len(names) > 0 && !slices.Contains(names, p.name) {
			continue
		}
		s, err := l.measure(ctx, kind, p)
		if err != nil {
			return false, fmt.Errorf("%s: %w", p.name, err)
		}
		l.report.Sections = append(l.report.Sections, s)
		if err := l.report.write(o.Out, kind); err != nil {
			return false, err
		}
	}
	_, err = io.WriteString(stdout, l.report.markdown())
	return l.report.met(), err
}

// say tells a person what goes on.
func say(format string, args ...any) {
	_, _ = fmt.Fprintf(os.Stderr, time.Now().UTC().Format("15:04:05 ")+format+"\n", args...)
}
