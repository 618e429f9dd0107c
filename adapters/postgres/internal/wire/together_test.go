package wire_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/online-cinema/billing/adapters/postgres/internal/wire"
	"github.com/online-cinema/billing/adapters/postgres/pgtest"
)

func begin(t *testing.T) *wire.Tx {
	t.Helper()
	conn, err := pgtest.New(t).Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tx := wire.Begin(conn, errors.New("wrong number of rows"))
	t.Cleanup(func() { tx.Rollback(context.WithoutCancel(t.Context())) })
	return tx
}

// selectInto returns a function for QueryTogether that reads one number.
func selectInto(ctx context.Context, target *int, sql string, args ...any) func(wire.DB) error {
	return func(db wire.DB) error {
		rows, err := db.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		*target, err = pgx.CollectExactlyOneRow(rows, pgx.RowTo[int])
		return err
	}
}

func TestQueryTogether_EachFunctionReadsItsRows(t *testing.T) {
	t.Parallel()
	tx := begin(t)
	if _, err := tx.Exec(t.Context(), "CREATE TEMP TABLE numbers (n int)"); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Queue(1).Exec(t.Context(), "INSERT INTO numbers VALUES (1)"); err != nil {
		t.Fatal(err)
	}
	var got [3]int
	err := tx.QueryTogether(t.Context(),
		selectInto(t.Context(), &got[0], "SELECT count(*)::int FROM numbers"),
		selectInto(t.Context(), &got[1], "SELECT $1::int", 2),
		selectInto(t.Context(), &got[2], "SELECT $1::int", 3))
	if diff := cmp.Diff([3]int{1, 2, 3}, got); diff != "" || err != nil {
		t.Errorf("error %v; numbers (-want +got):\n%s", err, diff)
	}
}

func TestQueryTogether_Fails(t *testing.T) {
	t.Parallel()
	var n int
	one := selectInto(t.Context(), &n, "SELECT 1")
	for name, queries := range map[string][]func(wire.DB) error{
		"invalid query":            {one, selectInto(t.Context(), &n, "SELECT 1/0"), one},
		"function fails":           {one, func(wire.DB) error { return errors.New("failed") }},
		"function without a query": {func(wire.DB) error { return nil }, one},
		"function with two queries": {func(db wire.DB) error {
			return errors.Join(one(db), one(db))
		}, one},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := begin(t).QueryTogether(t.Context(), queries...); err == nil {
				t.Error("no error")
			}
		})
	}
}

func TestBegin_IgnoresDefaultsOfDatabase(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	conn, err := pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{"SET default_transaction_isolation = serializable", "SET default_transaction_read_only = on"} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	tx := wire.Begin(conn, errors.New("wrong number of rows"))
	defer tx.Rollback(t.Context())
	var isolation, readOnly string
	err = tx.QueryRow(t.Context(), "SELECT current_setting('transaction_isolation'), current_setting('transaction_read_only')").
		Scan(&isolation, &readOnly)
	if err != nil || isolation != "read committed" || readOnly != "off" {
		t.Errorf("isolation %q, read only %q, %v; want read committed and off", isolation, readOnly, err)
	}
}
