package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/online-cinema/billing/core/app"
)

// sweepLimit is how many payments one sweep takes.
const sweepLimit = 100

// sweeper settles, again and again, the payments of which nobody knows.
type sweeper struct {
	collector *app.Collector
	every     time.Duration
	log       *slog.Logger
}

func (s sweeper) run(ctx context.Context) {
	failing := outage{log: s.log, what: "sweep"}
	each(ctx, s.every, func() { failing.note(ctx, s.sweep(ctx)) })
}

// sweep goes on until nothing is left to take. What stays unknown was taken for
// a while, so it does not come again at once.
func (s sweeper) sweep(ctx context.Context) error {
	for ctx.Err() == nil {
		swept, err := s.collector.Sweep(ctx, sweepLimit)
		if err != nil {
			return err
		}
		if swept.Settled+swept.Unknown == 0 {
			return nil
		}
		s.log.Info("swept", "settled", swept.Settled, "unknown", swept.Unknown)
	}
	return nil
}

// pruner removes answers to requests that nobody will repeat any more.
type pruner struct {
	requests app.Requests
	every    time.Duration
	log      *slog.Logger
}

func (p pruner) run(ctx context.Context) {
	failing := outage{log: p.log, what: "prune"}
	each(ctx, p.every, func() { failing.note(ctx, p.prune(ctx)) })
}

func (p pruner) prune(ctx context.Context) error {
	for ctx.Err() == nil {
		n, err := p.requests.Prune(ctx)
		if err != nil || n == 0 {
			return err
		}
		p.log.Info("pruned", "answers", n)
	}
	return nil
}

// each calls f now and then every d, until ctx ends.
func each(ctx context.Context, d time.Duration, f func()) {
	tick := time.NewTicker(d)
	defer tick.Stop()
	for ctx.Err() == nil {
		f()
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// remindEvery is how often an outage that lasts is logged.
const remindEvery = 5 * time.Minute

// outage logs failures that come again and again: the first one, now and then
// one while it lasts, and its end.
type outage struct {
	log    *slog.Logger
	what   string
	since  time.Time
	logged time.Time
}

func (o *outage) note(ctx context.Context, err error) {
	now := time.Now()
	switch {
	case ctx.Err() != nil: // what fails because we stop is no outage
	case err == nil && !o.since.IsZero():
		o.log.Info(o.what+" works again", "down", now.Sub(o.since).Round(time.Second).String())
		o.since, o.logged = time.Time{}, time.Time{}
	case err != nil && now.Sub(o.logged) >= remindEvery:
		if o.since.IsZero() {
			o.since = now
		}
		o.logged = now
		o.log.Error(o.what+" failed; it is tried again", "since", o.since.UTC(), "error", err)
	}
}
