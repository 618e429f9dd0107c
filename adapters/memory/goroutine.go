package memory

import (
	"bytes"
	"runtime"
	"strconv"
)

// goroutine returns the number of the calling goroutine, which is never 0. Go shows it
// only in stack traces. f of InTx gets no context that could identify the transaction.
// So only this number distinguishes the transaction's own goroutine, which would wait
// for itself, from the goroutines that wait for the end of the transaction.
func goroutine() uint64 {
	var buf [64]byte
	fields := bytes.Fields(buf[:runtime.Stack(buf[:], false)])
	n, err := strconv.ParseUint(string(fields[1]), 10, 64)
	if err != nil {
		panic("memory: unexpected format of a stack trace: " + err.Error())
	}
	return n
}
