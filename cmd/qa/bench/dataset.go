package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// dataset is a database to measure in: a copy of a population. Each run renews the
// subscriptions that are due next.
type dataset struct {
	pg         *cluster
	name       string
	population population
	renewed    int // by all runs so far
}

// withDataset copies a population, measures in the copy, and verifies it.
func (e *env) withDataset(ctx context.Context, p population, name string, f func(*dataset) error) error {
	return e.withCopy(ctx, p, name, func(d *dataset) error {
		if err := f(d); err != nil {
			return err
		}
		return d.verify(ctx)
	})
}

// withCopy copies a population, calls f with the copy, and drops it.
func (e *env) withCopy(ctx context.Context, p population, name string, f func(*dataset) error) (err error) {
	d, err := p.copyTo(ctx, e.pg, "dataset_"+name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.drop(context.WithoutCancel(ctx))) }()
	return f(d)
}

func (d *dataset) url() string { return d.pg.url(d.name) }

// window returns the due times of the first and the last of the next n renewals.
func (d *dataset) window(n int) (from, until time.Time) {
	return d.population.dueAt(d.renewed), d.population.dueAt(d.renewed + n - 1)
}

// vacuum cleans up after a run, so that each run begins in the same state. Runs are
// too close together for autovacuum.
func (d *dataset) vacuum(ctx context.Context) error {
	return d.pg.exec(ctx, d.name, "VACUUM subscriptions", "VACUUM payments", "VACUUM events")
}

// verify checks that each renewal has one paid payment and one event, that no
// payment is pending, and that each subscription is due at the end of its period.
func (d *dataset) verify(ctx context.Context) error {
	payments := d.population.rows*d.population.months + d.renewed
	expected := map[string]int{
		"SELECT count(*) FROM payments WHERE status = 'succeeded'":                                                payments,
		"SELECT count(*) FROM events WHERE type = 'renewed'":                                                      payments,
		"SELECT count(*) FROM (SELECT DISTINCT user_id, payment_id FROM events) e":                                payments,
		"SELECT count(*) FROM (SELECT DISTINCT user_id, subscription_id, period_start FROM payments) p":           payments,
		"SELECT count(*) FROM payments WHERE status <> 'succeeded' OR sweep_at IS NOT NULL":                       0,
		"SELECT count(*) FROM subscriptions WHERE status <> 'active' OR charging OR next_charge_at <> period_end": 0,
		`SELECT count(*) FROM subscriptions s JOIN payments p ON p.user_id = s.user_id AND p.id = s.latest_payment_id
		WHERE p.subscription_id = s.id AND p.period_start = s.period_start AND p.period_end = s.period_end`: d.population.rows,
	}
	for query, want := range expected {
		if err := d.expect(ctx, query, want); err != nil {
			return err
		}
	}
	return nil
}

func (d *dataset) expect(ctx context.Context, query string, want int) error {
	got, err := d.pg.number(ctx, d.name, query)
	if err == nil && got != int64(want) {
		err = fmt.Errorf("the tables are inconsistent: %s is %d, want %d", query, got, want)
	}
	return err
}

// holdSnapshot opens a transaction with a snapshot of the current state. release
// ends it.
func (d *dataset) holdSnapshot(ctx context.Context) (release func(), err error) {
	conn, err := pgx.Connect(ctx, d.url())
	if err != nil {
		return nil, err
	}
	release = func() { _ = conn.Close(context.WithoutCancel(ctx)) }
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err == nil {
		_, err = tx.Exec(ctx, "SELECT FROM subscriptions LIMIT 1")
	}
	if err != nil {
		release()
		return nil, err
	}
	return release, nil
}

func (d *dataset) drop(ctx context.Context) error {
	return d.pg.exec(ctx, "postgres", "DROP DATABASE IF EXISTS "+d.name+" WITH (FORCE)")
}
