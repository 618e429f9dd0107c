package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/pprof"
	"time"

	"github.com/online-cinema/billing/cmd/internal/boot"
	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

// renewWorker makes one run as billing-renew makes it, with our payment system
// and at a given time.
func renewWorker(ctx context.Context, t task, out io.Writer) error {
	boot.Batch(t.Concurrency)
	store, pool, err := t.open(ctx)
	if err != nil {
		return err
	}
	defer pool.Close()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	provider := &paymentSystem{latency: t.Latency}
	r := &app.Renewer{
		Store: store, Clock: still(t.Now), NewID: boot.NewID, Calendar: billing.Calendar{}, Log: log,
		Collector:   newCollector(store, still(t.Now), provider, log),
		Concurrency: t.Concurrency, Limit: t.Limit,
	}
	if err := pool.Ping(ctx); err != nil { // the limit is measured without connecting, too
		return err
	}
	begin, cpu := time.Now(), ownCPU()
	sum, err := r.Run(ctx)
	took := run{Items: sum.Renewed, Elapsed: time.Since(begin), Client: ownCPU() - cpu, RSS: peakRSS()}
	if err != nil {
		return err
	}
	if sum.Trouble() || sum.Renewed != sum.Due || int(provider.charges.Load()) != sum.Due {
		return fmt.Errorf("not all went well: %+v, %d charges", sum, provider.charges.Load())
	}
	return json.NewEncoder(out).Encode(took)
}

func newCollector(store app.Store, clock app.Clock, provider app.Provider, log *slog.Logger) *app.Collector {
	retries, err := billing.NewRetrySchedule(24*time.Hour, 72*time.Hour, 120*time.Hour, 168*time.Hour)
	if err != nil {
		panic(err) // it is the default one
	}
	rules := boot.Rules{Retries: boot.Retries{RetrySchedule: retries}}
	charging := boot.Charging{ChargeTimeout: boot.Span(10 * time.Second)}
	return boot.NewCollector(rules, charging, store, clock, map[string]app.Provider{systemCode: provider}, log)
}

// profile writes a CPU profile to a file until the returned function is called.
func profile(file string) (stop func(), err error) {
	if file == "" {
		return func() {}, nil
	}
	f, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, err
	}
	return func() {
		pprof.StopCPUProfile()
		_ = f.Close()
	}, nil
}
