package main

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// loop selects all due subscriptions, and charges and updates each in turn.
func loop(ctx context.Context, t task, pool *pgxpool.Pool) (result, error) {
	m := start()
	rows, err := pool.Query(ctx, selectDue, t.Now)
	if err != nil {
		return result{}, err
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[due])
	if err != nil {
		return result{}, err
	}
	for _, d := range all {
		charge(t.Latency)
		if err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error { return record(ctx, tx, d, t.Now) }); err != nil {
			return result{}, err
		}
	}
	return m.stop(len(all)), nil
}
