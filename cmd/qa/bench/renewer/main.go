// Command renewer makes one renewal run for the benchmark.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/cmd/internal/boot"
	"github.com/online-cinema/billing/cmd/qa/bench/internal/worker"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/renewals"
)

func main() {
	boot.Main(func(ctx context.Context, args, _ []string, stdout, stderr io.Writer) int {
		if len(args) != 1 {
			_, _ = fmt.Fprintln(stderr, "renewer: want a task in JSON as the only argument")
			return boot.Misused
		}
		if err := worker.Do(ctx, map[string]worker.Worker{worker.Renewing: renew}, args[0], stdout); err != nil {
			_, _ = fmt.Fprintln(stderr, "renewer:", err)
			return boot.Failed
		}
		return boot.OK
	})
}

// renew makes a run like billing-renew, with the payment system of the benchmark and
// at the time of the task.
func renew(ctx context.Context, t worker.Task, out io.Writer) error {
	boot.TuneForBatch(t.Concurrency)
	store, pool, err := t.Open(ctx, postgres.RenewRole)
	if err != nil {
		return err
	}
	defer pool.Close()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	provider := &worker.PaymentSystem{Latency: t.Latency}
	r := &renewals.Renewer{
		Store: store, Clock: worker.FixedClock(t.Now), NewID: boot.NewID, Calendar: billing.Calendar{}, Log: log,
		Collector:   worker.NewCollector(store, worker.FixedClock(t.Now), provider, log),
		Concurrency: t.Concurrency, Limit: t.Limit,
	}
	if err := pool.Ping(ctx); err != nil { // the baseline is measured without connecting, too
		return err
	}
	begin, cpu := time.Now(), worker.CPU()
	sum, err := r.Run(ctx)
	took := worker.Result{Items: sum.Renewed, Elapsed: time.Since(begin), ClientCPU: worker.CPU() - cpu, RSS: worker.PeakRSS()}
	if err != nil {
		return err
	}
	if sum.Trouble() || sum.Renewed != sum.Due || int(provider.Charges.Load()) != sum.Due {
		return fmt.Errorf("not all were renewed: %+v, %d charges", sum, provider.Charges.Load())
	}
	return json.NewEncoder(out).Encode(took)
}
