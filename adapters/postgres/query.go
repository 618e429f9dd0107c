package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/online-cinema/billing/core/ports"
)

// queryMany runs a query with the package's timeout and converts each row.
func queryMany[Row, T any](ctx context.Context, query func(context.Context) ([]Row, error), convert func(Row) T) ([]T, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	rows, err := query(ctx)
	if err != nil {
		return nil, translate(err)
	}
	return mapSlice(rows, convert), nil
}

// queryOne runs a query for one value with the package's timeout.
func queryOne[T any](ctx context.Context, query func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	value, err := query(ctx)
	return value, translate(err)
}

// mapSlice returns f of each row, for example one column of a batch.
func mapSlice[T, C any](rows []T, f func(T) C) []C {
	values := make([]C, len(rows))
	for i, row := range rows {
		values[i] = f(row)
	}
	return values
}

// stringsOf returns the texts of ids or codes. It is never nil, which would be NULL.
func stringsOf[T ~string](list []T) []string {
	return mapSlice(list, func(v T) string { return string(v) })
}

// mapRange returns f(0) to f(n-1).
func mapRange[C any](n int, f func(int) C) []C {
	values := make([]C, n)
	for i := range values {
		values[i] = f(i)
	}
	return values
}

const (
	minID = "00000000-0000-0000-0000-000000000000"
	maxID = "ffffffff-ffff-ffff-ffff-ffffffffffff"
)

// beforeID returns the upper bound of a page by id.
func beforeID(p ports.Page) string {
	if p.Before == "" {
		return maxID
	}
	return p.Before
}

// beforeKey returns the upper bound of a page by time and id.
func beforeKey(at time.Time, id string) (time.Time, string) {
	if at.IsZero() {
		at = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return at, beforeID(ports.Page{Before: id})
}

// orEpoch returns t, or the Unix epoch for the zero time, which would be NULL.
func orEpoch(t time.Time) time.Time {
	if t.IsZero() {
		return time.Unix(0, 0).UTC()
	}
	return t
}

// idOrEmpty returns an id, or the empty one for NULL.
func idOrEmpty[ID ~string](id *string) ID {
	if id == nil {
		return ""
	}
	return ID(*id)
}

func interval(d time.Duration) pgtype.Interval {
	return pgtype.Interval{Microseconds: d.Microseconds(), Valid: true}
}

func text(s string) pgtype.Text { return pgtype.Text{String: s, Valid: true} }
