package postgres

import (
	"encoding/binary"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// stampCodec is pgx's timestamptz codec with two changes: times are scanned in
// UTC (pgx scans into the local zone), and the zero [time.Time] stands for NULL
// both ways, as it does in the domain.
type stampCodec struct{ pgtype.TimestamptzCodec }

func (c *stampCodec) PlanEncode(m *pgtype.Map, oid uint32, format int16, value any) pgtype.EncodePlan {
	if _, ok := value.(time.Time); ok {
		next := c.TimestamptzCodec.PlanEncode(m, oid, format, stamp{})
		return encodeStamp{next}
	}
	return c.TimestamptzCodec.PlanEncode(m, oid, format, value)
}

func (c *stampCodec) PlanScan(m *pgtype.Map, oid uint32, format int16, target any) pgtype.ScanPlan {
	if _, ok := target.(*time.Time); ok {
		next := c.TimestamptzCodec.PlanScan(m, oid, format, &stamp{})
		return scanStamp{next, format == pgtype.BinaryFormatCode}
	}
	return c.TimestamptzCodec.PlanScan(m, oid, format, target)
}

type encodeStamp struct{ next pgtype.EncodePlan }

func (p encodeStamp) Encode(value any, buf []byte) ([]byte, error) {
	return p.next.Encode(stamp{value.(time.Time)}, buf)
}

type scanStamp struct {
	next   pgtype.ScanPlan
	binary bool
}

// epoch is Postgres' own, in microseconds of Unix time.
const epoch = 946_684_800_000_000

func (p scanStamp) Scan(src []byte, target any) error {
	// The first two as pgx would, without two allocations for each.
	switch at := target.(*time.Time); {
	case src == nil:
		*at = time.Time{}
		return nil
	case p.binary && len(src) == 8:
		*at = time.UnixMicro(int64(binary.BigEndian.Uint64(src)) + epoch).UTC()
		return nil
	}
	var s stamp
	if err := p.next.Scan(src, &s); err != nil {
		return err
	}
	*target.(*time.Time) = s.Time
	return nil
}

type stamp struct{ time.Time }

func (s stamp) TimestamptzValue() (pgtype.Timestamptz, error) {
	return pgtype.Timestamptz{Time: s.Time, Valid: !s.IsZero()}, nil
}

func (s *stamp) ScanTimestamptz(v pgtype.Timestamptz) error {
	*s = stamp{}
	if v.Valid {
		s.Time = v.Time.UTC()
	}
	return nil
}
