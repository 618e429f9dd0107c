package postgres

import (
	"context"
	"time"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// duePage is the number of due subscriptions that one query reads.
const duePage = 5000

// Due implements [ports.Views]. It reads in pages, so that memory and the age of a
// snapshot stay bounded.
func (v views) Due(ctx context.Context, q ports.DueQuery, each func(ports.Due) error) error {
	page := dbgen.ViewDueParams{
		FromAt: orEpoch(q.From), AfterUser: minID, AfterID: minID,
		Now: q.Now, Systems: q.Systems, AnySystem: q.Systems == nil, NoticeBy: q.NoticeBy,
	}
	for left := q.Limit; q.Limit == 0 || left > 0; left -= duePage {
		page.Take = duePage
		if q.Limit > 0 {
			page.Take = int32(min(duePage, left))
		}
		list, err := v.duePage(ctx, page)
		if err != nil {
			return err
		}
		for _, d := range list {
			if err := each(d); err != nil {
				return err
			}
		}
		if len(list) < int(page.Take) {
			return nil
		}
		last := list[len(list)-1]
		page.FromAt, page.AfterUser, page.AfterID = last.NextChargeAt, string(last.UserID), string(last.ID)
	}
	return nil
}

func (v views) duePage(ctx context.Context, page dbgen.ViewDueParams) ([]ports.Due, error) {
	tokens := v.tokens.snapshot()
	return queryMany(ctx, func(ctx context.Context) ([]*dbgen.ViewDueRow, error) { return v.q.ViewDue(ctx, page) },
		func(row *dbgen.ViewDueRow) ports.Due { return tokens.dueOf((*dbgen.SubscriptionsLockDueRow)(row)) })
}

// Over implements [ports.Views]. It reads in pages, as Due does.
func (v views) Over(ctx context.Context, now time.Time, each func(billing.Subscription) error) error {
	page := dbgen.ViewOverParams{Now: now, AfterAt: orEpoch(time.Time{}), AfterUser: minID, AfterID: minID, Take: duePage}
	err := inPages(each, func(last *billing.Subscription) ([]billing.Subscription, error) {
		if last != nil {
			page.AfterAt, page.AfterUser, page.AfterID = last.GraceUntil, string(last.UserID), string(last.ID)
		}
		return queryMany(ctx, func(ctx context.Context) ([]*dbgen.ViewOverRow, error) { return v.q.ViewOver(ctx, page) },
			func(row *dbgen.ViewOverRow) billing.Subscription {
				return subscriptionOf(&row.Subscription, row.PlanCode, row.PlanGroup, row.PlanEnding)
			})
	})
	if err != nil {
		return err
	}
	return v.givenOver(ctx, now, each)
}

func (v views) givenOver(ctx context.Context, now time.Time, each func(billing.Subscription) error) error {
	page := dbgen.ViewGivenOverParams{Now: now, AfterUser: minID, AfterID: minID, Take: duePage}
	return inPages(each, func(last *billing.Subscription) ([]billing.Subscription, error) {
		if last != nil {
			page.AfterUser, page.AfterID = string(last.UserID), string(last.ID)
		}
		return queryMany(ctx, func(ctx context.Context) ([]*dbgen.ViewGivenOverRow, error) { return v.q.ViewGivenOver(ctx, page) },
			func(row *dbgen.ViewGivenOverRow) billing.Subscription {
				return subscriptionOf(&row.Subscription, row.PlanCode, row.PlanGroup, row.PlanEnding)
			})
	})
}

// Waiting implements [ports.Views]. It reads in pages, as Due does.
func (v views) Waiting(ctx context.Context, q ports.DueQuery, each func(billing.Subscription) error) error {
	if q.NoticeBy.IsZero() {
		return nil
	}
	page := dbgen.ViewWaitingParams{
		FromAt: orEpoch(time.Time{}), AfterUser: minID, AfterID: minID, Now: q.Now, Systems: q.Systems, NoticeBy: q.NoticeBy, Take: duePage,
	}
	return inPages(each, func(last *billing.Subscription) ([]billing.Subscription, error) {
		if last != nil {
			page.FromAt, page.AfterUser, page.AfterID = last.NextChargeAt, string(last.UserID), string(last.ID)
		}
		return queryMany(ctx, func(ctx context.Context) ([]*dbgen.ViewWaitingRow, error) { return v.q.ViewWaiting(ctx, page) },
			func(row *dbgen.ViewWaitingRow) billing.Subscription {
				return subscriptionOf(&row.Subscription, row.PlanCode, row.PlanGroup, row.PlanEnding)
			})
	})
}

// inPages calls each for the items of all pages. read returns the page of duePage items
// after last, or the first one if last is nil.
func inPages[T any](each func(T) error, read func(last *T) ([]T, error)) error {
	var last *T
	for {
		list, err := read(last)
		if err != nil {
			return err
		}
		for _, item := range list {
			if err := each(item); err != nil {
				return err
			}
		}
		if len(list) < duePage {
			return nil
		}
		last = &list[len(list)-1]
	}
}

// CountDue implements [ports.Views].
func (v views) CountDue(ctx context.Context, q ports.DueQuery) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	n, err := v.q.ViewCountDue(ctx, dbgen.ViewCountDueParams{
		FromAt: orEpoch(q.From), Now: q.Now, Systems: q.Systems, AnySystem: q.Systems == nil, NoticeBy: q.NoticeBy,
	})
	return int(n), translate(err)
}

// SystemsToSweep implements [ports.Views].
func (v views) SystemsToSweep(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	systems, err := v.q.PaymentsSystemsToSweep(ctx)
	return systems, translate(err)
}

// SystemsToSweepSaves implements [ports.Views].
func (v views) SystemsToSweepSaves(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	systems, err := v.q.SavesSystemsToSweep(ctx)
	return systems, translate(err)
}
