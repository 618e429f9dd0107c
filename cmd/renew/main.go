// Command billing-renew makes one renewal run: it settles what is unsettled,
// charges what is due, tries again what was declined, and ends what is over. A
// systemd timer starts it (billing-renew.timer, beside this file).
//
//	environment ─ config ─┬─ pool ─ store ─┐
//	                      ├─ clock ────────┼─ renewer ─ run, or plan with --dry-run
//	                      └─ payment systems ─ collector
//
// Any number may run at once. SIGTERM finishes what is in flight and starts
// nothing new; whatever a run leaves behind, the next one takes up.
//
// Not here: how a run works (core/app), what is decided (core/billing).
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

const usage = `billing-renew makes one renewal run, and ends. Any number may run at once.

      --dry-run             tell who would be charged, how much, and why not; change
                            nothing, ask no payment system
      --limit N             take up at most N subscriptions (default all)
      --concurrency N       charges under way at once, at most (default 64)
      --every D             make a run now and then again every D, such as 10m, until
                            SIGTERM, where no timer does
      --json                print JSON; the summary is the last line
      --metrics-file FILE   write what the run did for Prometheus' textfile collector
      --help, --version

Exit code: 0 when every item was dealt with, declines included; 1 when some failed
or are not known, or the run stopped early; 2 for bad usage or configuration.

  BILLING_DATABASE_URL          Postgres URL (or BILLING_DATABASE_URL_FILE)
  BILLING_VAULT_KEYSET_FILE     keys that seal payment tokens, and
  BILLING_VAULT_KEK_FILE        the key that encrypts those; both are required in
                                production

  BILLING_ENV                   production, dev or test (default production)
  BILLING_TIME_ZONE             where months are counted (default UTC)
  BILLING_RETRY_SCHEDULE        when a declined renewal is tried again, from its due
                                date on (default 24h,72h,120h,168h)
  BILLING_CLOCK                 system, or test: the clock that billingctl sets
  BILLING_SIMULATOR             on or off (default off in production, else on)
  BILLING_SIMULATOR_MISHAPS     what goes wrong there, such as
                                lose_answers=0.3,latency=20ms,seed=7
  BILLING_CHARGE_TIMEOUT        how long one charge may take (default 10s)
  OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT
                                OpenTelemetry collector to send traces to, OTLP over HTTP
                                (default none)
  OTEL_TRACES_SAMPLER           which traces (default 10 a second at most)
  BILLING_LOG_LEVEL             debug, info, warn or error (default info)
  BILLING_LOG_FORMAT            json or text (default json)
`

// options are the command line's.
type options struct {
	dryRun, json       bool
	limit, concurrency int
	metricsFile        string
	every              time.Duration // 0 is one run
}

// defaultConcurrency keeps a payment system busy that answers within a second,
// without looking like an attack.
const (
	defaultConcurrency = 64
	maxConcurrency     = 4096
)

func (o *options) flags() *pflag.FlagSet {
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.BoolVar(&o.dryRun, "dry-run", false, "")
	flags.BoolVar(&o.json, "json", false, "")
	flags.IntVar(&o.limit, "limit", 0, "")
	flags.IntVar(&o.concurrency, "concurrency", defaultConcurrency, "")
	flags.DurationVar(&o.every, "every", 0, "")
	flags.StringVar(&o.metricsFile, "metrics-file", "", "")
	return flags
}

// check returns what is wrong with them.
func (o *options) check(flags *pflag.FlagSet) error {
	switch {
	case flags.Changed("limit") && o.limit < 1:
		return fmt.Errorf("--limit %d must be 1 or more", o.limit)
	case o.concurrency < 1 || o.concurrency > maxConcurrency:
		return fmt.Errorf("--concurrency %d must be 1 to %d", o.concurrency, maxConcurrency)
	case flags.Changed("every") && o.every < time.Second:
		return fmt.Errorf("--every %v must be 1s or more", o.every)
	case o.dryRun && o.every > 0:
		return errors.New("--dry-run tells of the next run alone: --every is not for it")
	case o.dryRun && o.metricsFile != "":
		return errors.New("--dry-run does nothing that --metrics-file could tell of")
	}
	return nil
}

// run is the program: it returns the exit code.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	var o options
	flags := o.flags()
	p := boot.Program{Name: "billing-renew", Usage: usage, Flags: flags, Check: func() error { return o.check(flags) }}
	return boot.Run(p, args, environ, stdout, stderr, func(cfg boot.Renew, log *slog.Logger) int {
		boot.TuneForBatch(o.concurrency)
		return again(ctx, o.every, func() int {
			ok, err := work(ctx, cfg, o, stdout, stderr, log)
			if err != nil {
				log.Error("the run failed; the next one takes up what it left", "error", err)
			}
			if err != nil || !ok {
				return boot.Failed
			}
			return boot.OK
		})
	})
}

// again makes a run every so often until ctx ends, or one run if that is never.
// One that takes longer puts off the next. It returns the exit code of the last.
func again(ctx context.Context, every time.Duration, once func() int) int {
	code := once()
	if every == 0 {
		return code
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return code
		case <-tick.C:
			if ctx.Err() == nil {
				code = once()
			}
		}
	}
}
