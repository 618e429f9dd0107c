package wire

import (
	"reflect"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"
)

// growBuffer is an empty message that reserves so many bytes in the connection's
// write buffer. pgx starts each batch with a kilobyte. Growing that step by step
// for a batch of renewals copies five times the size of the batch.
type growBuffer int

var _ pgproto3.FrontendMessage = growBuffer(0)

// elementSize is the average encoded size of an array element in bytes: a uuid
// takes 20, a time 12, most texts less.
const elementSize = 16

// growFor reserves enough for the arrays and texts of a batch. The other
// arguments are small.
func growFor(batch []*pgx.QueuedQuery) growBuffer {
	size := 0
	for _, q := range batch {
		for _, arg := range q.Arguments {
			if text, ok := arg.([]byte); ok {
				size += len(text)
			} else if list := reflect.ValueOf(arg); list.Kind() == reflect.Slice {
				size += list.Len() * elementSize
			}
		}
	}
	return growBuffer(size)
}

// Encode implements [pgproto3.Message]. It appends no byte.
func (n growBuffer) Encode(buf []byte) ([]byte, error) { return slices.Grow(buf, int(n)), nil }

// Decode implements [pgproto3.Message]. It is never called, because the message
// has no bytes.
func (growBuffer) Decode([]byte) error { return nil }

// Frontend implements [pgproto3.FrontendMessage].
func (growBuffer) Frontend() {}
