package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/online-cinema/billing/cmd/qa/bench/internal/worker"
)

const (
	// baselineClients is the number of clients of pgbench.
	baselineClients = 32
	// baselineWarmup is for the new connections of pgbench: each must read the catalogue
	// and plan its statements. The connections of the API are warm.
	baselineWarmup = 3 * time.Second
)

// subscribePart measures A1 to A3.
func subscribePart(ctx context.Context, e *env) (section, error) {
	s := section{Title: "Subscribing through HTTP"}
	s.Table.Head = []string{"", "clients", "payment system", "subscriptions/s", "p50, ms", "p99, ms", "CPU of the client or the API, µs", "CPU of Postgres, µs"}
	raw := map[string]any{}
	err := e.withSignups(ctx, newPlans, func(d *signups) error {
		best, tried, err := e.fastestSignupScript(ctx, d)
		if err != nil {
			return err
		}
		for _, script := range signupScripts {
			s.addSubscribes("pgbench, "+script.name, baselineClients, 0, tried[script.name])
		}
		raw["tried"] = tried
		for _, c := range []struct {
			clients int
			target  target
		}{
			{32, atLeast("A1", "subscriptions/s at 32 clients over pgbench at 32", 0.60, spread{})},
			{256, atLeast("A2", "subscriptions/s at 256 clients over pgbench at 32", 2.0, spread{})},
		} {
			pairs, err := e.subscribePairs(ctx, d, c.clients, best)
			if err != nil {
				return err
			}
			s.addSubscribes("fastest: pgbench, "+best.name+", in pairs with", baselineClients, 0, bases(pairs))
			s.addSubscribes("POST /v1/subscriptions", c.clients, 0, subjects(pairs))
			c.target.Got = ratio(pairs)
			c.target.What += " (" + best.name + ")"
			s.Targets = append(s.Targets, c.target)
			raw[fmt.Sprintf("%s, %d", best.name, c.clients)] = pairs
		}
		const latency = 20 * time.Millisecond
		runs, err := e.subscribeWithLatency(ctx, d, 32, latency)
		if err != nil {
			return err
		}
		s.addSubscribes("POST /v1/subscriptions", 32, latency, runs)
		s.Targets = append(s.Targets, atMost("A3", "p99 above the payment system's 20 ms, at 32 clients", 15, " ms",
			spreadOf(each(runs, func(r run) float64 { return p99Of(r) - float64(latency.Milliseconds()) }))))
		raw["20 ms"] = runs
		return nil
	})
	s.Notes = []string{
		"The base of A1 and A2 is the fastest pgbench script. Its CPU figures include the warm-up of its connections, its rate does not.",
		"Access tokens are RS256, and the server has verified each of them before. Clients run on the same machine.",
	}
	s.Raw = raw
	return s, err
}

// addSubscribes adds a row to the table.
func (s *section) addSubscribes(name string, clients int, latency time.Duration, runs []run) {
	p50, p99 := "", ""
	if runs[0].Latency != nil {
		p50 = spreadOf(each(runs, func(r run) float64 { return r.Latency.P50 })).String()
		p99 = spreadOf(each(runs, p99Of)).String()
	}
	s.Table.add(name, fmt.Sprint(clients), latency.String(), rates(runs).String(), p50, p99, figure(clientCPU(runs)), figure(postgresCPU(runs)))
}

func p99Of(r run) float64 { return r.Latency.P99 }

// fastestSignupScript runs all scripts in turn and returns the one with the highest
// median rate, and the runs by the name of their script. The first round warms up.
func (e *env) fastestSignupScript(ctx context.Context, d *signups) (best signupScript, tried map[string][]run, err error) {
	tried = map[string][]run{}
	for round := range min(e.Pairs, 3) + 1 {
		for _, script := range signupScripts {
			r, err := e.watch(func() (run, error) { return e.subscribeInPgbench(ctx, d, script) })
			if err != nil {
				return best, nil, fmt.Errorf("pgbench, %s: %w", script.name, err)
			}
			logf("pgbench, %s: %.0f/s", script.name, r.rate())
			if round > 0 {
				tried[script.name] = append(tried[script.name], r)
			}
		}
	}
	for _, script := range signupScripts {
		if best.name == "" || rates(tried[script.name]).Median > rates(tried[best.name]).Median {
			best = script
		}
	}
	return best, tried, nil
}

