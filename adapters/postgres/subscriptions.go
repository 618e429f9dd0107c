package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// subscriptions implements [ports.Subscriptions].
type subscriptions struct {
	q  *dbgen.Queries
	tx tx
}

// dueSubscriptions implements [ports.DueSubscriptions].
type dueSubscriptions struct {
	q      *dbgen.Queries
	tokens tokens
}

func (r subscriptions) Named(ctx context.Context, user billing.UserID, ref string) (billing.Subscription, error) {
	row, err := r.q.SubscriptionByRef(ctx, string(user), ref)
	if err != nil {
		return billing.Subscription{}, orNotFound(err, billing.ErrSubscriptionNotFound)
	}
	return subscriptionOf(&row.Subscription, row.PlanCode, row.PlanGroup, row.PlanEnding), nil
}

func (r subscriptions) Lock(ctx context.Context, keys ...ports.SubscriptionKey) ([]billing.Subscription, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	rows, err := r.q.SubscriptionsLock(ctx,
		mapSlice(keys, func(k ports.SubscriptionKey) string { return string(k.User) }),
		mapSlice(keys, func(k ports.SubscriptionKey) string { return string(k.ID) }))
	return mapSlice(rows, func(row *dbgen.SubscriptionsLockRow) billing.Subscription {
		return subscriptionOf(&row.Subscription, row.PlanCode, row.PlanGroup, row.PlanEnding)
	}), err
}

func (r dueSubscriptions) LockDue(ctx context.Context, q ports.DueQuery) ([]ports.Due, error) {
	rows, err := r.q.SubscriptionsLockDue(ctx, dbgen.SubscriptionsLockDueParams{
		FromAt: orEpoch(q.From), Now: q.Now, Systems: q.Systems, NoticeBy: q.NoticeBy, Take: int32(q.Limit),
	})
	return mapSlice(rows, r.tokens.snapshot().dueOf), err
}

func (r dueSubscriptions) LockOver(ctx context.Context, now time.Time, limit int) ([]billing.Subscription, error) {
	held, err := r.q.SubscriptionsLockOver(ctx, now, int32(limit))
	if err != nil {
		return nil, err
	}
	given, err := r.q.SubscriptionsLockGivenOver(ctx, now, int32(limit-len(held)))
	return append(mapSlice(held, func(row *dbgen.SubscriptionsLockOverRow) billing.Subscription {
		return subscriptionOf(&row.Subscription, row.PlanCode, row.PlanGroup, row.PlanEnding)
	}), mapSlice(given, func(row *dbgen.SubscriptionsLockGivenOverRow) billing.Subscription {
		return subscriptionOf(&row.Subscription, row.PlanCode, row.PlanGroup, row.PlanEnding)
	})...), err
}

