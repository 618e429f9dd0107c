package wire

import (
	"encoding/hex"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
)

// uuidCodec is [pgtype.UUIDCodec] with a faster scan into strings. NULL is the empty string.
type uuidCodec struct{ pgtype.UUIDCodec }

// PlanScan implements [pgtype.Codec].
func (c *uuidCodec) PlanScan(m *pgtype.Map, oid uint32, format int16, target any) pgtype.ScanPlan {
	if _, ok := target.(*string); ok && format == pgtype.BinaryFormatCode {
		return uuidScanner{}
	}
	return c.UUIDCodec.PlanScan(m, oid, format, target)
}

type uuidScanner struct{}

// Scan implements [pgtype.ScanPlan].
func (uuidScanner) Scan(src []byte, target any) error {
	if src == nil {
		*target.(*string) = ""
		return nil
	}
	if len(src) != 16 {
		return fmt.Errorf("cannot scan a uuid of %d bytes into a string", len(src))
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

// appendUUID appends an id, or NULL if v is empty.
func appendUUID(buf []byte, v string) ([]byte, error) {
	if v == "" {
		return appendLength(buf, null), nil
	}
	id, err := uuid.Parse(v)
	return append(appendLength(buf, uint32(len(id))), id[:]...), err
}
