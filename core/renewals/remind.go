package renewals

import (
	"context"
	"fmt"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
)

// remind makes the reminders that are due. Runs at the same time share them.
func (p *pipeline) remind(ctx context.Context) error {
	for _, reason := range p.Reminders.Reasons() {
		n, err := p.remindFor(ctx, reason)
		if n > 0 {
			p.Log.InfoContext(ctx, "viewers were reminded of their renewals", "reason", reason, "reminders", n)
		}
		if err != nil {
			return fmt.Errorf("remind: %w", err)
		}
	}
	return nil
}

// remindFor returns the number of reminders that it made. Each search starts where the last
// one ended, as in claimAll.
func (p *pipeline) remindFor(ctx context.Context, reason billing.ReminderReason) (made int, err error) {
	ids := make([]billing.EventID, payments.MaxBatch)
	for from := (time.Time{}); ctx.Err() == nil; {
		for i := range ids {
			ids[i] = billing.EventID(p.NewID())
		}
		batch, err := ports.InTx(context.WithoutCancel(ctx), p.Store, func(tx ports.Repos) (ports.ReminderBatch, error) {
			return tx.Reminders.Add(ctx, ports.ReminderQuery{Reason: reason, Rules: p.Reminders, Now: p.Clock.Now(), From: from, IDs: ids})
		})
		if err != nil {
			return made, err
		}
		made += batch.Made
		if batch.Due < len(ids) || batch.Made == 0 && batch.Last.Equal(from) {
			break
		}
		from = batch.Last
	}
	return made, nil
}

// countWaiting counts the due renewals that wait for their notice.
func (p *pipeline) countWaiting(ctx context.Context) error {
	n := 0
	q := p.dueQuery(p.Clock.Now(), p.systems())
	err := p.Store.Views().Waiting(ctx, q, func(billing.Subscription) error { n++; return nil })
	if err != nil {
		return fmt.Errorf("count the renewals that wait for their notice: %w", err)
	}
	p.stats.add(ports.Summary{Waiting: n})
	return nil
}

// dueQuery returns the query for the subscriptions that may be charged at now.
func (r *Renewer) dueQuery(now time.Time, systems []string) ports.DueQuery {
	return ports.DueQuery{Now: now, Systems: systems, NoticeBy: r.Reminders.NoticeBy(now)}
}
