package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// stepper moves the test clock forward in steps. It stops at each moment at which a
// renewal run has something to do, until a run that started then has finished. A
// clock that jumps over several due dates looks like downtime: whole periods are
// waived, and reminders are late or missing.
type stepper struct {
	now func(context.Context) (time.Time, error)
	// due returns the first moment after from, and not after until, at which something
	// is due; zero if there is none.
	due     func(ctx context.Context, from, until time.Time) (time.Time, error)
	advance func(context.Context, time.Duration) error
	// run returns the first finished run that started at from or later. It waits for it.
	run func(ctx context.Context, from time.Time) (ports.Run, error)
	// report is called after each stop.
	report func(ports.Run)
}

// to moves the clock to target.
func (s stepper) to(ctx context.Context, target time.Time) error {
	var done time.Time // a run has renewed all subscriptions due until then
	for {
		at, err := s.due(ctx, done, target)
		if err != nil {
			return err
		}
		if at.IsZero() {
			return s.reach(ctx, target)
		}
		if err := s.reach(ctx, at); err != nil {
			return err
		}
		now, err := s.now(ctx)
		if err != nil {
			return err
		}
		r, err := s.run(ctx, now)
		switch {
		case err != nil:
			return fmt.Errorf("the clock stays at %s, where no renewal run has finished: %w", formatTime(now), err)
		case r.Error != "":
			return fmt.Errorf("the clock stays at %s, because the renewal run failed: %s", formatTime(now), r.Error)
		}
		done = r.StartedAt
		s.report(r)
	}
}

// reach moves the clock forward to a moment, unless the clock is past it.
func (s stepper) reach(ctx context.Context, to time.Time) error {
	now, err := s.now(ctx)
	if err != nil || !now.Before(to) {
		return err
	}
	return s.advance(ctx, to.Sub(now))
}

const (
	pollRuns = 100 * time.Millisecond
	// runHint is the time after which a person learns that no run has started.
	runHint = 5 * time.Second
)

// newStepper returns a stepper for the clock c.
func (t *tool) newStepper(c testClock, rules billing.ReminderRules) stepper {
	return stepper{
		now: func(ctx context.Context) (time.Time, error) {
			state, err := c.State(ctx)
			return state.Now, err
		},
		due: func(ctx context.Context, from, until time.Time) (time.Time, error) {
			return c.firstDue(ctx, rules, from, until)
		},
		advance: c.Advance,
		run:     func(ctx context.Context, from time.Time) (ports.Run, error) { return t.awaitRun(ctx, c, from) },
		report: func(r ports.Run) {
			s := r.Summary
			t.errorf("%s  renewal run: %d due, %d renewed, %d declined, %d ended", formatTime(r.StartedAt), s.Due, s.Renewed, s.Declined, s.Ended)
		},
	}
}

// firstDue returns the first moment after from, and not after until, at which a run charges
// or reminds a viewer, or ends a subscription; zero if there is none.
func (c testClock) firstDue(ctx context.Context, rules billing.ReminderRules, from, until time.Time) (time.Time, error) {
	var charge, end time.Time
	q := ports.DueQuery{From: from.Add(time.Microsecond), Now: until, Limit: 1}
	err := c.store.Views().Due(ctx, q, func(d ports.Due) error {
		charge = d.NextChargeAt
		return nil
	})
	if err != nil {
		return time.Time{}, err
	}
	err = c.store.Views().Over(ctx, until, func(s billing.Subscription) error {
		at := s.GraceUntil
		if s.Given() {
			at = s.Current.End
		}
		if at.After(from) && (end.IsZero() || at.Before(end)) {
			end = at
		}
		return nil
	})
	if err != nil {
		return time.Time{}, err
	}
	reminder, err := c.store.NextReminder(ctx, rules, c.before.Now, from, until)
	if err != nil {
		return time.Time{}, err
	}
	moments := slices.DeleteFunc([]time.Time{charge, end, reminder}, time.Time.IsZero)
	if len(moments) == 0 {
		return time.Time{}, nil
	}
	return slices.MinFunc(moments, time.Time.Compare), nil
}

// awaitRun waits for a run that started at from or later and has finished.
func (t *tool) awaitRun(ctx context.Context, c testClock, from time.Time) (ports.Run, error) {
	tick := time.NewTicker(pollRuns)
	defer tick.Stop()
	hint := time.AfterFunc(runHint, func() {
		t.errorf("waiting for a renewal run at %s: start billing-renew with BILLING_CLOCK=test, if no timer starts it", formatTime(from))
	})
	defer hint.Stop()
	for {
		b, err := c.store.Backlog(ctx, from)
		if err != nil {
			return ports.Run{}, err
		}
		if r := b.LastRun; !r.FinishedAt.IsZero() && !r.StartedAt.Before(from) {
			return r, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ports.Run{}, errors.New("interrupted")
		}
	}
}
