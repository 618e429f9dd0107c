package memory

import (
	"bytes"
	"runtime"
	"strconv"
)

// goroutine returns the number of the goroutine that calls it, never 0. Go
// tells it nowhere but in stack traces. f of InTx gets no context that could
// carry a mark, so there is no other way to tell the transaction's own
// goroutine, which would wait for itself, from others, which wait their turn.
func goroutine() uint64 {
	var buf [64]byte
	fields := bytes.Fields(buf[:runtime.Stack(buf[:], false)])
	n, err := strconv.ParseUint(string(fields[1]), 10, 64)
	if err != nil {
		panic("memory: stack traces look different now: " + err.Error())
	}
	return n
}
