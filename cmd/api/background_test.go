package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
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
