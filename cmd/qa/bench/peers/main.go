// Command peers has other implementations of renewals, for the benchmark. It has
// its own module, so that the service does not depend on River.
//
//	river  one job per renewal, as in the documentation of River
//	loop   select all due subscriptions; charge and update each
//
// Both write a payment, the subscription and an event per renewal, like the service.
// Neither stores an intent before it charges. After a crash both can charge a viewer
// twice, or lose a charge.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// task is the only argument, in JSON.
type task struct {
	Kind        string        `json:"kind"`
	URL         string        `json:"url"`
	Now         time.Time     `json:"now"`
	Due         int           `json:"due"`
	Latency     time.Duration `json:"latency"`
	Concurrency int           `json:"concurrency"`
}

// result is printed as a line of JSON.
type result struct {
	Items   int           `json:"items"`
	Elapsed time.Duration `json:"elapsed_ns"`
	Client  time.Duration `json:"client_cpu_ns"`
	RSS     int64         `json:"peak_rss_bytes"`
}

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	var t task
	if len(args) != 1 {
		return fmt.Errorf("%d arguments, want a task in JSON as the only one", len(args))
	}
	if err := json.Unmarshal([]byte(args[0]), &t); err != nil {
		return err
	}
	cfg, err := pgxpool.ParseConfig(t.URL)
	if err != nil {
		return err
	}
	cfg.MaxConns = 16 // more than billing-renew has: each job in progress holds one
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return err
	}
	defer pool.Close()
	kinds := map[string]func(context.Context, task, *pgxpool.Pool) (result, error){"river": river, "loop": loop}
	f, ok := kinds[t.Kind]
	if !ok {
		return fmt.Errorf("unknown kind %q: want river or loop", t.Kind)
	}
	r, err := f(ctx, t, pool)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}
