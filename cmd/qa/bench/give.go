package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/online-cinema/billing/cmd/internal/boot"
	"github.com/online-cinema/billing/cmd/qa/bench/internal/worker"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
)

// giving is the kind of the tasks that give a day to all subscribers.
const giving = "give"

// giveWorker makes one run of billingctl give. Limit is the confirmed number of viewers.
func giveWorker(ctx context.Context, t worker.Task, out io.Writer) error {
	store, pool, err := t.Open(ctx, "none")
	if err != nil {
		return err
	}
	defer pool.Close()
	m := operators.MakeGood{
		Support: operators.Support{
			Store: store, Clock: worker.FixedClock(t.Now), NewID: boot.NewID, By: operators.CLIOperator(),
		},
		RenewalGrace: 24 * time.Hour,
	}
	r := operators.MakeGoodRequest{
		Plan: planCode, Within: billing.Period{Start: t.Now.Add(-time.Hour), End: t.Now}, Days: 1, Source: t.Source, Reason: "benchmark",
	}
	if err := pool.Ping(ctx); err != nil { // the baseline is measured without connecting, too
		return err
	}
	heap, begin, cpu := worker.WatchHeap(), time.Now(), worker.CPU()
	tally, err := m.Give(ctx, r, t.Limit)
	took := worker.Result{
		Items: tally.Given, Elapsed: time.Since(begin), ClientCPU: worker.CPU() - cpu, RSS: worker.PeakRSS(), LiveHeap: heap(),
	}
	if err == nil && tally.Given != t.Limit {
		err = fmt.Errorf("not all got the day: %+v", tally)
	}
	return errors.Join(err, json.NewEncoder(out).Encode(took))
}

// gifts gives days to all subscribers of a dataset.
type gifts struct {
	*dataset
	given int // days to each subscriber so far
}

// byService gives a day as billingctl does, with its count before.
func (g *gifts) byService(ctx context.Context) (run, error) {
	done, err := runWorker(ctx, g.pg, worker.Task{
		Kind: giving, URL: g.url(), Vault: g.pg.vault, Now: firstDue, Limit: g.population.rows, Source: g.source(),
	})
	return g.done(ctx, done, err)
}

// byStatement gives a day by one statement, without any decision.
func (g *gifts) byStatement(ctx context.Context) (run, error) {
	done, err := g.pg.measured(func() (r run, err error) {
		err = onConn(ctx, g.url(), func(conn *pgx.Conn) error {
			begin := time.Now()
			tag, err := conn.Exec(ctx, plainGift, g.source(), firstDue)
			r.Items, r.Elapsed = int(tag.RowsAffected()), time.Since(begin)
			return err
		})
		return r, err
	})
	return g.done(ctx, done, err)
}

// plainGift writes the rows of a make-good.
const plainGift = `
	WITH moved AS (
		UPDATE subscriptions SET period_end = period_end + interval '1 day', next_charge_at = period_end + interval '1 day', anchor_at = period_end + interval '1 day'
		WHERE plan_id = '` + planID + `' AND status = 'active' RETURNING user_id, id, period_end, ` + newID + ` AS grant_id, ` + newID + ` AS event_id),
	given AS (
		INSERT INTO grants (user_id, id, subscription_id, period_start, period_end, source, given_by, reason, created_at)
		SELECT user_id, grant_id, id, period_end - interval '1 day', period_end, $1, 'benchmark', 'benchmark', $2 FROM moved)
	INSERT INTO events (user_id, id, type, at, subscription_id, plan_code, decline_code, access_until)
	SELECT user_id, event_id, 'period_given', $2, id, '` + planCode + `', '', period_end FROM moved`

// source is the source of the next gift.
func (g *gifts) source() string { return fmt.Sprintf("run %d", g.given+1) }

