package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"github.com/online-cinema/billing/adapters/clock"
	"github.com/online-cinema/billing/adapters/metrics"
	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/cmd/internal/boot"
	"github.com/online-cinema/billing/cmd/internal/crash"
	"github.com/online-cinema/billing/cmd/internal/mutant"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/renewals"
)

// work wires the parts, top to bottom, and makes the run. It reports whether every
// item was dealt with.
func work(ctx context.Context, cfg boot.Renew, o options, stdout, stderr io.Writer, log *slog.Logger) (bool, error) {
	traces, err := cfg.OpenTracer(ctx, "billing-renew", log)
	if err != nil {
		return false, err
	}
	defer traces.Stop()
	pool, err := postgres.OpenRole(ctx, cfg.DatabaseURL.Reveal(), postgres.RenewRole, traces.Pool)
	if err != nil {
		return false, err
	}
	defer pool.Close()
	now, closeClock, err := cfg.OpenClock(ctx, cfg.DatabaseURL, postgres.RenewRole)
	if err != nil {
		return false, err
	}
	defer closeClock()
	systems, err := boot.OpenPaymentSystems(ctx, boot.PaymentSystemsConfig{
		DatabaseURL: cfg.DatabaseURL, Clock: now, SimulatorFaults: cfg.SimulatorFaults, ChargeTimeout: time.Duration(cfg.ChargeTimeout),
		Accounts: cfg.Accounts,
	}, cfg.UseSimulator(cfg.Env))
	if err != nil {
		return false, err
	}
	defer systems.Close()

	keys, err := cfg.OpenKeys(cfg.Env, log)
	if err != nil {
		return false, err
	}
	for code, p := range systems.Providers {
		systems.Providers[code] = traces.Provider(code, p)
	}
	store := traces.Store(crash.Store(mutant.Store(boot.NewStore(pool, keys), systems.Providers)))
	renewer := &renewals.Renewer{
		Store: store, Clock: now, NewID: boot.NewID, Calendar: cfg.TimeZone.Calendar(),
		Collector:   boot.NewCollector(cfg.Rules, cfg.Charging, store, now, systems.Providers, log),
		Reminders:   cfg.Reminders(),
		Concurrency: o.concurrency, Limit: o.limit, AcceptRefusals: o.acceptRefusals, Log: log,
	}
	renewer.Collector.Consents = keys.Consents()
	if o.dryRun {
		return true, dryRun(ctx, renewer, printer{stdout, o.json})
	}
	return renew(ctx, renewer, o, stdout, stderr, log)
}

func renew(ctx context.Context, r *renewals.Renewer, o options, stdout, stderr io.Writer, log *slog.Logger) (bool, error) {
	bar, err := newBar(ctx, r, stderr)
	if err != nil {
		return false, err
	}
	r.Progress = bar.show
	consents := metrics.NewRunConsents()
	r.Collector.Consents.Watch = consents.Add
	wall := clock.System{}
	begin := wall.Now()
	sum, err := r.Run(ctx)
	bar.close()
	ok := err == nil && !sum.Trouble()
	log.Info("renewal run", "ok", ok, "settled", sum.Settled, "due", sum.Due, "renewed", sum.Renewed, "declined", sum.Declined,
		"held", sum.Held, "unknown", sum.Unknown, "ended", sum.Ended, "failed", sum.Failed, "waiting", sum.Waiting, "took", wall.Now().Sub(begin).String(), "stopped", ctx.Err() != nil)
	if o.metricsFile != "" {
		done := ports.Run{StartedAt: begin, FinishedAt: wall.Now(), Summary: sum}
		if err != nil {
			done.Error = err.Error()
		}
		if err := writeMetrics(o.metricsFile, done, consents, boot.Masked(log)); err != nil {
			log.Warn("the metrics of this run are missing; the run itself is complete", "error", err)
		}
	}
	return ok, errors.Join(err, printer{stdout, o.json}.summary(sum))
}
