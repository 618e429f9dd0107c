package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/online-cinema/billing/cmd/qa/bench/internal/worker"
)

// Subscribing viewers are the first of a crowd, who all have a token; each
// subscribes to one plan after the other. What was subscribed ends between the
// runs, so that there is always something to subscribe to.
const (
	mostViewers = 10_000
	newPlans    = 30
	newPlanKind = 6
)

// market is a town in which viewers subscribe.
type market struct {
	*town
	viewers tokenSet
	next    atomic.Int64 // the number of the next subscription
	done    int          // how many there are
}

func (l *lab) inMarket(ctx context.Context, plans int, f func(*market) error) error {
	v, err := newViewers(filepath.Join(l.Data, "viewers"), min(mostViewers, l.Rows))
	if err != nil {
		return err
	}
	return l.inTown(ctx, crowd{l.Rows, 1}, "market", func(t *town) error {
		err := l.pg.exec(ctx, t.name, `INSERT INTO plans (id, code, name, price_amount, price_currency, interval_months, features, created_at, updated_at)
			SELECT `+uuid(newPlanKind, "i")+`, 'plan_' || i, 'Plan', 39900, 'RUB', 1, '{hd}', '2020-01-01', '2020-01-01'
			FROM generate_series(0, `+fmt.Sprint(plans-1)+`) i`, "ANALYZE plans")
		if err != nil {
			return err
		}
		m := &market{town: t, viewers: v}
		if err := f(m); err != nil {
			return err
		}
		return errors.Join(m.books(ctx), m.clear(ctx))
	})
}

// rest ends what was subscribed in a run, and cleans up.
func (m *market) rest(ctx context.Context, r run) error {
	m.done += r.Items
	err := m.pg.exec(ctx, m.name, `UPDATE subscriptions SET status = 'ended', ended_at = created_at, next_charge_at = NULL
		WHERE plan_id <> '`+planID+`' AND ended_at IS NULL AND status = 'active'`)
	return errors.Join(err, m.town.rest(ctx))
}

// books checks that every answer stands for one subscription that was paid once.
func (m *market) books(ctx context.Context) error {
	for query, want := range map[string]int{
		"SELECT count(*) FROM subscriptions WHERE plan_id <> '" + planID + "'":                    m.done,
		"SELECT count(*) FROM subscriptions WHERE status NOT IN ('active', 'ended') OR charging":  0,
		"SELECT count(*) FROM payments WHERE initiator = 'customer' AND status = 'succeeded'":     m.done,
		"SELECT count(*) FROM payments WHERE status <> 'succeeded'":                               0,
		"SELECT count(*) FROM events WHERE type = 'subscribed'":                                   m.done,
		`SELECT count(DISTINCT (user_id, subscription_id)) FROM events WHERE type = 'subscribed'`: m.done,
	} {
		if err := m.expect(ctx, query, want); err != nil {
			return err
		}
	}
	return nil
}

// clear takes the new subscriptions out, for the books of the town.
func (m *market) clear(ctx context.Context) error {
	statements := []string{"SET session_replication_role = replica"} // nothing is left that refers to them
	for _, table := range []string{"events", "payments", "subscriptions"} {
		key := "subscription_id"
		if table == "subscriptions" {
			key = "id"
		}
		statements = append(statements, "DELETE FROM "+table+" t USING subscriptions s WHERE s.plan_id <> '"+planID+
			"' AND t.user_id = s.user_id AND t."+key+" = s.id")
	}
	return m.pg.exec(ctx, m.name, statements...)
}

// request is the n-th subscription.
func (m *market) request(n int) []byte {
	viewer, plan := n%len(m.viewers.tokens), n/len(m.viewers.tokens)%newPlans
	return post("/v1/subscriptions", m.viewers.tokens[viewer], fmt.Sprintf(
		`{"plan_code":"plan_%d","price":{"amount":39900,"currency":"RUB"},"payment_system":"%s","payment_token":"tok_new_%d"}`, plan, worker.SystemCode, n))
}

// subscribe lets clients subscribe at the API for a while.
func (l *lab) subscribe(ctx context.Context, m *market, api *serving, clients int) (run, error) {
	r, err := l.storm(ctx, api, storm{
		clients: clients, status: "201", request: m.request, next: &m.next, lasting: l.Time,
	})
	if err != nil {
		return r, err
	}
	return r, m.rest(ctx, r)
}

// storm is a storm at a server, and what the server and Postgres use for it.
func (l *lab) storm(ctx context.Context, server *serving, s storm) (run, error) {
	s.addr = server.addr
	client, err := server.cpu()
	if err != nil {
		return run{}, err
	}
	postgres, err := clusterCPU(l.pg.pid)
	if err != nil {
		return run{}, err
	}
	r, err := s.run(ctx)
	if err != nil {
		return r, err
	}
	clientNow, err := server.cpu()
	if err != nil {
		return r, err
	}
	postgresNow, err := clusterCPU(l.pg.pid)
	r.Client, r.Server, r.Load = clientNow-client, postgresNow-postgres, load()
	return r, err
}

