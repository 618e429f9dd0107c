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
	crashPasses atomic.Int64
	stoppedAt   sync.Map
)

// Point kills the process, as kill -9 does, when it comes to the place
// that BILLING_CRASH_AT names for the BILLING_CRASH_PASS-th time (1 when unset).
// At each of the places that BILLING_STOP_AT names, parted by commas, it stops
// the process the first time, until somebody sends SIGCONT.
func Point(name string) {
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
	if crashPasses.Add(1) == pass {
		_ = syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
		select {} // the signal is on its way; do nothing more
	}
}

// stop stops the process. The signal may take its time until it reaches all of
// it, so whoever came here waits for the one that lets the process go on.
func stop() {
	goOn := make(chan os.Signal, 1)
	signal.Notify(goOn, syscall.SIGCONT)
	defer signal.Stop(goOn)
	_ = syscall.Kill(syscall.Getpid(), syscall.SIGSTOP)
	<-goOn
}
