package main

import (
	"context"
	"time"
)

// snapshotPart is B7: somebody looks at an old state of the database for a
// minute, so that nothing that has been replaced since can be cleaned up.
func snapshotPart(ctx context.Context, l *lab) (section, error) {
	s := section{Title: "Renewals under an old snapshot"}
	s.Table.Head = []string{"", "renewals/s", "CPU of Postgres, µs"}
	err := l.inTown(ctx, crowd{l.Rows, 1}, "snapshot", func(t *town) error {
		several := func(n int) (runs []run, err error) {
			for range n {
				r, err := l.watch(func() (run, error) {
					return l.renew(ctx, t, renewal{due: l.Due / 2, concurrency: concurrency})
				})
				if err != nil {
					return nil, err
				}
				runs = append(runs, r)
			}
			return runs, nil
		}
		if _, err := several(1); err != nil { // warms up
			return err
		}
		before, err := several(3)
		if err != nil {
			return err
		}
		let, err := t.hold(ctx)
		if err != nil {
			return err
		}
		defer let()
		held := time.Now()
		if _, err := several(max(1, 40_000/(l.Due/2))); err != nil {
			return err
		}
		if err := pause(ctx, time.Minute-time.Since(held)); err != nil {
			return err
		}
		after, err := several(3)
		if err != nil {
			return err
		}
		s.Table.add("before", rates(before).String(), figure(server(before)))
		s.Table.add("with a snapshot of a minute ago", rates(after).String(), figure(server(after)))
		s.Targets = []target{atLeast("B7", "rate with an old snapshot over the rate before", 0.80, one(rates(after).Median/rates(before).Median))}
		s.Raw = map[string][]run{"before": before, "after": after}
		return nil
	})
	return s, err
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