// done checks the tables after a run, and cleans up.
func (g *gifts) done(ctx context.Context, r run, err error) (run, error) {
	if err != nil {
		return r, err
	}
	g.given++
	for query, want := range map[string]int{
		"SELECT count(*) FROM grants WHERE source = 'run " + fmt.Sprint(g.given) + "'":                                  g.population.rows,
		"SELECT count(*) FROM events WHERE type = 'period_given'":                                                       g.given * g.population.rows,
		"SELECT count(*) FROM subscriptions WHERE next_charge_at <> period_end OR anchor_at <> period_end":              0,
		"SELECT count(*) FROM (SELECT user_id FROM grants GROUP BY 1 HAVING count(*) <> " + fmt.Sprint(g.given) + ") u": 0,
	} {
		if err := g.expect(ctx, query, want); err != nil {
			return r, err
		}
	}
	return r, g.pg.exec(ctx, g.name, "VACUUM ANALYZE subscriptions", "VACUUM ANALYZE grants", "VACUUM events")
}

// givePart compares a make-good for all subscribers with one statement that writes the same
// rows.
func givePart(ctx context.Context, e *env) (section, error) {
	s := section{Title: fmt.Sprintf("A day for %d subscribers against one statement", e.Rows)}
	s.Table.Head = []string{"", "subscribers/s", "CPU of the client, µs", "CPU of Postgres, µs", "peak live heap, MB", "peak RSS, MB"}
	var pairs []pair
	err := e.withGifts(ctx, population{e.Rows, 1}, func(g *gifts) (err error) {
		pairs, err = e.pairs(ctx, g.byStatement, g.byService)
		return err
	})
	if err != nil {
		return s, err
	}
	given := subjects(pairs)
	s.Table.add("one UPDATE with two INSERTs", rates(bases(pairs)).String(), "", figure(postgresCPU(bases(pairs))), "", "")
	s.Table.add("billingctl give", rates(given).String(), figure(clientCPU(given)), figure(postgresCPU(given)),
		spreadOf(liveHeapOf(given)).String(), spreadOf(rssOf(given)).String())
	s.Targets = []target{atLeast("give", "subscribers/s over one statement for all", 0.33, ratio(pairs))}
	s.Notes = []string{
		"The statement holds all its locks until its end. billingctl counts the viewers first, decides on each in Go, and holds the locks of 250 at a time.",
	}
	s.Raw = pairs
	return s, nil
}

// giveMemoryPart shows that the memory of a make-good does not grow with the subscribers.
func giveMemoryPart(ctx context.Context, e *env) (section, error) {
	s := section{Title: "Memory of a make-good"}
	s.Table.Head = []string{"subscribers", "subscribers/s", "peak live heap, MB", "peak RSS, MB"}
	few, many := e.Rows/10, e.Rows
	runs := map[int][]run{}
	for _, rows := range []int{e.Rows / 100, few, many} {
		err := e.withGifts(ctx, population{rows, 1}, func(g *gifts) error {
			for range 3 {
				r, err := e.watch(func() (run, error) { return g.byService(ctx) })
				if err != nil {
					return err
				}
				logf("%d subscribers: %.0f/s, live heap %s MB, RSS %s MB", rows, r.rate(), megabytes(r.LiveHeap), megabytes(r.RSS))
				runs[rows] = append(runs[rows], r)
			}
			return nil
		})
		if err != nil {
			return s, err
		}
		s.Table.add(fmt.Sprint(rows), rates(runs[rows]).String(), spreadOf(liveHeapOf(runs[rows])).String(), spreadOf(rssOf(runs[rows])).String())
	}
	over := func(memory func([]run) []float64) spread {
		return exactly(median(memory(runs[many])) / max(1, median(memory(runs[few]))))
	}
	s.Targets = []target{
		atMost("give", fmt.Sprintf("RSS with %d subscribers over RSS with %d", many, few), 1.25, "", over(rssOf)),
	}
	s.Notes = []string{"The live heap is the largest that a garbage collection found. The process has the code of this benchmark, not that of billingctl."}
	s.Raw = runs
	return s, nil
}

// withGifts measures in a copy of a population. The gifts verify it.
func (e *env) withGifts(ctx context.Context, p population, f func(*gifts) error) error {
	return e.withCopy(ctx, p, "give", func(d *dataset) error { return f(&gifts{dataset: d}) })
}