// subscribeInPgbench makes a run of a script in pgbench.
func (e *env) subscribeInPgbench(ctx context.Context, d *signups, script signupScript) (run, error) {
	text, err := script.text(e.queries, len(d.viewers.tokens))
	if err != nil {
		return run{}, err
	}
	base := d.next.Load()
	r, err := pgbench{
		pg: d.pg, database: d.name, script: text, clients: baselineClients, warmup: baselineWarmup, duration: e.Time, items: 1,
		vars: map[string]string{"k": "-1", "base": fmt.Sprint(base), "clients": fmt.Sprint(baselineClients)},
	}.run(ctx)
	if err != nil {
		return r, err
	}
	d.next.Store(base + 4*int64(r.Items) + 1000) // some clients are faster than others
	return r, d.finish(ctx, r)
}

func (e *env) subscribePairs(ctx context.Context, d *signups, clients int, script signupScript) (pairs []pair, err error) {
	err = e.withAPI(ctx, d, 0, func(api *server) (err error) {
		pairs, err = e.pairs(ctx,
			func(ctx context.Context) (run, error) { return e.subscribeInPgbench(ctx, d, script) },
			func(ctx context.Context) (run, error) { return e.subscribe(ctx, d, api, clients) })
		return err
	})
	return pairs, err
}

// subscribeWithLatency makes runs with a payment system that takes some time. The
// first run warms up.
func (e *env) subscribeWithLatency(ctx context.Context, d *signups, clients int, latency time.Duration) (runs []run, err error) {
	err = e.withAPI(ctx, d, latency, func(api *server) error {
		for i := range e.Pairs + 1 {
			r, err := e.watch(func() (run, error) { return e.subscribe(ctx, d, api, clients) })
			if err != nil {
				return err
			}
			if i > 0 {
				runs = append(runs, r)
			}
		}
		return nil
	})
	return runs, err
}

// subscribe makes a run of clients that subscribe through the API.
func (e *env) subscribe(ctx context.Context, d *signups, api *server, clients int) (run, error) {
	r, err := e.generateLoad(ctx, api, loadGen{
		clients: clients, status: "201", request: d.request, next: &d.next, duration: e.Time,
	})
	if err != nil {
		return r, err
	}
	return r, d.finish(ctx, r)
}

// generateLoad runs g against a server, and adds the CPU time of the server and of
// Postgres.
func (e *env) generateLoad(ctx context.Context, s *server, g loadGen) (run, error) {
	g.addr = s.addr
	return e.pg.measured(func() (run, error) {
		before, err := s.cpu()
		if err != nil {
			return run{}, err
		}
		r, err := g.run(ctx)
		if err != nil {
			return r, err
		}
		after, err := s.cpu()
		r.ClientCPU = after - before
		return r, err
	})
}

// withAPI runs the API on the database while f runs.
func (e *env) withAPI(ctx context.Context, d *signups, latency time.Duration, f func(*server) error) (err error) {
	t := worker.Task{Kind: "serve", URL: d.url(), Vault: d.pg.vault, Latency: latency, Keys: d.viewers.keys}
	if e.profiles != "" {
		t.Profile = filepath.Join(e.profiles, fmt.Sprintf("serve-%v.pprof", latency))
	}
	api, err := startServer(ctx, t)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, api.stop()) }()
	if err := e.registerViewers(ctx, d, api); err != nil {
		return err
	}
	return f(api)
}

// registerViewers sends one request of each viewer, as a viewer does before
// subscribing. It registers the users, and the server verifies all tokens.
func (e *env) registerViewers(ctx context.Context, d *signups, api *server) error {
	var next atomic.Int64
	_, err := e.generateLoad(ctx, api, loadGen{clients: 16, status: "200", next: &next, request: func(n int) []byte {
		if n >= len(d.viewers.tokens) {
			return nil
		}
		return get("/v1/entitlements", d.viewers.tokens[n])
	}})
	return err
}
