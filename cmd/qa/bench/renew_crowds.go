package main

import (
	"context"
	"fmt"
)

// sizePart is B5: as many are due among many as among few.
func sizePart(ctx context.Context, l *lab) (section, error) {
	few, many := crowd{l.Rows, 1}, crowd{5 * l.Rows, 1}
	s := section{Title: fmt.Sprintf("%d due, of %d and of %d", l.Due, few.rows, many.rows)}
	pairs, err := l.compareCrowds(ctx, &s, few, many, "subscriptions")
	s.Targets = []target{atMost("B5", "time with five times as many over time", 1.15, "", slowdown(pairs))}
	return s, err
}

// growthPart shows that a run costs the same after years.
func growthPart(ctx context.Context, l *lab) (section, error) {
	young, old := crowd{l.Rows / 2, 1}, crowd{l.Rows / 2, 36}
	s := section{Title: fmt.Sprintf("%d due of %d, after a month and after three years", l.Due/2, young.rows)}
	l2 := *l
	l2.Due = l.Due / 2
	pairs, err := l2.compareCrowds(ctx, &s, young, old, "months of history")
	l.foreign = l2.foreign
	s.Targets = []target{atMost("growth", "time with three years of history over time", 1.15, "", slowdown(pairs))}
	return s, err
}

// compareCrowds renews as many in either.
func (l *lab) compareCrowds(ctx context.Context, s *section, base, subject crowd, what string) (pairs []pair, err error) {
	r := renewal{due: l.Due, concurrency: concurrency}
	err = l.inTown(ctx, base, "base", func(a *town) error {
		return l.inTown(ctx, subject, "subject", func(b *town) (err error) {
			pairs, err = l.pairs(ctx,
				func(ctx context.Context) (run, error) { return l.renew(ctx, a, r) },
				func(ctx context.Context) (run, error) { return l.renew(ctx, b, r) })
			return err
		})
	})
	s.Table.Head = []string{what, "renewals/s", "CPU of Postgres, µs"}
	for _, x := range []struct {
		c    crowd
		runs []run
	}{{base, bases(pairs)}, {subject, subjects(pairs)}} {
		n := x.c.rows
		if base.rows == subject.rows {
			n = x.c.history
		}
		s.Table.add(fmt.Sprint(n), rates(x.runs).String(), figure(server(x.runs)))
	}
	s.Raw = pairs
	return pairs, err
}

// slowdown is how much longer the subject took, pair by pair.
func slowdown(pairs []pair) spread {
	return spreadOf(each(pairs, func(p pair) float64 { return p.Base.rate() / p.Subject.rate() }))
}
