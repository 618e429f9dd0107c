package main

import (
	"context"
	"slices"
)

// pair is a run of the baseline and a run of the subject, one directly after the other.
type pair struct {
	Base    run `json:"base"` // the baseline
	Subject run `json:"subject"`
}

type runner func(context.Context) (run, error)

// pairs measures base and subject in turn. It discards the first pair, which warms
// up. The order alternates from pair to pair.
func (e *env) pairs(ctx context.Context, base, subject runner) ([]pair, error) {
	var all []pair
	for i := range e.Pairs + 1 {
		var p pair
		order := []func() error{
			func() (err error) { p.Base, err = e.watch(func() (run, error) { return base(ctx) }); return err },
			func() (err error) { p.Subject, err = e.watch(func() (run, error) { return subject(ctx) }); return err },
		}
		if i%2 == 1 {
			slices.Reverse(order)
		}
		for _, f := range order {
			if err := f(); err != nil {
				return nil, err
			}
		}
		logf("pair %d: %.0f/s against %.0f/s, %.3f", i, p.Subject.rate(), p.Base.rate(), p.Subject.rate()/p.Base.rate())
		if i > 0 {
			all = append(all, p)
		}
	}
	return all, nil
}

// spread is the median of some figures and their range.
type spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

func spreadOf(list []float64) spread {
	if len(list) == 0 {
		return spread{}
	}
	return spread{median(list), slices.Min(list), slices.Max(list)}
}

func median(list []float64) float64 {
	if len(list) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(list))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

func each[T any](list []T, f func(T) float64) []float64 {
	var values []float64
	for _, item := range list {
		values = append(values, f(item))
	}
	return values
}

func rates(runs []run) spread { return spreadOf(each(runs, run.rate)) }

func bases(pairs []pair) (runs []run) {
	for _, p := range pairs {
		runs = append(runs, p.Base)
	}
	return runs
}

func subjects(pairs []pair) (runs []run) {
	for _, p := range pairs {
		runs = append(runs, p.Subject)
	}
	return runs
}

// ratio returns the rate of the subject over the rate of the base, pair by pair.
func ratio(pairs []pair) spread {
	return spreadOf(each(pairs, func(p pair) float64 { return p.Subject.rate() / p.Base.rate() }))
}

// clientCPU returns the median CPU time per item of the measured process, in
// microseconds.
func clientCPU(runs []run) float64 {
	return median(each(runs, func(r run) float64 { return r.perItem(r.ClientCPU) }))
}

// postgresCPU is clientCPU for Postgres.
func postgresCPU(runs []run) float64 {
	return median(each(runs, func(r run) float64 { return r.perItem(r.PostgresCPU) }))
}

// rssOf returns the peak memory of the measured process, in MB.
func rssOf(runs []run) []float64 {
	return each(runs, func(r run) float64 { return float64(r.RSS) / 1e6 })
}

// liveHeapOf is rssOf for the live heap.
func liveHeapOf(runs []run) []float64 {
	return each(runs, func(r run) float64 { return float64(r.LiveHeap) / 1e6 })
}
