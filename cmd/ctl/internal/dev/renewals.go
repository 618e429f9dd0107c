package dev

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"syscall"
	"time"

	"github.com/online-cinema/billing/adapters/clock"
	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/adapters/postgres/local"
)

const (
	renewEvery = time.Minute
	// pollClock is the interval at which the test clock is read, so that a run follows
	// a change immediately.
	pollClock = 250 * time.Millisecond
	// jump is the smallest change of a ticking clock that counts as set by a person. It
	// is more than the error of the measurement.
	jump = 100 * time.Millisecond
)

// renewals makes a renewal run every minute, like the timer in production, and
// immediately after the test clock was set.
func (o Options) renewals(ctx context.Context, program, url string, d demo) error {
	pool, err := postgres.OpenRole(ctx, url, postgres.LoginRole)
	if err != nil {
		return err
	}
	defer pool.Close()
	watched := clock.NewTest(pool)
	tick := time.NewTicker(pollClock)
	defer tick.Stop()
	var ran time.Time
	var before clock.State
	for {
		// Without the database a run would fail too.
		if s, err := watched.State(ctx); err == nil {
			if moved(before, s) || time.Since(ran) >= renewEvery {
				o.renew(ctx, program, url, d)
				ran, before = time.Now(), s
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// moved reports whether a person has set the clock between two states.
func moved(before, after clock.State) bool {
	switch {
	case before.Frozen != after.Frozen:
		return true
	case after.Frozen:
		return !after.Now.Equal(before.Now)
	default:
		return (after.Ahead - before.Ahead).Abs() > jump
	}
}

// renew makes one run and prints its summary unless all counts are 0.
func (o Options) renew(ctx context.Context, program, url string, d demo) {
	cmd := exec.Command(program, "--json")
	cmd.Env = append(o.environ(url, d), "BILLING_LOG_LEVEL=warn")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, o.Stderr
	run, err := local.Tie(cmd, syscall.SIGTERM)
	if err != nil {
		o.printf("renewals: %v", err)
		return
	}
	select {
	case <-run.Done():
	case <-ctx.Done():
		child{"billing-renew", run}.stop()
	}
	if ctx.Err() != nil {
		return
	}
	var sum map[string]int
	if json.Unmarshal(out.Bytes(), &sum) != nil {
		o.printf("renewals: the run failed: %v", run.Wait())
		return
	}
	for _, n := range sum {
		if n > 0 {
			o.printf("renewals: %s", bytes.TrimSpace(out.Bytes()))
			return
		}
	}
}

// background runs f in a goroutine. stop cancels its context and waits until it ends.
func background(ctx context.Context, stderr io.Writer, f func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := f(ctx); err != nil {
			_, _ = fmt.Fprintln(stderr, "billingctl dev:", err)
		}
	}()
	return func() {
		cancel()
		<-done
	}
}
