package main

import (
	"bufio"
	"context"
	"errors"

	"github.com/online-cinema/billing/core/app"
)

// dryRun prints what a run would do, as it is found: however many are due, they
// are never all in memory. What has no adapter counts as failed, as in a run.
func dryRun(ctx context.Context, r *app.Renewer, p printer) error {
	w := bufio.NewWriter(p.w)
	p.w = w
	var sum app.Summary
	err := r.Plan(ctx, func(d app.Decision) error {
		switch {
		case d.NoAdapter:
			sum.Due++
			sum.Failed++
		case d.Billed:
			sum.Due++
		default:
			sum.Ended++
		}
		return p.planned(d)
	})
	if err == nil {
		err = p.summary(sum)
	}
	return errors.Join(err, w.Flush())
}
