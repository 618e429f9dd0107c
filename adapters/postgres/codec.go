package postgres

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
)

// registerTypes makes Postgres' types speak the domain's language: times are
// always UTC, and the zero time is NULL; ids are strings, and in an array the
// empty one is NULL.
//
// Arrays, in which all batches travel, are written as a whole: pgx by itself
// boxes every element, and for ids first fails and then sends them as text.
func registerTypes(m *pgtype.Map) {
	id := &pgtype.Type{Name: "uuid", OID: pgtype.UUIDOID, Codec: &idCodec{}}
	at := &pgtype.Type{Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &stampCodec{}}
	m.RegisterType(id)
	m.RegisterType(at)
	text, _ := m.TypeForOID(pgtype.TextOID)
	long, _ := m.TypeForOID(pgtype.Int8OID)
	short, _ := m.TypeForOID(pgtype.Int4OID)
	truth, _ := m.TypeForOID(pgtype.BoolOID)
	registerArray(m, pgtype.UUIDArrayOID, id, 20, appendID)
	registerArray(m, pgtype.TimestamptzArrayOID, at, 12, appendStamp)
	registerArray(m, pgtype.TextArrayOID, text, 12, appendText)
	registerArray(m, pgtype.Int8ArrayOID, long, 12, func(b []byte, v int64) ([]byte, error) {
		return binary.BigEndian.AppendUint64(appendSize(b, 8), uint64(v)), nil
	})
	registerArray(m, pgtype.Int4ArrayOID, short, 8, func(b []byte, v int32) ([]byte, error) {
		return binary.BigEndian.AppendUint32(appendSize(b, 4), uint32(v)), nil
	})
	xid, _ := m.TypeForOID(pgtype.XIDOID)
	registerArray(m, xidArrayOID, xid, 8, func(b []byte, v uint32) ([]byte, error) {
		return binary.BigEndian.AppendUint32(appendSize(b, 4), v), nil
	})
	registerArray(m, pgtype.BoolArrayOID, truth, 5, func(b []byte, v bool) ([]byte, error) {
		if v {
			return append(appendSize(b, 1), 1), nil
		}
		return append(appendSize(b, 1), 0), nil
	})
}

// xidArrayOID is of a type that pgx does not know.
const xidArrayOID = 1011

func registerArray[T any](m *pgtype.Map, oid uint32, element *pgtype.Type, size int, write writer[T]) {
	m.RegisterType(&pgtype.Type{Name: "_" + element.Name, OID: oid, Codec: &arrayCodec[T]{
		ArrayCodec: pgtype.ArrayCodec{ElementType: element}, size: size, write: write,
	}})
}

// writer appends an element in Postgres' binary format: its size, then itself.
type writer[T any] func(buf []byte, v T) ([]byte, error)

// arrayCodec is pgx's own, which writes slices of T quicker.
type arrayCodec[T any] struct {
	pgtype.ArrayCodec
	size  int
	write writer[T]
}

// PlanEncode implements [pgtype.Codec].
func (c *arrayCodec[T]) PlanEncode(m *pgtype.Map, oid uint32, format int16, value any) pgtype.EncodePlan {
	if _, ok := value.([]T); ok && format == pgtype.BinaryFormatCode {
		return encodeArray[T]{c.ElementType.OID, c.size, c.write}
	}
	return c.ArrayCodec.PlanEncode(m, oid, format, value)
}

type encodeArray[T any] struct {
	element uint32
	size    int // of an element, about
	write   writer[T]
}

// Encode implements [pgtype.EncodePlan]. No slice is NULL, as with pgx.
func (p encodeArray[T]) Encode(value any, buf []byte) ([]byte, error) {
	list := value.([]T)
	if list == nil {
		return nil, nil
	}
	const mayHoldNull, firstIndex = 1, 1
	dimensions := uint32(1)
	if len(list) == 0 {
		dimensions = 0
	}
	for _, word := range [...]uint32{dimensions, mayHoldNull, p.element} {
		buf = binary.BigEndian.AppendUint32(buf, word)
	}
	if len(list) == 0 {
		return buf, nil
	}
	// At once for all arrays of a statement: a dozen come after this one.
	if size := 8 + p.size*len(list); size > cap(buf)-len(buf) {
		buf = slices.Grow(buf, max(12*size, cap(buf)))
	}
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(list)))
	buf = binary.BigEndian.AppendUint32(buf, firstIndex)
	for _, v := range list {
		var err error
		if buf, err = p.write(buf, v); err != nil {
			return nil, err
		}
	}
	return buf, nil
}

func appendSize(buf []byte, size uint32) []byte { return binary.BigEndian.AppendUint32(buf, size) }

const null = ^uint32(0)

func appendText(buf []byte, v string) ([]byte, error) {
	return append(appendSize(buf, uint32(len(v))), v...), nil
}

// appendID writes no id as NULL.
func appendID(buf []byte, v string) ([]byte, error) {
	if v == "" {
		return appendSize(buf, null), nil
	}
	id, err := uuid.Parse(v)
	return append(appendSize(buf, uint32(len(id))), id[:]...), err
}

func appendStamp(buf []byte, v time.Time) ([]byte, error) {
	if v.IsZero() {
		return appendSize(buf, null), nil
	}
	return binary.BigEndian.AppendUint64(appendSize(buf, 8), uint64(v.UnixMicro()-epoch)), nil
}

// idCodec is pgx's codec for uuid, which reads into strings quicker.
type idCodec struct{ pgtype.UUIDCodec }

// PlanScan implements [pgtype.Codec].
func (c *idCodec) PlanScan(m *pgtype.Map, oid uint32, format int16, target any) pgtype.ScanPlan {
	if _, ok := target.(*string); ok && format == pgtype.BinaryFormatCode {
		return scanID{}
	}
	return c.UUIDCodec.PlanScan(m, oid, format, target)
}

type scanID struct{}

// Scan implements [pgtype.ScanPlan].
func (scanID) Scan(src []byte, target any) error {
	if len(src) != 16 {
		return fmt.Errorf("a uuid of %d bytes for a string that is never NULL", len(src))
	}
	var text [36]byte
	hex.Encode(text[0:8], src[0:4])
	hex.Encode(text[9:13], src[4:6])
	hex.Encode(text[14:18], src[6:8])
	hex.Encode(text[19:23], src[8:10])
	hex.Encode(text[24:36], src[10:16])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	*target.(*string) = string(text[:])
	return nil
}
