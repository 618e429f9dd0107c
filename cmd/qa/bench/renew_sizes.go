package main

import (
	"context"
	"fmt"
)

// sizePart measures B5: the same number due in a larger database.
func sizePart(ctx context.Context, e *env) (section, error) {
	small, large := population{e.Rows, 1}, population{5 * e.Rows, 1}
	s := section{Title: fmt.Sprintf("%d due, of %d and of %d", e.Due, small.rows, large.rows)}
	pairs, err := e.comparePopulations(ctx, &s, small, large, "subscriptions")
	s.Targets = []target{atMost("B5", "time with five times as many subscriptions over time", 1.15, "", slowdown(pairs))}
	return s, err
}

// growthPart compares runs after a month and after three years of history.
func growthPart(ctx context.Context, e *env) (section, error) {
	young, old := population{e.Rows / 2, 1}, population{e.Rows / 2, 36}
	s := section{Title: fmt.Sprintf("%d due of %d, after a month and after three years", e.Due/2, young.rows)}
	half := *e
	half.Due = e.Due / 2
	pairs, err := half.comparePopulations(ctx, &s, young, old, "months of history")
	e.otherCPU = half.otherCPU
	s.Targets = []target{atMost("growth", "time with three years of history over time with a month", 1.15, "", slowdown(pairs))}
	return s, err
}

// comparePopulations makes the same runs in both populations. column is the head of
// the first column.
func (e *env) comparePopulations(ctx context.Context, s *section, base, subject population, column string) (pairs []pair, err error) {
	r := renewal{due: e.Due, concurrency: concurrency}
	err = e.withDataset(ctx, base, "base", func(a *dataset) error {
		return e.withDataset(ctx, subject, "subject", func(b *dataset) (err error) {
			pairs, err = e.pairs(ctx,
				func(ctx context.Context) (run, error) { return e.renew(ctx, a, r) },
				func(ctx context.Context) (run, error) { return e.renew(ctx, b, r) })
			return err
		})
	})
	s.Table.Head = []string{column, "renewals/s", "CPU of Postgres, µs"}
	for _, x := range []struct {
		p    population
		runs []run
	}{{base, bases(pairs)}, {subject, subjects(pairs)}} {
		n := x.p.rows
		if base.rows == subject.rows {
			n = x.p.months
		}
		s.Table.add(fmt.Sprint(n), rates(x.runs).String(), figure(postgresCPU(x.runs)))
	}
	s.Raw = pairs
	return pairs, err
}

// slowdown returns the time of the subject over the time of the base, pair by pair.
func slowdown(pairs []pair) spread {
	return spreadOf(each(pairs, func(p pair) float64 { return p.Base.rate() / p.Subject.rate() }))
}
