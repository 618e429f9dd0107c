package postgres

import (
	"context"
	"time"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

type subscriptions struct {
	q      *dbgen.Queries
	tx     *tx
	tokens tokens
}

func (r subscriptions) Named(ctx context.Context, user billing.UserID, ref string) (billing.Subscription, error) {
	row, err := r.q.SubscriptionNamed(ctx, string(user), ref)
	if err != nil {
		return billing.Subscription{}, orNotFound(err, billing.ErrNotFound)
	}
	return subscriptionOf(&row.Subscription, row.PlanCode), nil
}

func (r subscriptions) Lock(ctx context.Context, keys ...app.SubscriptionKey) ([]billing.Subscription, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	rows, err := r.q.SubscriptionsLock(ctx,
		column(keys, func(k app.SubscriptionKey) string { return string(k.User) }),
		column(keys, func(k app.SubscriptionKey) string { return string(k.ID) }))
	return column(rows, func(row *dbgen.SubscriptionsLockRow) billing.Subscription {
		return subscriptionOf(&row.Subscription, row.PlanCode)
	}), err
}

type sub = billing.Subscription

func (r subscriptions) Add(ctx context.Context, subs ...billing.Subscription) error {
	if len(subs) == 0 {
		return nil
	}
	return r.tx.later(anyNumber).SubscriptionsAdd(ctx, dbgen.SubscriptionsAddParams{
		UserIds:          column(subs, func(s sub) string { return string(s.UserID) }),
		Ids:              column(subs, func(s sub) string { return string(s.ID) }),
		PlanIds:          column(subs, func(s sub) string { return string(s.PlanID) }),
		PaymentMethodIds: column(subs, func(s sub) string { return string(s.MethodID) }),
		PaymentSystems:   column(subs, func(s sub) string { return s.PaymentSystem }),
		PriceAmounts:     column(subs, func(s sub) int64 { return s.Price.Amount }),
		PriceCurrencies:  column(subs, func(s sub) string { return string(s.Price.Currency) }),
		IntervalMonths:   column(subs, func(s sub) int32 { return int32(s.IntervalMonths) }),
		Statuses:         column(subs, func(s sub) string { return string(s.Status) }),
		Anchors:          column(subs, func(s sub) time.Time { return s.AnchorAt }),
		PeriodStarts:     column(subs, func(s sub) time.Time { return s.Current.Start }),
		PeriodEnds:       column(subs, func(s sub) time.Time { return s.Current.End }),
		NextCharges:      column(subs, func(s sub) time.Time { return s.NextChargeAt }),
		Charging:         column(subs, func(s sub) bool { return s.Charging }),
		Cancels:          column(subs, func(s sub) bool { return s.CancelAtPeriodEnd }),
		PastDueSinces:    column(subs, func(s sub) time.Time { return s.PastDueSince }),
		GraceUntils:      column(subs, func(s sub) time.Time { return s.GraceUntil }),
		LatestPaymentIds: column(subs, func(s sub) string { return string(s.LatestPaymentID) }),
		Created:          column(subs, func(s sub) time.Time { return s.CreatedAt }),
		Started:          column(subs, func(s sub) time.Time { return s.StartedAt }),
		Ended:            column(subs, func(s sub) time.Time { return s.EndedAt }),
	})
}

func (r subscriptions) Save(ctx context.Context, subs ...billing.Subscription) error {
	return r.Replace(ctx, make([]app.Version, len(subs)), subs...)
}

func (r subscriptions) Replace(ctx context.Context, since []app.Version, subs ...billing.Subscription) error {
	if len(subs) == 0 {
		return nil
	}
	return r.tx.later(len(subs)).SubscriptionsSave(ctx, dbgen.SubscriptionsSaveParams{
		UserIds:          column(subs, func(s sub) string { return string(s.UserID) }),
		Ids:              column(subs, func(s sub) string { return string(s.ID) }),
		Versions:         column(since, func(v app.Version) uint32 { return uint32(v) }),
		PaymentMethodIds: column(subs, func(s sub) string { return string(s.MethodID) }),
		Statuses:         column(subs, func(s sub) string { return string(s.Status) }),
		PeriodStarts:     column(subs, func(s sub) time.Time { return s.Current.Start }),
		PeriodEnds:       column(subs, func(s sub) time.Time { return s.Current.End }),
		NextCharges:      column(subs, func(s sub) time.Time { return s.NextChargeAt }),
		Charging:         column(subs, func(s sub) bool { return s.Charging }),
		Cancels:          column(subs, func(s sub) bool { return s.CancelAtPeriodEnd }),
		PastDueSinces:    column(subs, func(s sub) time.Time { return s.PastDueSince }),
		GraceUntils:      column(subs, func(s sub) time.Time { return s.GraceUntil }),
		LatestPaymentIds: column(subs, func(s sub) string { return string(s.LatestPaymentID) }),
		Started:          column(subs, func(s sub) time.Time { return s.StartedAt }),
		Ended:            column(subs, func(s sub) time.Time { return s.EndedAt }),
	})
}

func subscriptionOf(row *dbgen.Subscription, planCode string) billing.Subscription {
	return billing.Subscription{
		ID: billing.SubscriptionID(row.ID), UserID: billing.UserID(row.UserID),
		PlanID: billing.PlanID(row.PlanID), PlanCode: planCode,
		MethodID: billing.PaymentMethodID(row.PaymentMethodID), PaymentSystem: row.PaymentSystem,
		Price:          billing.Money{Amount: row.PriceAmount, Currency: billing.Currency(row.PriceCurrency)},
		IntervalMonths: int(row.IntervalMonths),
		Status:         billing.Status(row.Status),
		AnchorAt:       row.AnchorAt, Current: billing.Period{Start: row.PeriodStart, End: row.PeriodEnd},
		NextChargeAt: row.NextChargeAt, Charging: row.Charging, CancelAtPeriodEnd: row.CancelAtPeriodEnd,
		PastDueSince: row.PastDueSince, GraceUntil: row.GraceUntil,
		LatestPaymentID: billing.PaymentID(row.LatestPaymentID),
		CreatedAt:       row.CreatedAt, StartedAt: row.StartedAt, EndedAt: row.EndedAt,
	}
}