// viewerScript is what a subscription is for Postgres: both transactions,
// statement by statement or each as one pipeline.
func viewerScript(q queries, viewers int, pipelined bool) (string, error) {
	s := script{queries: q}
	s.add(fmt.Sprintf("\\set k :k + 1\n\\set n :base + :client_id + :clients * :k\n\\set u :n %% %d + 1\n\\set p :n / %d %% %d\n", viewers, viewers, newPlans))
	const now, then = "now()", "now() + interval '1 month'"
	var (
		u    = "(" + user(":u::bigint") + ")"
		sub  = "(" + uuid(newPlanKind+1, ":n::bigint") + ")"
		pay  = "(" + uuid(newPlanKind+2, ":n::bigint") + ")"
		card = "(" + uuid(newPlanKind+3, ":n::bigint") + ")"
		plan = "(" + uuid(newPlanKind, ":p::bigint") + ")"
		of   = func(v string) string { return "ARRAY[" + v + "]" }
		none = of("NULL::timestamptz")
	)
	do := func(name string, v values) {
		s.query(name, v)
		s.add(";\n")
	}
	open, end := "BEGIN;\n", "COMMIT;\n"
	if pipelined {
		open, end = "\\startpipeline\nBEGIN;\n", "COMMIT;\n\\endpipeline\n"
	}
	s.add(open)
	code := of("'plan_' || :p")
	do("PlansForShare", values{"codes": code, "ids": of("NULL::uuid")})
	do("PaymentSystemsNamed", values{"codes": of("'" + worker.SystemCode + "'")})
	do("SubscriptionsLive", values{"user_ids": of(u), "codes": code, "ids": of("NULL::uuid")})
	fingerprint := of("sha256(('tok' || :n)::bytea)")
	do("MethodsByToken", values{
		"user_ids": of(u), "payment_systems": of("'" + worker.SystemCode + "'"), "token_fingerprints": fingerprint, "tokens": of("'tok' || :n"),
	})
	do("UsersSeen", values{"ids": of(u), "at": now})
	do("MethodsAdd", values{
		"user_ids": of(u), "ids": of(card), "payment_systems": of("'" + worker.SystemCode + "'"), "tokens": of("''"),
		"token_cts": of("decode(repeat('00', 40), 'hex')"), "token_key_ids": of("1"), "token_fingerprints": fingerprint,
		"card_ids": of("NULL::uuid"), "created": of(now),
	})
	do("SubscriptionsAdd", values{
		"user_ids": of(u), "ids": of(sub), "plan_ids": of(plan), "payment_method_ids": of(card),
		"payment_systems": of("'" + worker.SystemCode + "'"), "price_amounts": of("39900"), "price_currencies": of("'RUB'"),
		"interval_months": of("1"), "statuses": of("'incomplete'"), "anchors": of(now), "period_starts": of(now), "period_ends": of(then),
		"next_charges": none, "charging": of("true"), "cancels": of("false"), "past_due_sinces": none, "grace_untils": none,
		"latest_payment_ids": of(pay), "created": of(now), "started": none, "ended": none,
	})
	do("PaymentsAdd", values{
		"user_ids": of(u), "ids": of(pay), "subscription_ids": of(sub), "payment_method_ids": of(card), "payment_systems": of("'" + worker.SystemCode + "'"),
		"initiators": of("'customer'"), "amounts": of("39900"), "currencies": of("'RUB'"), "period_starts": of(now), "period_ends": of(then),
		"created": of(now), "send": "'20s'",
	})
	s.add(end + open)
	do("SubscriptionsLock", values{"user_ids": of(u), "ids": of(sub)})
	do("PaymentsLock", values{"user_ids": of(u), "ids": of(pay)})
	do("PaymentsSave", values{
		"user_ids": of(u), "ids": of(pay), "versions": of("'0'::xid"), "statuses": of("'succeeded'"), "decline_codes": of("''"), "provider_refs": of("'ref'"),
		"action_urls": of("''"), "contradictions": of("''"), "settled": of(now),
	})
	do("SubscriptionsSave", values{
		"user_ids": of(u), "ids": of(sub), "versions": of("'0'::xid"), "payment_method_ids": of(card), "statuses": of("'active'"), "period_starts": of(now), "period_ends": of(then),
		"next_charges": of(then), "charging": of("false"), "cancels": of("false"), "past_due_sinces": none, "grace_untils": none,
		"latest_payment_ids": of(pay), "started": of(now), "ended": none,
	})
	do("EventsAppend", values{
		"user_ids": of(u), "ids": of("gen_random_uuid()"), "types": of("'subscribed'"), "ats": of(now), "subscription_ids": of(sub), "card_ids": of("NULL::uuid"),
		"plan_codes": of("'plan'"), "payment_ids": of(pay), "amounts": of("39900"), "currencies": of("'RUB'"), "decline_codes": of("''"),
		"access_untils": of(then), "retry_ats": none,
	})
	s.add(end)
	return s.text.String(), s.err
}

