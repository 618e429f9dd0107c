package postgres

import (
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
)

// tx is one transaction, in few round trips: what returns nothing may wait, with
// [tx.later], for the next statement that does, or for the commit, and goes to
// the server with it. Postgres runs all in the order in which they came.
//
//	begin · lock ──► rows ◄── save · save · append ──► counts ◄── commit ──►
type tx struct {
	conn    *pgxpool.Conn
	waiting []statement
	failed  error // of the first statement that failed, whoever heard of it
}

// statement waits to be sent.
type statement struct {
	sql  string
	args []any
	rows int // that it must touch; any for any number
}

const anyNumber = -1

func (s statement) judge(tag pgconn.CommandTag, err error) error {
	if s.rows == anyNumber {
		return err
	}
	return mustTouch(s.rows, tag.RowsAffected(), err)
}

var _ dbgen.DBTX = (*tx)(nil)

func begin(conn *pgxpool.Conn) *tx {
	return &tx{conn: conn, waiting: []statement{{sql: "begin", rows: anyNumber}}}
}

// later is for a statement that returns nothing and must touch so many rows: it
// may wait. What is wrong with it shows later, too.
func (t *tx) later(rows int) *dbgen.Queries { return dbgen.New(patient{t, rows}) }

// patient is a tx whose Exec only notes what is to be done.
type patient struct {
	*tx
	rows int
}

func (p patient) Exec(_ context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	p.waiting = append(p.waiting, statement{sql, args, p.rows})
	return pgconn.CommandTag{}, nil
}

// ask sends what waits, and with it what several queries ask. Each is called
// twice: the first time its question is noted, and it learns nothing; the second
// time it reads the answer.
func (t *tx) ask(ctx context.Context, queries ...func(*dbgen.Queries) error) error {
	var asked []statement
	for _, query := range queries {
		_ = query(dbgen.New(noting{t, &asked})) // that there is no answer yet
	}
	answers, err := t.send(ctx, asked...)
	if err != nil {
		return err
	}
	for _, query := range queries {
		if err := query(dbgen.New(answering{t, answers})); err != nil {
			return errors.Join(err, closeAfter(answers, err))
		}
	}
	return answers.Close()
}

// noting is a tx whose Query only notes what is asked.
type noting struct {
	*tx
	asked *[]statement
}

var errNoted = errors.New("the question is noted")

func (n noting) Query(_ context.Context, sql string, args ...any) (pgx.Rows, error) {
	*n.asked = append(*n.asked, statement{sql: sql, args: args})
	return nil, errNoted
}

// answering is a tx whose Query reads the next answer.
type answering struct {
	*tx
	answers pgx.BatchResults
}

func (a answering) Query(context.Context, string, ...any) (pgx.Rows, error) { return a.answers.Query() }

// send sends what waits, and more. It returns the answers to the latter, which
// the caller closes.
func (t *tx) send(ctx context.Context, more ...statement) (pgx.BatchResults, error) {
	var batch pgx.Batch
	for _, s := range slices.Concat(t.waiting, more) {
		batch.Queue(s.sql, s.args...)
	}
	sent := t.waiting
	t.waiting = nil
	t.conn.Conn().PgConn().Frontend().Send(roomFor(batch.QueuedQueries))
	answers := t.conn.SendBatch(ctx, &batch)
	for _, s := range sent {
		tag, err := answers.Exec()
		if err = s.judge(tag, err); err != nil {
			_ = answers.Close() // says the same again
			t.failed = err
			return nil, err
		}
	}
	return answers, nil
}

// Exec implements dbgen.DBTX.
func (t *tx) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	answers, err := t.send(ctx, statement{sql: sql, args: args})
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	tag, err := answers.Exec()
	return tag, errors.Join(err, closeAfter(answers, err))
}

// Query implements dbgen.DBTX.
func (t *tx) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	answers, err := t.send(ctx, statement{sql: sql, args: args})
	if err != nil {
		return nil, err
	}
	rows, err := answers.Query()
	if err != nil {
		return nil, errors.Join(err, closeAfter(answers, err))
	}
	return &lastRows{Rows: rows, answers: answers}, nil
}

// QueryRow implements dbgen.DBTX.
func (t *tx) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	answers, err := t.send(ctx, statement{sql: sql, args: args})
	return lastRow{answers, err}
}

// check sends what waits if it must touch rows: that is known only afterwards, and
// must be before the commit.
func (t *tx) check(ctx context.Context) error {
	if t.failed != nil {
		return t.failed
	}
	if !slices.ContainsFunc(t.waiting, func(s statement) bool { return s.rows != anyNumber }) {
		return nil
	}
	last := t.waiting[len(t.waiting)-1]
	t.waiting = t.waiting[:len(t.waiting)-1]
	tag, err := t.Exec(ctx, last.sql, last.args...)
	return last.judge(tag, err)
}

// commit sends what waits, and commits. Whether a commit that was sent and not
// answered was kept, nobody knows.
func (t *tx) commit(ctx context.Context) error {
	tag, err := t.Exec(ctx, "commit")
	if err == nil && tag.String() == "ROLLBACK" {
		return pgx.ErrTxCommitRollback
	}
	return err
}

// rollback is for transactions that did not commit; after a commit it does
// nothing. The caller's cancellation must not leave one open.
func (t *tx) rollback(ctx context.Context) {
	defer t.conn.Release()
	const idle = 'I'
	if t.conn.Conn().IsClosed() || t.conn.Conn().PgConn().TxStatus() == idle {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
	defer cancel()
	// The pool closes a connection that could not roll back, and Postgres rolls back.
	_, _ = t.conn.Exec(ctx, "rollback")
}

// closeAfter closes the answers; when one of them was an error, that is said already.
func closeAfter(answers pgx.BatchResults, err error) error {
	closed := answers.Close()
	if err != nil {
		return nil
	}
	return closed
}

// lastRows ends the batch that it is the last answer of.
type lastRows struct {
	pgx.Rows
	answers pgx.BatchResults
	closed  error
}

func (r *lastRows) Close() {
	r.Rows.Close()
	r.closed = r.answers.Close()
}

func (r *lastRows) Err() error {
	if err := r.Rows.Err(); err != nil {
		return err
	}
	return r.closed
}

// lastRow likewise.
type lastRow struct {
	answers pgx.BatchResults
	err     error
}

func (r lastRow) Scan(targets ...any) error {
	if r.err != nil {
		return r.err
	}
	err := r.answers.QueryRow().Scan(targets...)
	return errors.Join(err, closeAfter(r.answers, err))
}
