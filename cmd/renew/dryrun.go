package main

import (
	"bufio"
	"context"
	"errors"

	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/renewals"
)

// dryRun prints the decisions of a run. It streams them, so that memory use does
// not depend on their number. Like a run it counts a subscription whose payment
// system has no adapter as failed.
func dryRun(ctx context.Context, r *renewals.Renewer, p printer) error {
	w := bufio.NewWriter(p.w)
	p.w = w
	var sum ports.Summary
	err := r.Plan(ctx, func(d renewals.Decision) error {
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
