package main

import (
	"context"
	"fmt"
	"time"
)

// memoryPart measures B4: the memory of a run does not grow with the number due.
func memoryPart(ctx context.Context, e *env) (section, error) {
	s := section{Title: "Memory of a run"}
	s.Table.Head = []string{"due", "in flight", "payment system", "peak RSS, MB"}
	many, few := min(100_000, e.Rows/2), 2000
	peaks := map[string][]float64{}
	err := e.withDataset(ctx, population{e.Rows, 1}, "memory", func(d *dataset) error {
		for _, c := range []struct {
			name string
			renewal
		}{
			{"few", renewal{due: few, concurrency: concurrency}},
			{"many", renewal{due: many, concurrency: concurrency}},
			{"wide", renewal{due: min(10*1024, e.Rows/10), concurrency: 1024, latency: 200 * time.Millisecond, profile: "wide"}},
		} {
			for range 3 {
				r, err := e.watch(func() (run, error) { return e.renew(ctx, d, c.renewal) })
				if err != nil {
					return err
				}
				peaks[c.name] = append(peaks[c.name], float64(r.RSS)/1e6)
			}
			s.Table.add(fmt.Sprint(c.due), fmt.Sprint(c.concurrency), c.latency.String(), spreadOf(peaks[c.name]).String())
		}
		return nil
	})
	s.Targets = []target{
		atMost("B4", "peak RSS with 1024 in flight", 32, " MB", spreadOf(peaks["wide"])),
		atMost("B4", fmt.Sprintf("RSS with %d due over RSS with %d", many, few), 1.25, "", exactly(median(peaks["many"])/max(1, median(peaks["few"])))),
	}
	s.Notes = []string{"The process has the code of billing-renew and a payment system that accepts every charge."}
	s.Raw = peaks
	return s, err
}

func megabytes(bytes int64) string { return figure(float64(bytes) / 1e6) }
