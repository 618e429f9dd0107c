package wire_test

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/online-cinema/billing/adapters/postgres/pgtest"
)

// roundTrip sends a value and scans it into want's type.
func roundTrip[In, Out any](t *testing.T, pool *pgxpool.Pool, sqlType string, in In, want Out) {
	t.Helper()
	var got Out
	if err := pool.QueryRow(t.Context(), "SELECT $1::"+sqlType, in).Scan(&got); err != nil {
		t.Errorf("%s %v: %v", sqlType, in, err)
	} else if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", sqlType, diff)
	}
}

func TestCodecs_RoundTrip(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	const id = "0199a0b0-c0d0-7abc-9def-0123456789ab"
	at := time.Date(1969, time.July, 20, 20, 17, 40, 123456000, time.UTC)
	roundTrip(t, pool, "uuid[]", []string{id, "ffffffff-ffff-ffff-ffff-ffffffffffff"}, []string{id, "ffffffff-ffff-ffff-ffff-ffffffffffff"})
	roundTrip(t, pool, "uuid[]", []string{"", id}, []*string{nil, new(id)})
	roundTrip(t, pool, "text[]", []string{"", "Ж\"{},\\", "NULL"}, []string{"", "Ж\"{},\\", "NULL"})
	roundTrip(t, pool, "timestamptz[]", []time.Time{at, {}, at.Local()}, []time.Time{at, {}, at})
	roundTrip(t, pool, "bigint[]", []int64{math.MinInt64, 0, math.MaxInt64}, []int64{math.MinInt64, 0, math.MaxInt64})
	roundTrip(t, pool, "int[]", []int32{math.MinInt32, 0, math.MaxInt32}, []int32{math.MinInt32, 0, math.MaxInt32})
	roundTrip(t, pool, "bool[]", []bool{true, false}, []bool{true, false})
	roundTrip(t, pool, "text[]", []string{}, []string{})
	roundTrip(t, pool, "text[]", []string(nil), []string(nil))
	roundTrip(t, pool, "uuid", id, id)
	roundTrip(t, pool, "timestamptz", at, at)
	roundTrip(t, pool, "timestamptz", time.Time{}, time.Time{})
	var text string
	if err := pool.QueryRow(t.Context(), "SELECT $1::uuid[]", []string{"not an id"}).Scan(&text); err == nil {
		t.Error("an invalid id was accepted")
	}
}
