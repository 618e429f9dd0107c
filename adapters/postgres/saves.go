package postgres

import (
	"context"
	"time"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// saves implements [ports.Saves].
type saves struct {
	q  *dbgen.Queries
	tx tx
}

func (r saves) Add(ctx context.Context, send time.Duration, s billing.MethodSave) error {
	return r.tx.queue().SaveAdd(ctx, dbgen.SaveAddParams{
		UserID: string(s.UserID), MethodID: string(s.MethodID), PaymentSystem: s.PaymentSystem,
		ReturnUrl: s.ReturnURL, CreatedAt: s.CreatedAt, Send: interval(send),
	})
}

func (r saves) Lock(ctx context.Context, user billing.UserID, id billing.PaymentMethodID) (billing.MethodSave, error) {
	row, err := r.q.SaveLock(ctx, string(user), string(id))
	if err != nil {
		return billing.MethodSave{}, orNotFound(err, billing.ErrPaymentMethodNotFound)
	}
	return saveOf(row), nil
}

func (r saves) Save(ctx context.Context, s billing.MethodSave) error {
	n, err := r.q.SaveUpdate(ctx, dbgen.SaveUpdateParams{
		UserID: string(s.UserID), MethodID: string(s.MethodID), Status: string(s.Status), DeclineCode: string(s.DeclineCode),
		ProviderRef: s.ProviderRef, ActionUrl: s.ActionURL, PageUntil: s.PageUntil, Brand: string(s.Brand), Last4: s.Last4,
		SettledAt: s.SettledAt,
	})
	return oneRow(n, err)
}

func (r saves) Release(ctx context.Context, user billing.UserID, id billing.PaymentMethodID) error {
	return r.tx.queue().SaveRelease(ctx, string(user), string(id))
}

func (r saves) LeaseForSweep(ctx context.Context, q ports.SweepQuery) ([]ports.UnsettledSave, error) {
	rows, err := r.q.SavesLeaseForSweep(ctx, dbgen.SavesLeaseForSweepParams{
		System: q.System, Take: int32(q.Limit), Shortest: interval(q.Interval.Min), Longest: interval(q.Interval.Max),
	})
	return mapSlice(rows, func(row *dbgen.SavesLeaseForSweepRow) ports.UnsettledSave {
		s := &row.SavedMethod
		return ports.UnsettledSave{
			MethodSave: saveOf(s),
			Times:      billing.SendTimes{First: s.FirstSentAt, Until: s.SendUntil, Lookup: row.LeasedAt},
		}
	}), err
}

func (r saves) LookUpNow(ctx context.Context, system string, n ports.Notice) (bool, error) {
	id := string(n.Method)
	if !billing.IsID(id) {
		id = minID // no save has it
	}
	found, err := r.q.SavesLookUpNow(ctx, system, id, n.ProviderRef)
	return found > 0, err
}

func saveOf(row *dbgen.SavedMethod) billing.MethodSave {
	return billing.MethodSave{
		UserID: billing.UserID(row.UserID), MethodID: billing.PaymentMethodID(row.MethodID),
		PaymentSystem: row.PaymentSystem, ReturnURL: row.ReturnUrl,
		Status: billing.MethodStatus(row.Status), DeclineCode: billing.DeclineCode(row.DeclineCode),
		ProviderRef: row.ProviderRef, ActionURL: row.ActionUrl, PageUntil: row.PageUntil,
		Brand: billing.Brand(row.Brand), Last4: row.Last4, CreatedAt: row.CreatedAt, SettledAt: row.SettledAt,
	}
}