// subscribeLimit lets clients of pgbench subscribe for a while.
func (l *lab) subscribeLimit(ctx context.Context, m *market, clients int, pipelined bool) (run, error) {
	text, err := viewerScript(l.queries, len(m.viewers.tokens), pipelined)
	if err != nil {
		return run{}, err
	}
	base := m.next.Load()
	r, err := bench{
		pg: m.pg, database: m.name, script: text, clients: clients, lasting: l.Time, each: 1,
		vars: map[string]string{"k": "-1", "base": fmt.Sprint(base), "clients": fmt.Sprint(clients)},
	}.run(ctx)
	if err != nil {
		return r, err
	}
	m.next.Store(base + 4*int64(r.Items) + 1000) // some clients get further than others
	return r, m.rest(ctx, r)
}

// seen lets every viewer look at the plans once, as viewers do before they
// subscribe: tokens are verified, and users known.
func (l *lab) seen(ctx context.Context, m *market, api *serving) error {
	var next atomic.Int64
	_, err := l.storm(ctx, api, storm{clients: 16, status: "200", next: &next, request: func(n int) []byte {
		if n >= len(m.viewers.tokens) {
			return nil
		}
		return get("/v1/entitlements", m.viewers.tokens[n])
	}})
	return err
}

// subscribePart is A1 to A3.
func subscribePart(ctx context.Context, l *lab) (section, error) {
	s := section{Title: "Subscribing through HTTP"}
	s.Table.Head = []string{"", "clients", "payment system", "subscriptions/s", "p50, ms", "p99, ms", "CPU of ours, µs", "CPU of Postgres, µs"}
	add := func(name string, clients int, latency time.Duration, runs []run) {
		p50, p99 := "", ""
		if runs[0].Latency != nil {
			p50 = spreadOf(each(runs, func(r run) float64 { return r.Latency.P50 })).String()
			p99 = spreadOf(each(runs, p99Of)).String()
		}
		s.Table.add(name, fmt.Sprint(clients), latency.String(), rates(runs).String(), p50, p99, figure(client(runs)), figure(server(runs)))
	}
	raw := map[string]any{}
	err := l.inMarket(ctx, newPlans, func(m *market) error {
		for _, c := range []struct {
			clients   int
			pipelined bool
			target    target
		}{
			{32, false, atLeast("A1", "subscriptions/s at 32 clients over pgbench at 32", 0.60, spread{})},
			{32, true, target{}},
			{256, false, atLeast("A2", "subscriptions/s at 256 clients over pgbench at 32", 2.0, spread{})},
		} {
			pairs, err := l.subscribePairs(ctx, m, c.clients, c.pipelined)
			if err != nil {
				return err
			}
			name := "pgbench, statement by statement"
			if c.pipelined {
				name = "pgbench, a pipeline for each transaction"
			}
			add(name, 32, 0, bases(pairs))
			add("POST /v1/subscriptions", c.clients, 0, subjects(pairs))
			if c.target.Name != "" {
				c.target.Got = ratio(pairs)
				s.Targets = append(s.Targets, c.target)
			}
			raw[strings.Join([]string{name, fmt.Sprint(c.clients)}, ", ")] = pairs
		}
		const latency = 20 * time.Millisecond
		runs, err := l.subscribeSlowly(ctx, m, 32, latency)
		if err != nil {
			return err
		}
		add("POST /v1/subscriptions", 32, latency, runs)
		s.Targets = append(s.Targets, atMost("A3", "p99 above the payment system's 20 ms, at 32 clients", 15, " ms",
			spreadOf(each(runs, func(r run) float64 { return p99Of(r) - float64(latency.Milliseconds()) }))))
		raw["20 ms"] = runs
		return nil
	})
	s.Notes = []string{"Tokens are RS256 and were seen before by the server. Clients run on the same machine."}
	s.Raw = raw
	return s, err
}

func p99Of(r run) float64 { return r.Latency.P99 }

func (l *lab) subscribePairs(ctx context.Context, m *market, clients int, pipelined bool) (pairs []pair, err error) {
	err = l.withAPI(ctx, m, 0, func(api *serving) (err error) {
		pairs, err = l.pairs(ctx,
			func(ctx context.Context) (run, error) { return l.subscribeLimit(ctx, m, 32, pipelined) },
			func(ctx context.Context) (run, error) { return l.subscribe(ctx, m, api, clients) })
		return err
	})
	return pairs, err
}

func (l *lab) subscribeSlowly(ctx context.Context, m *market, clients int, latency time.Duration) (runs []run, err error) {
	err = l.withAPI(ctx, m, latency, func(api *serving) error {
		for i := range l.Pairs + 1 {
			r, err := l.watch(func() (run, error) { return l.subscribe(ctx, m, api, clients) })
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

// withAPI runs the API, in front of the market's database.
func (l *lab) withAPI(ctx context.Context, m *market, latency time.Duration, f func(*serving) error) (err error) {
	t := worker.Task{Kind: "serve", URL: m.url(), Vault: m.pg.vault, Latency: latency, Keys: m.viewers.keys}
	if l.profiles != "" {
		t.Profile = filepath.Join(l.profiles, fmt.Sprintf("serve-%v.pprof", latency))
	}
	api, err := serve(ctx, t)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, api.stop()) }()
	if err := l.seen(ctx, m, api); err != nil {
		return err
	}
	return f(api)
}
