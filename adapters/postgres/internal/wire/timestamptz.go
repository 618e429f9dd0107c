package wire

import (
	"encoding/binary"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// timestamptzCodec is [pgtype.TimestamptzCodec] with two changes: it scans times
// in UTC instead of the local zone, and the zero [time.Time] stands for NULL in
// both directions, as in the domain.
type timestamptzCodec struct{ pgtype.TimestamptzCodec }

// PlanEncode implements [pgtype.Codec].
func (c *timestamptzCodec) PlanEncode(m *pgtype.Map, oid uint32, format int16, value any) pgtype.EncodePlan {
	if _, ok := value.(time.Time); ok {
		next := c.TimestamptzCodec.PlanEncode(m, oid, format, nullableTime{})
		return timeEncoder{next}
	}
	return c.TimestamptzCodec.PlanEncode(m, oid, format, value)
}

// PlanScan implements [pgtype.Codec].
func (c *timestamptzCodec) PlanScan(m *pgtype.Map, oid uint32, format int16, target any) pgtype.ScanPlan {
	if _, ok := target.(*time.Time); ok {
		next := c.TimestamptzCodec.PlanScan(m, oid, format, &nullableTime{})
		return timeScanner{next, format == pgtype.BinaryFormatCode}
	}
	return c.TimestamptzCodec.PlanScan(m, oid, format, target)
}

type timeEncoder struct{ next pgtype.EncodePlan }

// Encode implements [pgtype.EncodePlan].
func (e timeEncoder) Encode(value any, buf []byte) ([]byte, error) {
	return e.next.Encode(nullableTime{value.(time.Time)}, buf)
}

type timeScanner struct {
	next   pgtype.ScanPlan
	binary bool
}

// postgresEpoch is 2000-01-01 UTC in microseconds of Unix time. Postgres counts
// the microseconds of a timestamptz from it.
const postgresEpoch = 946_684_800_000_000

// Scan implements [pgtype.ScanPlan].
func (s timeScanner) Scan(src []byte, target any) error {
	// The first two cases do the same as pgx, without its two allocations per time.
	switch t := target.(*time.Time); {
	case src == nil:
		*t = time.Time{}
		return nil
	case s.binary && len(src) == 8:
		*t = time.UnixMicro(int64(binary.BigEndian.Uint64(src)) + postgresEpoch).UTC()
		return nil
	}
	var v nullableTime
	if err := s.next.Scan(src, &v); err != nil {
		return err
	}
	*target.(*time.Time) = v.Time
	return nil
}

// appendTimestamptz appends a time, or NULL if v is zero.
func appendTimestamptz(buf []byte, v time.Time) ([]byte, error) {
	if v.IsZero() {
		return appendLength(buf, null), nil
	}
	return binary.BigEndian.AppendUint64(appendLength(buf, 8), uint64(v.UnixMicro()-postgresEpoch)), nil
}

// nullableTime is a time for pgx, with NULL as the zero time.
type nullableTime struct{ time.Time }

// TimestamptzValue implements [pgtype.TimestamptzValuer].
func (t nullableTime) TimestamptzValue() (pgtype.Timestamptz, error) {
	return pgtype.Timestamptz{Time: t.Time, Valid: !t.IsZero()}, nil
}

// ScanTimestamptz implements [pgtype.TimestamptzScanner].
func (t *nullableTime) ScanTimestamptz(v pgtype.Timestamptz) error {
	*t = nullableTime{}
	if v.Valid {
		t.Time = v.Time.UTC()
	}
	return nil
}
