package main

import (
	"context"
	"time"
)

// snapshotPart measures B7: runs while a transaction holds a snapshot that is a
// minute old, so that vacuum cannot remove newer row versions.
func snapshotPart(ctx context.Context, e *env) (section, error) {
	s := section{Title: "Renewals under an old snapshot"}
	s.Table.Head = []string{"", "renewals/s", "CPU of Postgres, µs"}
	err := e.withDataset(ctx, population{e.Rows, 1}, "snapshot", func(d *dataset) error {
		several := func(n int) (runs []run, err error) {
			for range n {
				r, err := e.watch(func() (run, error) {
					return e.renew(ctx, d, renewal{due: e.Due / 2, concurrency: concurrency})
				})
				if err != nil {
					return nil, err
				}
				runs = append(runs, r)
			}
			return runs, nil
		}
		if _, err := several(1); err != nil { // warm up
			return err
		}
		before, err := several(3)
		if err != nil {
			return err
		}
		release, err := d.holdSnapshot(ctx)
		if err != nil {
			return err
		}
		defer release()
		taken := time.Now()
		if _, err := several(max(1, 40_000/(e.Due/2))); err != nil {
			return err
		}
		if err := pause(ctx, time.Minute-time.Since(taken)); err != nil {
			return err
		}
		after, err := several(3)
		if err != nil {
			return err
		}
		s.Table.add("before", rates(before).String(), figure(postgresCPU(before)))
		s.Table.add("with a snapshot that is a minute old", rates(after).String(), figure(postgresCPU(after)))
		s.Targets = []target{atLeast("B7", "rate with an old snapshot over the rate before", 0.80, exactly(rates(after).Median/rates(before).Median))}
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
