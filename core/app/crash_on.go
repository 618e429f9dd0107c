//go:build crash

package app

import (
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
)

var crashPasses atomic.Int64

// crashPoint kills the process, as kill -9 does, when it comes to the place
// that BILLING_CRASH_AT names for the BILLING_CRASH_PASS-th time (1 when unset).
func crashPoint(name string) {
	if name != os.Getenv("BILLING_CRASH_AT") {
		return
	}
	pass, err := strconv.ParseInt(os.Getenv("BILLING_CRASH_PASS"), 10, 64)
	if err != nil {
		pass = 1
	}
	if crashPasses.Add(1) == pass {
		_ = syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
		select {} // the signal is on its way; do nothing more
	}
}
