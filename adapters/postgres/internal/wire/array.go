package wire

import (
	"encoding/binary"
	"slices"

	"github.com/jackc/pgx/v5/pgtype"
)

// appendFunc appends an element in Postgres' binary format: its length in four
// bytes, then its value.
type appendFunc[T any] func(buf []byte, v T) ([]byte, error)

// arrayCodec is [pgtype.ArrayCodec] with a faster encoder for slices of T.
type arrayCodec[T any] struct {
	pgtype.ArrayCodec
	size     int // about the encoded size of an element, in bytes
	appendTo appendFunc[T]
}

// PlanEncode implements [pgtype.Codec].
func (c *arrayCodec[T]) PlanEncode(m *pgtype.Map, oid uint32, format int16, value any) pgtype.EncodePlan {
	if _, ok := value.([]T); ok && format == pgtype.BinaryFormatCode {
		return arrayEncoder[T]{c.ElementType.OID, c.size, c.appendTo}
	}
	return c.ArrayCodec.PlanEncode(m, oid, format, value)
}

type arrayEncoder[T any] struct {
	elementOID uint32
	size       int
	appendTo   appendFunc[T]
}

// Encode implements [pgtype.EncodePlan]. A nil slice is NULL, as with pgx.
func (e arrayEncoder[T]) Encode(value any, buf []byte) ([]byte, error) {
	list := value.([]T)
	if list == nil {
		return nil, nil
	}
	const hasNulls, lowerBound = 1, 1
	dimensions := uint32(1)
	if len(list) == 0 {
		dimensions = 0
	}
	for _, word := range [...]uint32{dimensions, hasNulls, e.elementOID} {
		buf = binary.BigEndian.AppendUint32(buf, word)
	}
	if len(list) == 0 {
		return buf, nil
	}
	// About a dozen arrays of this length follow in a statement: grow for all of them.
	if size := 8 + e.size*len(list); size > cap(buf)-len(buf) {
		buf = slices.Grow(buf, max(12*size, cap(buf)))
	}
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(list)))
	buf = binary.BigEndian.AppendUint32(buf, lowerBound)
	for _, v := range list {
		var err error
		if buf, err = e.appendTo(buf, v); err != nil {
			return nil, err
		}
	}
	return buf, nil
}
