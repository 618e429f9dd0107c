package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/online-cinema/billing/cmd/qa/bench/internal/worker"
)

// renewal says how a run is to be made.
type renewal struct {
	due         int
	concurrency int
	latency     time.Duration
	profile     string
}

// renew makes one run of ours that renews the next who are due, and cleans up.
func (l *lab) renew(ctx context.Context, t *town, r renewal) (run, error) {
	_, until := t.window(r.due)
	job := worker.Task{Kind: worker.Renewing, URL: t.url(), Vault: t.pg.vault, Now: until, Concurrency: r.concurrency, Latency: r.latency}
	if l.profiles != "" && r.profile != "" {
		job.Profile = filepath.Join(l.profiles, fmt.Sprintf("%s-%d.pprof", r.profile, t.renewed))
	}
	done, err := finish(ctx, t.pg, job)
	if err != nil {
		return done, err
	}
	if done.Items != r.due {
		return done, fmt.Errorf("renewed %d of %d", done.Items, r.due)
	}
	t.renewed += done.Items
	return done, t.rest(ctx)
}

// limit makes one run of pgbench that renews the next who are due.
func (l *lab) limit(ctx context.Context, t *town, due, batch, clients int) (run, error) {
	times := due / (batch * clients)
	if times == 0 || due%(batch*clients) != 0 {
		return run{}, fmt.Errorf("%d cannot be divided among %d clients by %d", due, clients, batch)
	}
	from, until := t.window(due)
	text, err := limitScript(ctx, l.queries, t, batch)
	if err != nil {
		return run{}, err
	}
	done, err := bench{
		pg: t.pg, database: t.name, script: text, clients: clients, times: times, each: batch,
		vars: map[string]string{"since": from.Format(time.RFC3339Nano), "now": until.Format(time.RFC3339Nano)},
	}.run(ctx)
	if err != nil {
		return done, err
	}
	t.renewed += done.Items
	return done, t.rest(ctx)
}

// inTown copies a crowd, measures in the copy, and checks its books.
func (l *lab) inTown(ctx context.Context, c crowd, name string, f func(*town) error) (err error) {
	t, err := c.copy(ctx, l.pg, "town_"+name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.drop(context.WithoutCancel(ctx))) }()
	if err := f(t); err != nil {
		return err
	}
	return t.books(ctx)
}

// concurrency of renewals where the payment system answers at once, as
// billing-renew has it by default.
const concurrency = 64

// limits are the ways to drive the limit that are tried, batch by clients.
var limits = []struct{ batch, clients int }{{500, 1}, {500, 2}, {500, 4}, {500, 8}, {1000, 4}}

// whole is as much of n as consists of whole units, and one unit at least.
func whole(n, unit int) int { return max(1, n/unit) * unit }

// pacePart is B1 and B2: a payment system that answers at once, so that all
// there is to see is us and Postgres.
func pacePart(ctx context.Context, l *lab) (section, error) {
	s := section{Title: "Renewals against the limit, payment system 0 ms"}
	s.Table.Head = []string{"", "renewals/s", "CPU of ours, µs", "CPU of Postgres, µs"}
	add := func(name string, runs []run) {
		s.Table.add(name, rates(runs).String(), figure(client(runs)), figure(server(runs)))
	}
	err := l.inTown(ctx, crowd{l.Rows, 1}, "pace", func(t *town) error {
		best, bestRate := limits[0], 0.0
		for _, try := range limits {
			r, err := l.limit(ctx, t, whole(l.Due, try.batch*try.clients), try.batch, try.clients)
			if err != nil {
				return err
			}
			say("limit, %d at a time, %d clients: %.0f/s", try.batch, try.clients, r.rate())
			add(fmt.Sprintf("limit: pgbench, %d at a time, %d clients", try.batch, try.clients), []run{r})
			if r.rate() > bestRate {
				best, bestRate = try, r.rate()
			}
		}
		due := whole(l.Due, best.batch*best.clients)
		pairs, err := l.pairs(ctx,
			func(ctx context.Context) (run, error) { return l.limit(ctx, t, due, best.batch, best.clients) },
			func(ctx context.Context) (run, error) {
				return l.renew(ctx, t, renewal{due: due, concurrency: concurrency, profile: "pace"})
			})
		if err != nil {
			return err
		}
		add(fmt.Sprintf("best limit again (%d, %d), in pairs with", best.batch, best.clients), bases(pairs))
		add("billing-renew", subjects(pairs))
		s.Targets = []target{
			atLeast("B1", "renewals/s over the limit", 0.95, ratio(pairs)),
			atMost("B2", "CPU of our process per renewal", 10, " µs", spreadOf(each(subjects(pairs), func(r run) float64 { return r.perItem(r.Client) }))),
		}
		s.Raw = pairs
		return nil
	})
	return s, err
}
