package wire

import (
	"errors"

	"github.com/jackc/pgx/v5"
)

// lastRows are the rows of the last statement of a batch. Closing them closes the
// batch.
type lastRows struct {
	pgx.Rows
	results pgx.BatchResults
	closed  error
}

// Close implements [pgx.Rows].
func (r *lastRows) Close() {
	r.Rows.Close()
	r.closed = r.results.Close()
}

// Err implements [pgx.Rows].
func (r *lastRows) Err() error {
	if err := r.Rows.Err(); err != nil {
		return err
	}
	return r.closed
}

// lastRow is the row of the last statement of a batch. Scan closes the batch.
type lastRow struct {
	results pgx.BatchResults
	err     error
}

// Scan implements [pgx.Row].
func (r lastRow) Scan(targets ...any) error {
	if r.err != nil {
		return r.err
	}
	err := r.results.QueryRow().Scan(targets...)
	return errors.Join(err, closeAfter(r.results, err))
}

// closeAfter closes results. It returns nil after an error, because Close would
// repeat that error.
func closeAfter(results pgx.BatchResults, err error) error {
	closed := results.Close()
	if err != nil {
		return nil
	}
	return closed
}
