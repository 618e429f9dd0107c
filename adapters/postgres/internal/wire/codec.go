package wire

import (
	"encoding/binary"

	"github.com/jackc/pgx/v5/pgtype"
)

// xidArrayOID is the type xid[], which pgtype does not list.
const xidArrayOID = 1011

// RegisterTypes makes m map Postgres types to the types of the domain:
//
//	timestamptz  time.Time in UTC; the zero time is NULL
//	uuid         string; the empty string is NULL, as an argument only in an array
//
// It also registers array codecs that write a slice as a whole. The codecs of pgx
// box each element. For an array of ids, pgx first fails and then sends text.
func RegisterTypes(m *pgtype.Map) {
	uuid := &pgtype.Type{Name: "uuid", OID: pgtype.UUIDOID, Codec: &uuidCodec{}}
	timestamptz := &pgtype.Type{Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &timestamptzCodec{}}
	m.RegisterType(uuid)
	m.RegisterType(timestamptz)
	registerArray(m, pgtype.UUIDArrayOID, uuid, 20, appendUUID)
	registerArray(m, pgtype.TimestamptzArrayOID, timestamptz, 12, appendTimestamptz)
	registerArray(m, pgtype.TextArrayOID, typeOf(m, pgtype.TextOID), 12, appendText)
	registerArray(m, pgtype.Int8ArrayOID, typeOf(m, pgtype.Int8OID), 12, appendInt8)
	registerArray(m, pgtype.Int4ArrayOID, typeOf(m, pgtype.Int4OID), 8, appendInt4)
	registerArray(m, xidArrayOID, typeOf(m, pgtype.XIDOID), 8, appendXID)
	registerArray(m, pgtype.BoolArrayOID, typeOf(m, pgtype.BoolOID), 5, appendBool)
}

func typeOf(m *pgtype.Map, oid uint32) *pgtype.Type {
	t, _ := m.TypeForOID(oid)
	return t
}

func registerArray[T any](m *pgtype.Map, oid uint32, element *pgtype.Type, size int, appendTo appendFunc[T]) {
	m.RegisterType(&pgtype.Type{Name: "_" + element.Name, OID: oid, Codec: &arrayCodec[T]{
		ArrayCodec: pgtype.ArrayCodec{ElementType: element}, size: size, appendTo: appendTo,
	}})
}

// null is the length of an element that is NULL.
const null = ^uint32(0)

func appendLength(buf []byte, n uint32) []byte { return binary.BigEndian.AppendUint32(buf, n) }

func appendText(buf []byte, v string) ([]byte, error) {
	return append(appendLength(buf, uint32(len(v))), v...), nil
}

func appendInt8(buf []byte, v int64) ([]byte, error) {
	return binary.BigEndian.AppendUint64(appendLength(buf, 8), uint64(v)), nil
}

func appendInt4(buf []byte, v int32) ([]byte, error) {
	return binary.BigEndian.AppendUint32(appendLength(buf, 4), uint32(v)), nil
}

func appendXID(buf []byte, v uint32) ([]byte, error) {
	return binary.BigEndian.AppendUint32(appendLength(buf, 4), v), nil
}

func appendBool(buf []byte, v bool) ([]byte, error) {
	if v {
		return append(appendLength(buf, 1), 1), nil
	}
	return append(appendLength(buf, 1), 0), nil
}
