package postgres

import (
	"context"
	"time"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// refunds implements [ports.Refunds]. It writes one refund at a time, because they are rare.
type refunds struct{ q *dbgen.Queries }

// refundLeases implements [ports.RefundLeases].
type refundLeases struct{ q *dbgen.Queries }

func (r refunds) Add(ctx context.Context, list ...billing.Refund) error {
	for _, f := range list {
		reserved, err := r.q.RefundAdd(ctx, dbgen.RefundAddParams{
			UserID: string(f.UserID), ID: string(f.ID), PaymentID: string(f.PaymentID), SubscriptionID: string(f.SubscriptionID),
			PaymentSystem: f.PaymentSystem, Amount: f.Amount.Amount, Currency: string(f.Amount.Currency), EndNow: f.EndNow,
			RequestedBy: f.By, Reason: f.Reason, Status: string(f.Status), ProviderRef: f.ProviderRef,
			CreatedAt: f.CreatedAt, SettledAt: f.SettledAt,
		})
		switch {
		case err != nil:
			return err
		case reserved == 0:
			return billing.ErrRefundExceedsPayment
		}
	}
	return nil
}

func (r refunds) Lock(ctx context.Context, keys ...ports.RefundKey) ([]billing.Refund, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	rows, err := r.q.RefundsLock(ctx,
		mapSlice(keys, func(k ports.RefundKey) string { return string(k.User) }),
		mapSlice(keys, func(k ports.RefundKey) string { return string(k.ID) }))
	return mapSlice(rows, refundOf), err
}

func (r refunds) Save(ctx context.Context, list ...billing.Refund) error {
	for _, f := range list {
		err := oneRow(r.q.RefundSave(ctx, dbgen.RefundSaveParams{
			UserID: string(f.UserID), ID: string(f.ID), Status: string(f.Status), DeclineCode: string(f.DeclineCode),
			ProviderRef: f.ProviderRef, ReviewSince: f.ReviewSince, SettledAt: f.SettledAt,
		}))
		if err != nil {
			return err
		}
	}
	return nil
}

func (r refunds) OfPayment(ctx context.Context, key ports.PaymentKey) ([]billing.Refund, error) {
	rows, err := r.q.RefundsOfPayment(ctx, string(key.User), string(key.ID))
	return mapSlice(rows, refundOf), err
}

func (r refundLeases) LeaseForSweep(ctx context.Context, q ports.SweepQuery) ([]ports.UnsettledRefund, error) {
	rows, err := r.q.RefundsLeaseForSweep(ctx, dbgen.RefundsLeaseForSweepParams{
		System: q.System, Take: int32(q.Limit), Shortest: interval(q.Interval.Min), Longest: interval(q.Interval.Max),
	})
	return mapSlice(rows, func(row *dbgen.RefundsLeaseForSweepRow) ports.UnsettledRefund {
		times := billing.SendTimes{First: row.Refund.FirstSentAt, Until: row.Refund.SendUntil, Lookup: row.LeasedAt}
		return ports.UnsettledRefund{Refund: refundOf(&row.Refund), Times: times}
	}), err
}

func (r refundLeases) LeaseForSend(ctx context.Context, send time.Duration, absent ...ports.RefundAbsence) ([]ports.RefundKey, error) {
	if len(absent) == 0 {
		return nil, nil
	}
	rows, err := r.q.RefundsLeaseForSend(ctx, dbgen.RefundsLeaseForSendParams{
		Send:       interval(send),
		UserIds:    mapSlice(absent, func(a ports.RefundAbsence) string { return string(a.User) }),
		Ids:        mapSlice(absent, func(a ports.RefundAbsence) string { return string(a.ID) }),
		SendUntils: mapSlice(absent, func(a ports.RefundAbsence) time.Time { return a.SendUntil }),
	})
	return mapSlice(rows, func(row *dbgen.RefundsLeaseForSendRow) ports.RefundKey {
		return ports.RefundKey{User: billing.UserID(row.UserID), ID: billing.RefundID(row.ID)}
	}), err
}

func (r refundLeases) ReleaseUnsent(ctx context.Context, key ports.RefundKey, never bool) error {
	return r.q.RefundReleaseUnsent(ctx, never, string(key.User), string(key.ID))
}

func (v views) Refunds(ctx context.Context, user billing.UserID, ids ...billing.PaymentID) ([]billing.Refund, error) {
	return queryMany(ctx, func(ctx context.Context) ([]*dbgen.Refund, error) {
		return v.q.ViewRefunds(ctx, string(user), stringsOf(ids))
	}, refundOf)
}

func (v views) SystemsToRefund(ctx context.Context) ([]string, error) {
	return queryMany(ctx, v.q.RefundsSystemsToSweep, func(code string) string { return code })
}

func refundOf(row *dbgen.Refund) billing.Refund {
	return billing.Refund{
		ID: billing.RefundID(row.ID), UserID: billing.UserID(row.UserID), PaymentID: billing.PaymentID(row.PaymentID),
		SubscriptionID: billing.SubscriptionID(row.SubscriptionID), PaymentSystem: row.PaymentSystem,
		Amount: billing.Money{Amount: row.Amount, Currency: billing.Currency(row.Currency)},
		EndNow: row.EndNow, By: row.RequestedBy, Reason: row.Reason,
		Status: billing.PaymentStatus(row.Status), DeclineCode: billing.DeclineCode(row.DeclineCode), ProviderRef: row.ProviderRef,
		ReviewSince: row.ReviewSince, CreatedAt: row.CreatedAt, SettledAt: row.SettledAt,
	}
}
