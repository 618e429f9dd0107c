// Command peers renews subscriptions in the way that others would pick, for the
// benchmark to compare with. It is a module of its own, so that the service does
// not depend on what it needs.
//
//	river  one job for each renewal, as the documentation of River shows it
//	loop   select all who are due; for each: charge, then update
//
// Both write what the service writes for a renewal: a payment, the subscription,
// an event. Neither stores an intent before it charges: killed at the wrong
// moment, both charge somebody twice, or forget that they did.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// task is what the benchmark asks for, in JSON, as the only argument.
type task struct {
	Kind        string        `json:"kind"`
	URL         string        `json:"url"`
	Now         time.Time     `json:"now"`
	Due         int           `json:"due"`
	Latency     time.Duration `json:"latency"`
	Concurrency int           `json:"concurrency"`
}

// result is what it is told, as a line of JSON.
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
		return fmt.Errorf("%d arguments instead of one", len(args))
	}
	if err := json.Unmarshal([]byte(args[0]), &t); err != nil {
		return err
	}
	cfg, err := pgxpool.ParseConfig(t.URL)
	if err != nil {
		return err
	}
	cfg.MaxConns = 16 // more than ours has: each holds one for every job under way
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return err
	}
	defer pool.Close()
	kinds := map[string]func(context.Context, task, *pgxpool.Pool) (result, error){"river": river, "loop": loop}
	f, ok := kinds[t.Kind]
	if !ok {
		return fmt.Errorf("no peer %q", t.Kind)
	}
	r, err := f(ctx, t, pool)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}
