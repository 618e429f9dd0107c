package main

import (
	"context"
	"fmt"
	"time"
)

// latencyPart is B3: a payment system that takes its time sets the pace, and the
// run keeps up with it.
func latencyPart(ctx context.Context, l *lab) (section, error) {
	s := section{Title: "Renewals at the pace of a payment system"}
	s.Table.Head = []string{"payment system", "at once", "its pace, /s", "renewals/s", "CPU of ours, µs", "peak RSS, MB"}
	var raw []run
	err := l.inTown(ctx, crowd{l.Rows, 1}, "latency", func(t *town) error {
		limit, err := l.limit(ctx, t, whole(l.Due, 2000), 500, 4)
		if err != nil {
			return err
		}
		for _, c := range []struct {
			latency     time.Duration
			concurrency int
			atLeast     float64
		}{
			{200 * time.Millisecond, 128, 0.95},
			{200 * time.Millisecond, 1024, 0.95},
			{20 * time.Millisecond, 256, 0.85},
		} {
			pace := float64(c.concurrency) / c.latency.Seconds()
			reachable := pace
			if c.latency < 100*time.Millisecond {
				reachable = min(pace, limit.rate())
			}
			// Whole rounds of all who charge at once, for six times as long as other runs.
			due := int(reachable*6*l.Time.Seconds()) / c.concurrency * c.concurrency
			due = min(max(due, 4*c.concurrency), l.Rows)
			r, err := l.watch(func() (run, error) {
				return l.renew(ctx, t, renewal{due: due, concurrency: c.concurrency, latency: c.latency})
			})
			if err != nil {
				return err
			}
			raw = append(raw, r)
			s.Table.add(c.latency.String(), fmt.Sprint(c.concurrency), figure(pace), figure(r.rate()), figure(r.perItem(r.Client)), megabytes(r.RSS))
			what := fmt.Sprintf("renewals/s over the pace, %v, %d at once", c.latency, c.concurrency)
			if reachable < pace {
				what = fmt.Sprintf("renewals/s over the limit, %v, %d at once", c.latency, c.concurrency)
			}
			s.Targets = append(s.Targets, atLeast("B3", what, c.atLeast, one(r.rate()/reachable)))
		}
		s.Raw = raw
		return nil
	})
	return s, err
}
