package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/online-cinema/billing/core/feed"
	"github.com/online-cinema/billing/core/payments"
)

func TestOutage_LogsFirstFailureReminderAndRecovery(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		o := outage{log: slog.New(slog.NewTextHandler(&text, nil)), task: "sweep"}
		lines := func() int { return strings.Count(text.String(), "\n") }
		record := func(err error, times int) {
			for range times {
				time.Sleep(5 * time.Second)
				o.record(t.Context(), err)
			}
		}
		record(nil, 3)
		if lines() != 0 {
			t.Errorf("%d lines without a failure, want 0", lines())
		}
		record(errors.New("down"), 59) // just under five minutes
		if lines() != 1 {
			t.Errorf("%d lines in a short outage, want 1:\n%s", lines(), &text)
		}
		record(errors.New("down"), 60)
		if lines() != 2 {
			t.Errorf("%d lines after a reminder, want 2:\n%s", lines(), &text)
		}
		record(nil, 3)
		if lines() != 3 || !strings.Contains(text.String(), "sweep works again") {
			t.Errorf("%d lines, want 3 of which the last is the recovery:\n%s", lines(), &text)
		}
	})
}

func TestOutage_IgnoresShutdown(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	o := outage{log: slog.New(slog.NewTextHandler(&text, nil)), task: "sweep"}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	o.record(ctx, ctx.Err())
	if text.Len() > 0 {
		t.Errorf("the log is %q, want nothing", &text)
	}
}

func TestRepeat_EndsWithContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
		defer cancel()
		calls := 0
		repeat(ctx, 5*time.Second, func() { calls++ })
		if calls != 3 { // at 0, 5 and 10 seconds
			t.Errorf("%d calls, want 3", calls)
		}
	})
}

// A payment system that hangs delays its own sweep only. Its next sweep begins after the
// last one has ended.
func TestSweeper_HungSystemDelaysNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithTimeout(t.Context(), 22*time.Second)
		defer stop()
		began := time.Now()
		var mu sync.Mutex
		sweeps := map[string][]time.Duration{}
		s := sweeper[payments.Swept]{
			systems: func(context.Context) ([]string, error) { return []string{"hung", "other"}, nil },
			sweepSystem: func(_ context.Context, system string, _, _ int) (payments.Swept, error) {
				mu.Lock()
				sweeps[system] = append(sweeps[system], time.Since(began))
				mu.Unlock()
				if system == "hung" {
					time.Sleep(12 * time.Second)
				}
				return nil, nil
			},
			every: 5 * time.Second, log: slog.New(slog.DiscardHandler),
		}
		s.run(ctx)
		for system, want := range map[string][]time.Duration{
			"hung": {0, 15 * time.Second}, "other": {0, 5 * time.Second, 10 * time.Second, 15 * time.Second, 20 * time.Second},
		} {
			if !slices.Equal(sweeps[system], want) {
				t.Errorf("sweeps of %s began after %v, want %v", system, sweeps[system], want)
			}
		}
	})
}

// An endpoint that hangs delays no other, and batches of an endpoint follow each other at
// once.
func TestPushers_HungEndpointDelaysNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
		defer stop()
		var mu sync.Mutex
		leases, begun, pushed := 0, 0, 0
		p := pushers{
			lease: func(context.Context) (feed.Leased, bool, error) {
				mu.Lock()
				defer mu.Unlock()
				leases++
				return feed.Leased{}, leases <= 3, nil // the first one hangs
			},
			push: func(context.Context, feed.Leased) error {
				mu.Lock()
				begun++
				first := begun == 1
				mu.Unlock()
				if first {
					time.Sleep(25 * time.Second)
				}
				mu.Lock()
				defer mu.Unlock()
				pushed++
				return nil
			},
			every: time.Second, log: slog.New(slog.DiscardHandler),
		}
		go p.run(ctx)
		time.Sleep(5 * time.Second)
		mu.Lock()
		others := pushed
		mu.Unlock()
		if others != 2 {
			t.Errorf("%d batches while an endpoint hangs, want 2", others)
		}
		time.Sleep(25 * time.Second)
		synctest.Wait()
		if pushed != 3 {
			t.Errorf("%d batches, want 3", pushed)
		}
	})
}
