package main

import (
	"context"
	"fmt"
	"time"
)

// memoryPart is B4: a run takes no more memory for more to do.
func memoryPart(ctx context.Context, l *lab) (section, error) {
	s := section{Title: "Memory of a run"}
	s.Table.Head = []string{"due", "charged at once", "payment system", "peak RSS, MB"}
	many, few := min(100_000, l.Rows/2), 2000
	peaks := map[string][]float64{}
	err := l.inTown(ctx, crowd{l.Rows, 1}, "memory", func(t *town) error {
		for _, c := range []struct {
			name string
			renewal
		}{
			{"few", renewal{due: few, concurrency: concurrency}},
			{"many", renewal{due: many, concurrency: concurrency}},
			{"wide", renewal{due: min(10*1024, l.Rows/10), concurrency: 1024, latency: 200 * time.Millisecond, profile: "wide"}},
		} {
			for range 3 {
				r, err := l.watch(func() (run, error) { return l.renew(ctx, t, c.renewal) })
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
		atMost("B4", "peak RSS with 1024 at once", 32, " MB", spreadOf(peaks["wide"])),
		atMost("B4", fmt.Sprintf("RSS with %d due over that with %d", many, few), 1.25, "", one(median(peaks["many"])/max(1, median(peaks["few"])))),
	}
	s.Notes = []string{"The process holds the code that billing-renew does, and a payment system that takes every charge."}
	s.Raw = peaks
	return s, err
}

func megabytes(bytes int64) string { return figure(float64(bytes) / 1e6) }
