package wire

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

func TestGrowFor_FitsBatchOfRenewals(t *testing.T) {
	t.Parallel()
	const n = 250
	ids, times, words := make([]string, n), make([]time.Time, n), make([]string, n)
	for i := range n {
		ids[i], times[i], words[i] = uuid.NewString(), time.Unix(int64(i), 0), "active"
	}
	numbers, flags, nulls := make([]uint32, n), make([]bool, n), make([]time.Time, n)
	args := []any{ // those of the query SubscriptionsSave
		ids, ids, numbers, ids, words, times, times, times, flags, flags, nulls, nulls, ids, times, nulls,
	}
	types := []uint32{
		pgtype.UUIDArrayOID, pgtype.UUIDArrayOID, xidArrayOID, pgtype.UUIDArrayOID, pgtype.TextArrayOID,
		pgtype.TimestamptzArrayOID, pgtype.TimestamptzArrayOID, pgtype.TimestamptzArrayOID,
		pgtype.BoolArrayOID, pgtype.BoolArrayOID, pgtype.TimestamptzArrayOID, pgtype.TimestamptzArrayOID,
		pgtype.UUIDArrayOID, pgtype.TimestamptzArrayOID, pgtype.TimestamptzArrayOID,
	}
	m := pgtype.NewMap()
	RegisterTypes(m)
	var sent []byte
	var err error
	for i, arg := range args {
		if sent, err = m.Encode(types[i], pgtype.BinaryFormatCode, arg, sent); err != nil {
			t.Fatal(err)
		}
	}
	got := int(growFor([]*pgx.QueuedQuery{{Arguments: args}}))
	if got < len(sent) || got > 2*len(sent) {
		t.Errorf("reserved %d bytes for a batch of %d, want once to twice its size", got, len(sent))
	}
	if got := growFor([]*pgx.QueuedQuery{{Arguments: []any{make([]byte, 1000), "text", int32(1), nil}}}); got != 1000 {
		t.Errorf("reserved %d bytes for a text of 1000", got)
	}
	if buf, err := growBuffer(got).Encode(nil); err != nil || cap(buf) < got || len(buf) != 0 {
		t.Errorf("encoded %d bytes with capacity %d, error %v; want none with at least %d", len(buf), cap(buf), err, got)
	}
}
