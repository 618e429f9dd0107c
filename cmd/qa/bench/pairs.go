package main

import (
	"context"
	"slices"
)

// pair is one run of each, one right after the other.
type pair struct {
	Base    run `json:"base"` // what we compare with
	Subject run `json:"subject"`
}

type runner func(context.Context) (run, error)

// pairs measures both in turn, and throws the first pair away: it warms up. The
// one that begins changes from pair to pair.
func (l *lab) pairs(ctx context.Context, base, subject runner) ([]pair, error) {
	var all []pair
	for i := range l.Pairs + 1 {
		var p pair
		order := []func() error{
			func() (err error) { p.Base, err = l.watch(func() (run, error) { return base(ctx) }); return err },
			func() (err error) { p.Subject, err = l.watch(func() (run, error) { return subject(ctx) }); return err },
		}
		if i%2 == 1 {
			slices.Reverse(order)
		}
		for _, f := range order {
			if err := f(); err != nil {
				return nil, err
			}
		}
		say("pair %d: %.0f/s against %.0f/s, %.3f", i, p.Subject.rate(), p.Base.rate(), p.Subject.rate()/p.Base.rate())
		if i > 0 {
			all = append(all, p)
		}
	}
	return all, nil
}

// spread is the middle of some figures, and the ends.
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

// ratio is how much quicker the subject was than the base, pair by pair.
func ratio(pairs []pair) spread {
	return spreadOf(each(pairs, func(p pair) float64 { return p.Subject.rate() / p.Base.rate() }))
}

func client(runs []run) float64 {
	return median(each(runs, func(r run) float64 { return r.perItem(r.Client) }))
}

func server(runs []run) float64 {
	return median(each(runs, func(r run) float64 { return r.perItem(r.Server) }))
}
