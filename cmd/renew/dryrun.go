package main

import (
	"bufio"
	"context"
	"errors"

	"github.com/online-cinema/billing/core/renewals"
)

// dryRun prints the decisions of a run, and their sums. It streams them, so that
// memory use does not depend on their number.
func dryRun(ctx context.Context, r *renewals.Renewer, p printer) error {
	w := bufio.NewWriter(p.w)
	p.w = w
	sum := newForecast()
	err := r.Plan(ctx, func(d renewals.Decision) error {
		sum.add(toPlanned(d))
		return p.planned(d)
	})
	if err == nil {
		err = p.forecast(sum)
	}
	return errors.Join(err, w.Flush())
}
