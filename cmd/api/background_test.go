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

func TestOutageIsNotLoggedAgainAndAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		o := outage{log: slog.New(slog.NewTextHandler(&text, nil)), what: "sweep"}
		lines := func() int { return strings.Count(text.String(), "\n") }
		note := func(err error, times int) {
			for range times {
				time.Sleep(5 * time.Second)
				o.note(t.Context(), err)
			}
		}
		note(nil, 3)
		if lines() != 0 {
			t.Errorf("nothing is wrong, and %d lines say so", lines())
		}
		note(errors.New("down"), 59) // just under five minutes
		if lines() != 1 {
			t.Errorf("%d lines about a short outage, want 1:\n%s", lines(), &text)
		}
		note(errors.New("down"), 60)
		if lines() != 2 {
			t.Errorf("%d lines after a reminder, want 2:\n%s", lines(), &text)
		}
		note(nil, 3)
		if lines() != 3 || !strings.Contains(text.String(), "sweep works again") {
			t.Errorf("%d lines at the end, want 3, the last of its end:\n%s", lines(), &text)
		}
	})
}

func TestStoppingIsNoOutage(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	o := outage{log: slog.New(slog.NewTextHandler(&text, nil)), what: "sweep"}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	o.note(ctx, ctx.Err())
	if text.Len() > 0 {
		t.Errorf("logged %q", &text)
	}
}

func TestEachEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
		defer cancel()
		times := 0
		each(ctx, 5*time.Second, func() { times++ })
		if times != 3 { // at 0, 5 and 10 seconds
			t.Errorf("called %d times, want 3", times)
		}
	})
}
