//go:build crash

package crash

import (
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
)

var (
	passes    atomic.Int64
	stoppedAt sync.Map
)

// point kills the process, as kill -9 does, or stops it, if the environment says so.
func point(name string) {
	if slices.Contains(strings.Split(os.Getenv("BILLING_STOP_AT"), ","), name) {
		if _, again := stoppedAt.LoadOrStore(name, true); !again {
			stop()
		}
	}
	if name != os.Getenv("BILLING_CRASH_AT") {
		return
	}
	pass, err := strconv.ParseInt(os.Getenv("BILLING_CRASH_PASS"), 10, 64)
	if err != nil {
		pass = 1
	}
	if passes.Add(1) == pass {
		_ = syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
		select {} // until the signal arrives
	}
}

// stop stops the process until SIGCONT. The goroutine waits for SIGCONT itself,
// because SIGSTOP may reach the process later.
func stop() {
	resumed := make(chan os.Signal, 1)
	signal.Notify(resumed, syscall.SIGCONT)
	defer signal.Stop(resumed)
	_ = syscall.Kill(syscall.Getpid(), syscall.SIGSTOP)
	<-resumed
}
