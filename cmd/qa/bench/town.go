package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// A town is a database that renewals are measured in: a copy of a crowd, of
// which every run renews those who are due next.
type town struct {
	pg      *cluster
	name    string
	crowd   crowd
	renewed int // so far, by anybody
}

func (t *town) url() string { return t.pg.url(t.name) }

// window returns when the next n are due: from the first of them to the last.
func (t *town) window(n int) (from, until time.Time) {
	return t.crowd.dueAt(t.renewed), t.crowd.dueAt(t.renewed + n - 1)
}

// rest cleans up after a run, as autovacuum would if runs were not so close
// together, so that each begins with the same.
func (t *town) rest(ctx context.Context) error {
	return t.pg.exec(ctx, t.name, "VACUUM subscriptions", "VACUUM payments", "VACUUM events")
}

// books checks that everything happened once: each renewal has one paid payment
// and one event, nothing is left open, and everybody is due again at the end of
// the period that is paid for.
func (t *town) books(ctx context.Context) error {
	expected := map[string]int{
		"SELECT count(*) FROM payments WHERE status = 'succeeded'":                                                t.crowd.rows*t.crowd.history + t.renewed,
		"SELECT count(*) FROM events WHERE type = 'renewed'":                                                      t.crowd.rows*t.crowd.history + t.renewed,
		"SELECT count(*) FROM (SELECT DISTINCT user_id, payment_id FROM events) e":                                t.crowd.rows*t.crowd.history + t.renewed,
		"SELECT count(*) FROM (SELECT DISTINCT user_id, subscription_id, period_start FROM payments) p":           t.crowd.rows*t.crowd.history + t.renewed,
		"SELECT count(*) FROM payments WHERE status <> 'succeeded' OR sweep_at IS NOT NULL":                       0,
		"SELECT count(*) FROM subscriptions WHERE status <> 'active' OR charging OR next_charge_at <> period_end": 0,
		`SELECT count(*) FROM subscriptions s JOIN payments p ON p.user_id = s.user_id AND p.id = s.latest_payment_id
		WHERE p.subscription_id = s.id AND p.period_start = s.period_start AND p.period_end = s.period_end`: t.crowd.rows,
	}
	for query, want := range expected {
		if err := t.expect(ctx, query, want); err != nil {
			return err
		}
	}
	return nil
}

func (t *town) expect(ctx context.Context, query string, want int) error {
	got, err := t.pg.number(ctx, t.name, query)
	if err == nil && got != int64(want) {
		err = fmt.Errorf("the books are wrong: %s is %d, and should be %d", query, got, want)
	}
	return err
}

// hold opens a transaction that looks at the database as it is now, until let is
// called.
func (t *town) hold(ctx context.Context) (let func(), err error) {
	conn, err := pgx.Connect(ctx, t.url())
	if err != nil {
		return nil, err
	}
	let = func() { _ = conn.Close(context.WithoutCancel(ctx)) }
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err == nil {
		_, err = tx.Exec(ctx, "SELECT FROM subscriptions LIMIT 1")
	}
	if err != nil {
		let()
		return nil, err
	}
	return let, nil
}

func (t *town) drop(ctx context.Context) error {
	return t.pg.exec(ctx, "postgres", "DROP DATABASE IF EXISTS "+t.name+" WITH (FORCE)")
}
