package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/online-cinema/billing/cmd/qa/bench/internal/worker"
)

// renewal configures one run of billing-renew.
type renewal struct {
	due         int
	concurrency int
	latency     time.Duration
	profile     string
}

// renew makes a run that renews the subscriptions that are due next, and cleans up.
func (e *env) renew(ctx context.Context, d *dataset, r renewal) (run, error) {
	_, until := d.window(r.due)
	job := worker.Task{Kind: worker.Renewing, URL: d.url(), Vault: d.pg.vault, Now: until, Concurrency: r.concurrency, Latency: r.latency}
	if e.profiles != "" && r.profile != "" {
		job.Profile = filepath.Join(e.profiles, fmt.Sprintf("%s-%d.pprof", r.profile, d.renewed))
	}
	done, err := runWorker(ctx, d.pg, job)
	if err != nil {
		return done, err
	}
	if done.Items != r.due {
		return done, fmt.Errorf("renewed %d of %d", done.Items, r.due)
	}
	d.renewed += done.Items
	return done, d.vacuum(ctx)
}

// baseline configures one run of the same renewals in pgbench.
type baseline struct{ batch, clients int }

// baselines are the candidates. The fastest one is the baseline.
var baselines = []baseline{{500, 1}, {500, 2}, {500, 4}, {500, 8}, {1000, 4}}

func (b baseline) String() string { return fmt.Sprintf("%d per batch, %d clients", b.batch, b.clients) }

// due rounds n down to a number that b can divide among its clients.
func (b baseline) due(n int) int {
	unit := b.batch * b.clients
	return max(1, n/unit) * unit
}

// renewInPgbench makes a run of pgbench that renews the subscriptions that are due
// next, and cleans up. due must be a result of b.due.
func (e *env) renewInPgbench(ctx context.Context, d *dataset, due int, b baseline) (run, error) {
	if due%(b.batch*b.clients) != 0 {
		return run{}, fmt.Errorf("%d cannot be divided into %v", due, b)
	}
	from, until := d.window(due)
	text, err := renewalScript(ctx, e.queries, d, b.batch)
	if err != nil {
		return run{}, err
	}
	done, err := pgbench{
		pg: d.pg, database: d.name, script: text, clients: b.clients, transactions: due / (b.batch * b.clients), items: b.batch,
		vars: map[string]string{"since": from.Format(time.RFC3339Nano), "now": until.Format(time.RFC3339Nano)},
	}.run(ctx)
	if err != nil {
		return done, err
	}
	d.renewed += done.Items
	return done, d.vacuum(ctx)
}

// fastestBaseline tries all candidates and returns the fastest one with its run.
// tried receives every run, unless it is nil.
func (e *env) fastestBaseline(ctx context.Context, d *dataset, tried func(baseline, run)) (best baseline, bestRun run, err error) {
	for _, b := range baselines {
		r, err := e.renewInPgbench(ctx, d, b.due(e.Due), b)
		if err != nil {
			return best, bestRun, err
		}
		logf("pgbench, %v: %.0f/s", b, r.rate())
		if tried != nil {
			tried(b, r)
		}
		if best == (baseline{}) || r.rate() > bestRun.rate() {
			best, bestRun = b, r
		}
	}
	return best, bestRun, nil
}

// concurrency is the default of billing-renew. It is used with a payment system that
// responds immediately.
const concurrency = 64

// pacePart measures B1 and B2. The payment system responds immediately, so only the
// service and Postgres count.
func pacePart(ctx context.Context, e *env) (section, error) {
	s := section{Title: "Renewals against the same SQL in pgbench, payment system 0 ms"}
	s.Table.Head = []string{"", "renewals/s", "CPU of the client, µs", "CPU of Postgres, µs"}
	add := func(name string, runs []run) {
		s.Table.add(name, rates(runs).String(), figure(clientCPU(runs)), figure(postgresCPU(runs)))
	}
	err := e.withDataset(ctx, population{e.Rows, 1}, "pace", func(d *dataset) error {
		best, _, err := e.fastestBaseline(ctx, d, func(b baseline, r run) { add(fmt.Sprintf("pgbench, %v", b), []run{r}) })
		if err != nil {
			return err
		}
		due := best.due(e.Due)
		pairs, err := e.pairs(ctx,
			func(ctx context.Context) (run, error) { return e.renewInPgbench(ctx, d, due, best) },
			func(ctx context.Context) (run, error) {
				return e.renew(ctx, d, renewal{due: due, concurrency: concurrency, profile: "pace"})
			})
		if err != nil {
			return err
		}
		add(fmt.Sprintf("pgbench, %v, in pairs with", best), bases(pairs))
		add("billing-renew", subjects(pairs))
		s.Targets = []target{
			atLeast("B1", "renewals/s over the same SQL in pgbench", 0.95, ratio(pairs)),
			atMost("B2", "CPU of billing-renew per renewal", 10, " µs", spreadOf(each(subjects(pairs), func(r run) float64 { return r.perItem(r.ClientCPU) }))),
		}
		s.Raw = pairs
		return nil
	})
	return s, err
}
