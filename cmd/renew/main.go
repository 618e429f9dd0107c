// Command billing-renew makes one renewal run: it resolves pending payments, charges
// the subscriptions that are due, retries declined renewals and ends subscriptions.
// A systemd timer starts it (billing-renew.timer in this directory).
//
//	environment ─ config ─┬─ pool ─ store ─┐
//	                      ├─ clock ────────┼─ renewer ─ run, or plan with --dry-run
//	                      └─ payment systems ─ collector
//
// Any number of runs may be active at the same time. On SIGTERM a run finishes the
// charges in flight and starts no others. The next run continues the unfinished work.
//
// Not here: the steps of a run (core/renewals), the rules (core/billing).
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/pflag"

	"github.com/online-cinema/billing/cmd/internal/boot"
)

func main() {
	boot.Harden()
	boot.Main(run)
}

const about = `billing-renew makes one renewal run. It charges the subscriptions that are due,
retries declined renewals, ends subscriptions and resolves pending payments. Any number
of runs may be active at the same time.

Exit code 0: every item was dealt with, including declines.
Exit code 1: some items failed or are unknown, or the run stopped early.
Exit code 2: wrong usage or configuration.
`

// options are the values of the flags.
type options struct {
	dryRun, json       bool
	acceptRefusals     bool
	limit, concurrency int
	metricsFile        string
	every              time.Duration // 0 for a single run
}

// defaultConcurrency suits a payment system that responds within a second. More
// could look like an attack.
const (
	defaultConcurrency = 64
	maxConcurrency     = 4096
)

func (o *options) flags() *pflag.FlagSet {
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.SortFlags = false // --help keeps this order
	flags.BoolVar(&o.dryRun, "dry-run", false, "Print the charges that a run would make, the reasons for others, and the sums. Change nothing, contact no payment system")
	flags.BoolVar(&o.json, "json", false, "Print JSON; the summary is the last line")
	flags.IntVar(&o.limit, "limit", 0, "Process at most `N` subscriptions (default all)")
	flags.IntVar(&o.concurrency, "concurrency", defaultConcurrency, "Make at most `N` charges at the same time")
	flags.DurationVar(&o.every, "every", 0, "Repeat the run every `DURATION`, such as 10m, until SIGTERM; for systems without timers")
	flags.BoolVar(&o.acceptRefusals, "accept-refusals", false, "Go on even if a payment system refuses most charges alike: their subscriptions are put on hold")
	flags.StringVar(&o.metricsFile, "metrics-file", "", "Write the results to `FILE` for Prometheus' textfile collector")
	return flags
}

// check returns an error if the values do not fit.
func (o *options) check(flags *pflag.FlagSet) error {
	switch {
	case flags.Changed("limit") && o.limit < 1:
		return fmt.Errorf("--limit %d must be 1 or more", o.limit)
	case o.concurrency < 1 || o.concurrency > maxConcurrency:
		return fmt.Errorf("--concurrency %d must be 1 to %d", o.concurrency, maxConcurrency)
	case flags.Changed("every") && o.every < time.Second:
		return fmt.Errorf("--every %v must be 1s or more", o.every)
	case o.dryRun && o.every > 0:
		return errors.New("--dry-run describes one run: leave out --every")
	case o.acceptRefusals && o.every > 0:
		return errors.New("--accept-refusals is for one run: leave out --every")
	case o.dryRun && o.metricsFile != "":
		return errors.New("--dry-run has no results to write: leave out --metrics-file")
	}
	return nil
}

// run runs the program and returns the exit code.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	var o options
	flags := o.flags()
	p := boot.Program{Name: "billing-renew", About: about, Flags: flags, Check: func() error { return o.check(flags) }}
	return boot.Run(p, args, environ, stdout, stderr, func(cfg boot.Renew, log *slog.Logger) int {
		boot.TuneForBatch(o.concurrency)
		return repeat(ctx, o.every, func() int {
			ok, err := work(ctx, cfg, o, stdout, stderr, log)
			if err != nil {
				log.Error("renewal run failed; the next run continues its work", "error", err)
			}
			if err != nil || !ok {
				return boot.Failed
			}
			return boot.OK
		})
	})
}

// repeat calls run every interval until ctx ends, or once if the interval is 0. A
// run that takes longer delays the next one. It returns the last exit code.
func repeat(ctx context.Context, interval time.Duration, run func() int) int {
	code := run()
	if interval == 0 {
		return code
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return code
		case <-tick.C:
			if ctx.Err() == nil {
				code = run()
			}
		}
	}
}
