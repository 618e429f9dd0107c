package postgres

import (
	"reflect"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"
)

// room is a message that says nothing: it makes room for so many bytes in the
// buffer that messages are written to. pgx begins each with a kilobyte, and
// growing it for a batch of renewals copies five times what is sent.
type room int

var _ pgproto3.FrontendMessage = room(0)

// elementSize is what an element of an array takes, on average: a uuid 20 bytes, a
// time 12, most texts less.
const elementSize = 16

// roomFor is enough for the arrays of a batch. The rest is small.
func roomFor(batch []*pgx.QueuedQuery) room {
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
	return room(size)
}

// Encode implements [pgproto3.Message].
func (r room) Encode(buf []byte) ([]byte, error) { return slices.Grow(buf, int(r)), nil }

// Decode implements [pgproto3.Message]; nobody sends it.
func (room) Decode([]byte) error { return nil }

// Frontend implements [pgproto3.FrontendMessage].
func (room) Frontend() {}
