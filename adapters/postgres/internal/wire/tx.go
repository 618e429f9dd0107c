package wire

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// DB runs statements. It has the methods of sqlc's DBTX.
type DB interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Tx is one transaction in few round trips. A statement without rows can be
// queued, see [Tx.Queue]. It then goes to the server together with the next
// statement that is not queued, or with the commit. Postgres runs all statements
// in the order of the calls.
//
//	begin · lock ──► rows ◄── save · save · append ──► counts ◄── commit ──►
type Tx struct {
	conn         *pgxpool.Conn
	errRowCount  error
	queued       []statement
	firstFailure error // of a queued statement, even if the caller ignored it
}

// rollbackTimeout limits a rollback, which the caller cannot cancel.
const rollbackTimeout = 2 * time.Second

// AnyRows is the number of rows of a statement that may affect any number of them.
const AnyRows = -1

// statement is an SQL statement that has not been sent.
type statement struct {
	sql  string
	args []any
	rows int // it must affect so many rows, or AnyRows
}

var _ DB = (*Tx)(nil)

// begin does not rely on the defaults of the database, which can be another isolation
// level or read only.
const begin = "begin isolation level read committed read write"

// Begin queues the beginning of a transaction on conn, which [Tx.Rollback]
// releases. A queued statement that affects a wrong number of rows fails with an
// error that wraps errRowCount.
func Begin(conn *pgxpool.Conn, errRowCount error) *Tx {
	return &Tx{conn: conn, errRowCount: errRowCount, queued: []statement{{sql: begin, rows: AnyRows}}}
}

// Queue returns a [DB] whose Exec queues a statement and reports success. The
// statement must affect the given number of rows, or [AnyRows]. Its error is
// returned by the call that sends it, by [Tx.Flush], or by both.
func (t *Tx) Queue(rows int) DB { return queue{t, rows} }

type queue struct {
	*Tx
	rows int
}

// Exec implements [DB].
func (q queue) Exec(_ context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	q.queued = append(q.queued, statement{sql, args, q.rows})
	return pgconn.CommandTag{}, nil
}

// check returns the error of a queued statement.
func (t *Tx) check(s statement, tag pgconn.CommandTag, err error) error {
	if err != nil || s.rows == AnyRows || tag.RowsAffected() == int64(s.rows) {
		return err
	}
	return fmt.Errorf("%d of %d rows were written: %w", tag.RowsAffected(), s.rows, t.errRowCount)
}

// send sends the queued statements and then more. It returns the results of the
// latter, which the caller closes.
func (t *Tx) send(ctx context.Context, more ...statement) (pgx.BatchResults, error) {
	var batch pgx.Batch
	for _, s := range slices.Concat(t.queued, more) {
		batch.Queue(s.sql, s.args...)
	}
	sent := t.queued
	t.queued = nil
	t.conn.Conn().PgConn().Frontend().Send(growFor(batch.QueuedQueries))
	results := t.conn.SendBatch(ctx, &batch)
	for _, s := range sent {
		tag, err := results.Exec()
		if err = t.check(s, tag, err); err != nil {
			_ = results.Close() // with the same error
			t.firstFailure = err
			return nil, err
		}
	}
	return results, nil
}

// Exec implements [DB].
func (t *Tx) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	results, err := t.send(ctx, statement{sql: sql, args: args})
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	tag, err := results.Exec()
	return tag, errors.Join(err, closeAfter(results, err))
}

// Query implements [DB].
func (t *Tx) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	results, err := t.send(ctx, statement{sql: sql, args: args})
	if err != nil {
		return nil, err
	}
	rows, err := results.Query()
	if err != nil {
		return nil, errors.Join(err, closeAfter(results, err))
	}
	return &lastRows{Rows: rows, results: results}, nil
}

// QueryRow implements [DB].
func (t *Tx) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	results, err := t.send(ctx, statement{sql: sql, args: args})
	return lastRow{results, err}
}

// Flush sends the queued statements if one of them must affect rows, because
// their number must be checked before the commit. It returns the first failure of
// a queued statement of this transaction.
func (t *Tx) Flush(ctx context.Context) error {
	if t.firstFailure != nil {
		return t.firstFailure
	}
	if !slices.ContainsFunc(t.queued, func(s statement) bool { return s.rows != AnyRows }) {
		return nil
	}
	last := t.queued[len(t.queued)-1]
	t.queued = t.queued[:len(t.queued)-1]
	tag, err := t.Exec(ctx, last.sql, last.args...)
	return t.check(last, tag, err)
}

// Commit sends the queued statements and commits. If the connection breaks before
// the response, the transaction may be committed or not.
func (t *Tx) Commit(ctx context.Context) error {
	tag, err := t.Exec(ctx, "commit")
	if err == nil && tag.String() == "ROLLBACK" {
		return pgx.ErrTxCommitRollback
	}
	return err
}

// Rollback rolls the transaction back unless it was committed, and releases the
// connection. It runs even if ctx is canceled, so that no transaction stays open.
func (t *Tx) Rollback(ctx context.Context) {
	defer t.conn.Release()
	const idle = 'I'
	if t.conn.Conn().IsClosed() || t.conn.Conn().PgConn().TxStatus() == idle {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
	defer cancel()
	// If this fails, the pool closes the connection, and Postgres rolls back.
	_, _ = t.conn.Exec(ctx, "rollback")
}
