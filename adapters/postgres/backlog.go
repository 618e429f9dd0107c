package postgres

import (
	"context"
	"time"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// maxCounted limits the count of due subscriptions, and the count of those on hold for
// one reason.
const maxCounted = 10_000

// Backlog returns the pending payments, refunds, receipts and instructions, the subscriptions that are due at now or on
// hold, and the last finished run. It only reads indexes of such rows, and counts at
// most 10,000 due subscriptions, and 10,000 on hold for each reason.
func (s *Store) Backlog(ctx context.Context, now time.Time) (ports.Backlog, error) {
	return queryOne(ctx, func(ctx context.Context) (b ports.Backlog, err error) {
		q := dbgen.New(s.pool)
		pending, err := q.BacklogPending(ctx)
		if err != nil {
			return b, err
		}
		refunds, err := q.BacklogRefunds(ctx)
		if err != nil {
			return b, err
		}
		receipts, err := q.BacklogReceipts(ctx)
		if err != nil {
			return b, err
		}
		instructions, err := q.BacklogInstructions(ctx)
		if err != nil {
			return b, err
		}
		due, err := q.BacklogDue(ctx, now, maxCounted)
		if err != nil {
			return b, err
		}
		held, err := q.BacklogHeld(ctx, maxCounted)
		if err != nil {
			return b, err
		}
		run, err := q.BacklogLastRun(ctx)
		if err := orNotFound(err, nil); err != nil {
			return b, err
		}
		return ports.Backlog{
			Pending: int(pending.Pending), OldestPending: pending.Oldest, InReview: int(pending.InReview),
			Refunds: int(refunds.Pending), OldestRefund: refunds.Oldest, RefundReview: int(refunds.InReview),
			Receipts: int(receipts.Pending), OldestReceipt: receipts.Oldest,
			Instructions: int(instructions.Open), OldestInstruction: instructions.OldestOpen,
			Approvals: int(instructions.Waiting), OldestApproval: instructions.OldestWaiting,
			OldestPlanEnding: instructions.OldestPlanEnding,
			Due:              int(due.Due), OldestDue: due.Oldest, Held: holdsOf(held), LastRun: runOf(run),
		}, nil
	})
}

func holdsOf(rows []*dbgen.BacklogHeldRow) map[billing.DeclineCode]int {
	holds := make(map[billing.DeclineCode]int, len(rows))
	for _, row := range rows {
		if row.N > 0 { // else the previous version has left the column as it was: see holdOf
			holds[billing.DeclineCode(row.Hold)] = int(row.N)
		}
	}
	return holds
}
