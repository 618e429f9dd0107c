package postgres

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// TestRoom has a batch of renewals, as they are recorded, fit into its room, and
// fill most of it.
func TestRoom(t *testing.T) {
	t.Parallel()
	const n = 250
	ids, times, words := make([]string, n), make([]time.Time, n), make([]string, n)
	for i := range n {
		ids[i], times[i], words[i] = uuid.NewString(), time.Unix(int64(i), 0), "active"
	}
	numbers, flags, nothing := make([]uint32, n), make([]bool, n), make([]time.Time, n)
	args := []any{ // as of SubscriptionsSave
		ids, ids, numbers, ids, words, times, times, times, flags, flags, nothing, nothing, ids, times, nothing,
	}
	types := []uint32{
		pgtype.UUIDArrayOID, pgtype.UUIDArrayOID, xidArrayOID, pgtype.UUIDArrayOID, pgtype.TextArrayOID,
		pgtype.TimestamptzArrayOID, pgtype.TimestamptzArrayOID, pgtype.TimestamptzArrayOID,
		pgtype.BoolArrayOID, pgtype.BoolArrayOID, pgtype.TimestamptzArrayOID, pgtype.TimestamptzArrayOID,
		pgtype.UUIDArrayOID, pgtype.TimestamptzArrayOID, pgtype.TimestamptzArrayOID,
	}
	m := pgtype.NewMap()
	registerTypes(m)
	var sent []byte
	var err error
	for i, arg := range args {
		if sent, err = m.Encode(types[i], pgtype.BinaryFormatCode, arg, sent); err != nil {
			t.Fatal(err)
		}
	}
	got := int(roomFor([]*pgx.QueuedQuery{{Arguments: args}}))
	if got < len(sent) || got > 2*len(sent) {
		t.Errorf("there is room for %d bytes, and %d are sent", got, len(sent))
	}
	if got := roomFor([]*pgx.QueuedQuery{{Arguments: []any{make([]byte, 1000), "text", int32(1), nil}}}); got != 1000 {
		t.Errorf("there is room for %d bytes, want 1000", got)
	}
	if buf, err := room(got).Encode(nil); err != nil || cap(buf) < got || len(buf) != 0 {
		t.Errorf("%d bytes are said, with room for %d, %v; want nothing said", len(buf), cap(buf), err)
	}
}