func (r subscriptions) Add(ctx context.Context, subs ...billing.Subscription) error {
	if len(subs) == 0 {
		return nil
	}
	if slices.ContainsFunc(subs, billing.Subscription.Given) {
		if err := r.countGiven(ctx, slices.DeleteFunc(slices.Clone(subs), func(s billing.Subscription) bool { return !s.Given() })); err != nil {
			return err
		}
	}
	return r.tx.queue().SubscriptionsAdd(ctx, dbgen.SubscriptionsAddParams{
		UserIds:          mapSlice(subs, func(s billing.Subscription) string { return string(s.UserID) }),
		Ids:              mapSlice(subs, func(s billing.Subscription) string { return string(s.ID) }),
		PlanIds:          mapSlice(subs, func(s billing.Subscription) string { return string(s.PlanID) }),
		PaymentMethodIds: mapSlice(subs, func(s billing.Subscription) string { return string(s.MethodID) }),
		PaymentSystems:   mapSlice(subs, func(s billing.Subscription) string { return s.PaymentSystem }),
		PriceAmounts:     mapSlice(subs, func(s billing.Subscription) int64 { return s.Price.Amount }),
		PriceCurrencies:  mapSlice(subs, func(s billing.Subscription) string { return string(s.Price.Currency) }),
		IntervalMonths:   mapSlice(subs, func(s billing.Subscription) int32 { return int32(s.IntervalMonths) }),
		ConsentMacs:      mapSlice(subs, func(s billing.Subscription) []byte { return consentBytes(s.ConsentMAC) }),
		Statuses:         mapSlice(subs, func(s billing.Subscription) string { return string(s.Status) }),
		Anchors:          mapSlice(subs, func(s billing.Subscription) time.Time { return s.AnchorAt }),
		PeriodStarts:     mapSlice(subs, func(s billing.Subscription) time.Time { return s.Current.Start }),
		PeriodEnds:       mapSlice(subs, func(s billing.Subscription) time.Time { return s.Current.End }),
		NextCharges:      mapSlice(subs, func(s billing.Subscription) time.Time { return s.NextChargeAt }),
		Charging:         mapSlice(subs, func(s billing.Subscription) bool { return s.Charging }),
		Cancels:          mapSlice(subs, func(s billing.Subscription) bool { return s.CancelAtPeriodEnd }),
		PastDueSinces:    mapSlice(subs, func(s billing.Subscription) time.Time { return s.PastDueSince }),
		GraceUntils:      mapSlice(subs, func(s billing.Subscription) time.Time { return s.GraceUntil }),
		LatestPaymentIds: mapSlice(subs, func(s billing.Subscription) string { return string(s.LatestPaymentID) }),
		Created:          mapSlice(subs, func(s billing.Subscription) time.Time { return s.CreatedAt }),
		Started:          mapSlice(subs, func(s billing.Subscription) time.Time { return s.StartedAt }),
		Ended:            mapSlice(subs, func(s billing.Subscription) time.Time { return s.EndedAt }),
		PlanGroups:       mapSlice(subs, func(s billing.Subscription) string { return s.PlanGroup }),
	})
}

// countGiven counts new subscriptions that were given, for the figures of the panel.
func (r subscriptions) countGiven(ctx context.Context, subs []billing.Subscription) error {
	return r.tx.queue().SubscriptionsCountGiven(ctx,
		mapSlice(subs, func(s billing.Subscription) time.Time { return s.StartedAt }),
		mapSlice(subs, func(s billing.Subscription) string { return string(s.PlanID) }))
}

func (r subscriptions) Save(ctx context.Context, subs ...billing.Subscription) error {
	return r.save(ctx, len(subs), func(i int) (*billing.Subscription, ports.RowVersion) { return &subs[i], ports.Locked })
}

func (r subscriptions) SaveIfUnchanged(ctx context.Context, subs ...ports.Versioned[billing.Subscription]) error {
	return r.save(ctx, len(subs), func(i int) (*billing.Subscription, ports.RowVersion) { return &subs[i].Record, subs[i].Version })
}

// save writes n subscriptions. A subscription with a version is written only if the
// version is still current.
func (r subscriptions) save(ctx context.Context, n int, at func(int) (*billing.Subscription, ports.RowVersion)) error {
	if n == 0 {
		return nil
	}
	s := func(i int) *billing.Subscription { row, _ := at(i); return row }
	return r.tx.queueRows(n).SubscriptionsSave(ctx, dbgen.SubscriptionsSaveParams{
		UserIds:          mapRange(n, func(i int) string { return string(s(i).UserID) }),
		Ids:              mapRange(n, func(i int) string { return string(s(i).ID) }),
		Versions:         mapRange(n, func(i int) uint32 { _, v := at(i); return uint32(v) }),
		PaymentMethodIds: mapRange(n, func(i int) string { return string(s(i).MethodID) }),
		Statuses:         mapRange(n, func(i int) string { return string(s(i).Status) }),
		PeriodStarts:     mapRange(n, func(i int) time.Time { return s(i).Current.Start }),
		PeriodEnds:       mapRange(n, func(i int) time.Time { return s(i).Current.End }),
		NextCharges:      mapRange(n, func(i int) time.Time { return s(i).NextChargeAt }),
		Charging:         mapRange(n, func(i int) bool { return s(i).Charging }),
		Cancels:          mapRange(n, func(i int) bool { return s(i).CancelAtPeriodEnd }),
		PastDueSinces:    mapRange(n, func(i int) time.Time { return s(i).PastDueSince }),
		GraceUntils:      mapRange(n, func(i int) time.Time { return s(i).GraceUntil }),
		Holds:            mapRange(n, func(i int) string { return string(s(i).Hold) }),
		LatestPaymentIds: mapRange(n, func(i int) string { return string(s(i).LatestPaymentID) }),
		Started:          mapRange(n, func(i int) time.Time { return s(i).StartedAt }),
		Ended:            mapRange(n, func(i int) time.Time { return s(i).EndedAt }),
	})
}

