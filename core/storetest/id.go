package storetest

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/online-cinema/billing/core/billing"
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

// idOf returns an id of a time.
func idOf(at time.Time) billing.EventID {
	return billing.EventID(fmt.Sprintf("%08x-%04x-7000-8000-%012x", at.UnixMilli()>>16, at.UnixMilli()&0xffff, idCount.Add(1)))
}

func newIDOf[ID ~string]() ID { return ID(newID()) }
