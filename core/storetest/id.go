package storetest

import (
	"fmt"
	"sync/atomic"
	"time"
)

var (
	idEpoch = time.Now().UnixMilli()
	idCount atomic.Uint64
)

// newID returns an id in the form of a UUIDv7. It is greater than all earlier ones.
func newID() string {
	n := idCount.Add(1)
	return fmt.Sprintf("%08x-%04x-7000-8000-%012x", idEpoch>>16, idEpoch&0xffff, n)
}

func newIDOf[ID ~string]() ID { return ID(newID()) }