func (r subscriptions) SaveTerms(ctx context.Context, subs ...billing.Subscription) error {
	if len(subs) == 0 {
		return nil
	}
	return r.tx.queueRows(len(subs)).SubscriptionsSaveTerms(ctx, dbgen.SubscriptionsSaveTermsParams{
		UserIds:        mapSlice(subs, func(s billing.Subscription) string { return string(s.UserID) }),
		Ids:            mapSlice(subs, func(s billing.Subscription) string { return string(s.ID) }),
		PaymentSystems: mapSlice(subs, func(s billing.Subscription) string { return s.PaymentSystem }),
		ConsentMacs:    mapSlice(subs, func(s billing.Subscription) []byte { return consentBytes(s.ConsentMAC) }),
		Anchors:        mapSlice(subs, func(s billing.Subscription) time.Time { return s.AnchorAt }),
	})
}

// consentBytes returns nil if there is no MAC.
func consentBytes(mac billing.ConsentMAC) []byte {
	if mac == "" {
		return nil
	}
	return []byte(mac)
}

// subscriptionOf takes the group from the plan, because a row of an earlier version has
// none.
func subscriptionOf(row *dbgen.Subscription, planCode, planGroup string, planEnding bool) billing.Subscription {
	return billing.Subscription{
		ID: billing.SubscriptionID(row.ID), UserID: billing.UserID(row.UserID),
		PlanID: billing.PlanID(row.PlanID), PlanCode: planCode, PlanGroup: planGroup, PlanEnding: planEnding,
		MethodID: billing.PaymentMethodID(row.PaymentMethodID), PaymentSystem: row.PaymentSystem,
		Price:          billing.Money{Amount: row.PriceAmount, Currency: billing.Currency(row.PriceCurrency)},
		IntervalMonths: int(row.IntervalMonths), ConsentMAC: billing.ConsentMAC(row.ConsentMac),
		Status:   billing.Status(row.Status),
		AnchorAt: row.AnchorAt, Current: billing.Period{Start: row.PeriodStart, End: row.PeriodEnd},
		NextChargeAt: row.NextChargeAt, Hold: holdOf(row), Charging: row.Charging, CancelAtPeriodEnd: row.CancelAtPeriodEnd,
		PastDueSince: row.PastDueSince, GraceUntil: row.GraceUntil,
		LatestPaymentID: billing.PaymentID(row.LatestPaymentID),
		CreatedAt:       row.CreatedAt, StartedAt: row.StartedAt, EndedAt: row.EndedAt,
	}
}

// holdOf returns the hold of a subscription. A subscription with a next charge is not on
// hold, even if the previous version has left the column as it was.
func holdOf(row *dbgen.Subscription) billing.DeclineCode {
	if row.Status != string(billing.StatusPastDue) || !row.NextChargeAt.IsZero() {
		return ""
	}
	return billing.DeclineCode(row.Hold.String)
}

// dueOf converts a row of SubscriptionsLockDue. Its query reads only the columns of
// the payment method that the subscription does not repeat.
func (t tokens) dueOf(row *dbgen.SubscriptionsLockDueRow) ports.Due {
	s := &row.Subscription
	return ports.Due{
		Subscription: subscriptionOf(s, row.PlanCode, row.PlanGroup, row.PlanEnding),
		Method: t.methodOf(&dbgen.PaymentMethod{
			UserID: s.UserID, ID: s.PaymentMethodID, PaymentSystem: s.PaymentSystem,
			Token: row.Token, TokenCt: row.TokenCt, TokenKeyID: row.TokenKeyID, CardID: row.CardID,
			CreatedAt: row.LinkedAt, RemovedAt: row.RemovedAt,
		}),
		Version: ports.RowVersion(row.Version),
	}
}
