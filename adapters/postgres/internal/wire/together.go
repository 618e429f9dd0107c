package wire

import (
	"context"
	"errors"
	"iter"

	"github.com/jackc/pgx/v5"
)

// QueryTogether runs several queries in one round trip, after the queued
// statements. Each function makes one call of [DB.Query] and reads its rows.
//
// The functions run as coroutines: each is paused in its call of Query until the
// statements of all of them have been sent.
func (t *Tx) QueryTogether(ctx context.Context, queries ...func(DB) error) error {
	paused := make([]*pausedQuery, len(queries))
	statements := make([]statement, len(queries))
	for i, query := range queries {
		p := &pausedQuery{Tx: t}
		paused[i] = p
		var err error
		statements[i], err = p.start(query)
		defer p.stop()
		if err != nil {
			return err
		}
	}
	results, err := t.send(ctx, statements...)
	if err != nil {
		return err
	}
	for _, p := range paused {
		if err := p.finish(results); err != nil {
			return errors.Join(err, closeAfter(results, err))
		}
	}
	return results.Close()
}

// pausedQuery is a [DB] whose Query pauses the coroutine until it has results.
type pausedQuery struct {
	*Tx
	yield   func(statement) bool
	resume  func() (statement, bool)
	stop    func()
	results pgx.BatchResults
	err     error // of the function
}

var (
	errNotSent  = errors.New("the query was not sent")
	errOneQuery = errors.New("a function of QueryTogether must call Query once")
)

// start runs query up to its call of Query and returns the statement.
func (p *pausedQuery) start(query func(DB) error) (statement, error) {
	p.resume, p.stop = iter.Pull(func(yield func(statement) bool) {
		p.yield = yield
		p.err = query(p)
	})
	s, called := p.resume()
	if !called {
		return s, errors.Join(errOneQuery, p.err)
	}
	return s, nil
}

// Query implements [DB].
func (p *pausedQuery) Query(_ context.Context, sql string, args ...any) (pgx.Rows, error) {
	if !p.yield(statement{sql: sql, args: args}) {
		return nil, errNotSent
	}
	return p.results.Query()
}

// finish runs the rest of the function, which reads the next of the results.
func (p *pausedQuery) finish(results pgx.BatchResults) error {
	p.results = results
	if _, again := p.resume(); again {
		return errOneQuery
	}
	return p.err
}
