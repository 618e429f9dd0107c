package main

import (
	"context"
	"fmt"
	"time"
)

// latencyPart measures B3: runs with a payment system that takes some time.
func latencyPart(ctx context.Context, e *env) (section, error) {
	s := section{Title: "Renewals at the pace of a payment system"}
	s.Table.Head = []string{"payment system", "in flight", "its pace, /s", "renewals/s", "CPU of billing-renew, µs", "peak RSS, MB"}
	var raw []run
	err := e.withDataset(ctx, population{e.Rows, 1}, "latency", func(d *dataset) error {
		_, fastest, err := e.fastestBaseline(ctx, d, nil)
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
				reachable = min(pace, fastest.rate())
			}
			// Complete rounds of c.concurrency charges, for six times as long as other runs.
			due := int(reachable*6*e.Time.Seconds()) / c.concurrency * c.concurrency
			due = min(max(due, 4*c.concurrency), e.Rows)
			r, err := e.watch(func() (run, error) {
				return e.renew(ctx, d, renewal{due: due, concurrency: c.concurrency, latency: c.latency})
			})
			if err != nil {
				return err
			}
			raw = append(raw, r)
			s.Table.add(c.latency.String(), fmt.Sprint(c.concurrency), figure(pace), figure(r.rate()), figure(r.perItem(r.ClientCPU)), megabytes(r.RSS))
			what := fmt.Sprintf("renewals/s over the pace, %v, %d in flight", c.latency, c.concurrency)
			if reachable < pace {
				what = fmt.Sprintf("renewals/s over pgbench, %v, %d in flight", c.latency, c.concurrency)
			}
			s.Targets = append(s.Targets, atLeast("B3", what, c.atLeast, exactly(r.rate()/reachable)))
		}
		s.Raw = raw
		return nil
	})
	return s, err
}
