package postgres

import (
	"context"
	"time"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// payments implements [ports.Payments].
type payments struct {
	q  *dbgen.Queries
	tx tx
}

// paymentLeases implements [ports.PaymentLeases].
type paymentLeases struct {
	q  *dbgen.Queries
	tx tx
}

func (r payments) Add(ctx context.Context, send time.Duration, ps ...billing.Payment) error {
	if len(ps) == 0 {
		return nil
	}
	return r.tx.queue().PaymentsAdd(ctx, dbgen.PaymentsAddParams{
		UserIds:          mapSlice(ps, func(p billing.Payment) string { return string(p.UserID) }),
		Ids:              mapSlice(ps, func(p billing.Payment) string { return string(p.ID) }),
		SubscriptionIds:  mapSlice(ps, func(p billing.Payment) string { return string(p.SubscriptionID) }),
		PaymentMethodIds: mapSlice(ps, func(p billing.Payment) string { return string(p.MethodID) }),
		PaymentSystems:   mapSlice(ps, func(p billing.Payment) string { return p.PaymentSystem }),
		Initiators:       mapSlice(ps, func(p billing.Payment) string { return string(p.Initiator) }),
		Amounts:          mapSlice(ps, func(p billing.Payment) int64 { return p.Amount.Amount }),
		Currencies:       mapSlice(ps, func(p billing.Payment) string { return string(p.Amount.Currency) }),
		PeriodStarts:     mapSlice(ps, func(p billing.Payment) time.Time { return p.Period.Start }),
		PeriodEnds:       mapSlice(ps, func(p billing.Payment) time.Time { return p.Period.End }),
		ConsentMacs:      mapSlice(ps, func(p billing.Payment) []byte { return consentBytes(p.ConsentMAC) }),
		Created:          mapSlice(ps, func(p billing.Payment) time.Time { return p.CreatedAt }),
		Send:             interval(send),
	})
}

// notices implements [ports.Notices].
type notices struct{ q *dbgen.Queries }

func (r notices) LookUpNow(ctx context.Context, system string, n ports.Notice) (bool, error) {
	switch {
	case n.Method != "":
		return false, nil
	case n.Refund != "" || n.RefundRef != "":
		found, err := r.q.RefundsLookUpNow(ctx, system, idOrNone(string(n.Refund)), n.RefundRef)
		return found > 0, err
	}
	found, err := r.q.PaymentsLookUpNow(ctx, system, idOrNone(string(n.Key)), n.ProviderRef)
	return found > 0, err
}

// idOrNone returns id, or a UUID that no row has if id is not one.
func idOrNone(id string) string {
	if !billing.IsID(id) {
		return minID
	}
	return id
}

func (r paymentLeases) ReleaseSweep(ctx context.Context, keys ...ports.PaymentKey) error {
	if len(keys) == 0 {
		return nil
	}
	users, ids := paymentIDs(keys)
	return r.tx.queue().PaymentsReleaseSweep(ctx, users, ids)
}

func (r paymentLeases) ReleaseUnsent(ctx context.Context, u ports.Unsent, keys ...ports.PaymentKey) error {
	if len(keys) == 0 {
		return nil
	}
	users, ids := paymentIDs(keys)
	return r.tx.queue().PaymentsReleaseUnsent(ctx, dbgen.PaymentsReleaseUnsentParams{
		NeverSent: u.Never, Swept: u.Swept, UserIds: users, Ids: ids,
	})
}

func (r paymentLeases) LeaseForResend(ctx context.Context, send time.Duration, absent ...ports.Absence) ([]ports.PaymentKey, error) {
	if len(absent) == 0 {
		return nil, nil
	}
	rows, err := r.q.PaymentsLeaseForResend(ctx, dbgen.PaymentsLeaseForResendParams{
		Send:       interval(send),
		UserIds:    mapSlice(absent, func(a ports.Absence) string { return string(a.User) }),
		Ids:        mapSlice(absent, func(a ports.Absence) string { return string(a.ID) }),
		SendUntils: mapSlice(absent, func(a ports.Absence) time.Time { return a.SendUntil }),
	})
	return mapSlice(rows, func(row *dbgen.PaymentsLeaseForResendRow) ports.PaymentKey {
		return ports.PaymentKey{User: billing.UserID(row.UserID), ID: billing.PaymentID(row.ID)}
	}), err
}

func (r paymentLeases) SendRemaining(ctx context.Context, key ports.PaymentKey) (time.Duration, error) {
	seconds, err := r.q.PaymentSendRemaining(ctx, string(key.User), string(key.ID))
	return time.Duration(seconds * float64(time.Second)), err
}

func (r paymentLeases) MaxSendRemaining(ctx context.Context) (time.Duration, error) {
	seconds, err := r.q.PaymentsMaxSendRemaining(ctx)
	return time.Duration(seconds * float64(time.Second)), err
}

func (r paymentLeases) LeaseForSweep(ctx context.Context, q ports.SweepQuery) ([]ports.Unsettled, error) {
	rows, err := r.q.PaymentsLeaseForSweep(ctx, dbgen.PaymentsLeaseForSweepParams{
		System: q.System, Take: int32(q.Limit), Shortest: interval(q.Interval.Min), Longest: interval(q.Interval.Max),
	})
	return mapSlice(rows, func(row *dbgen.PaymentsLeaseForSweepRow) ports.Unsettled {
		times := billing.SendTimes{First: row.FirstSent, Until: row.Payment.SendUntil, Lookup: row.LeasedAt}
		return ports.Unsettled{Payment: paymentOf(&row.Payment), Times: times}
	}), err
}

func (r payments) Lock(ctx context.Context, keys ...ports.PaymentKey) ([]billing.Payment, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	users, ids := paymentIDs(keys)
	rows, err := r.q.PaymentsLock(ctx, users, ids)
	return mapSlice(rows, paymentOf), err
}

func (r payments) Save(ctx context.Context, ps ...billing.Payment) error {
	return r.save(ctx, len(ps), func(i int) (*billing.Payment, ports.RowVersion) { return &ps[i], ports.Locked })
}

func (r payments) SaveIfUnchanged(ctx context.Context, ps ...ports.Versioned[billing.Payment]) error {
	return r.save(ctx, len(ps), func(i int) (*billing.Payment, ports.RowVersion) { return &ps[i].Record, ps[i].Version })
}

// save writes n payments. A payment with a version is written only if the version
// is still current.
func (r payments) save(ctx context.Context, n int, at func(int) (*billing.Payment, ports.RowVersion)) error {
	if n == 0 {
		return nil
	}
	p := func(i int) *billing.Payment { row, _ := at(i); return row }
	return r.tx.queueRows(n).PaymentsSave(ctx, dbgen.PaymentsSaveParams{
		UserIds:        mapRange(n, func(i int) string { return string(p(i).UserID) }),
		Ids:            mapRange(n, func(i int) string { return string(p(i).ID) }),
		Versions:       mapRange(n, func(i int) uint32 { _, v := at(i); return uint32(v) }),
		Statuses:       mapRange(n, func(i int) string { return string(p(i).Status) }),
		DeclineCodes:   mapRange(n, func(i int) string { return string(p(i).DeclineCode) }),
		ProviderRefs:   mapRange(n, func(i int) string { return p(i).ProviderRef }),
		ActionUrls:     mapRange(n, func(i int) string { return p(i).ActionURL }),
		Contradictions: mapRange(n, func(i int) string { return p(i).Contradiction }),
		Settled:        mapRange(n, func(i int) time.Time { return p(i).SettledAt }),
	})
}

func (r payments) SavePeriod(ctx context.Context, ps ...billing.Payment) error {
	if len(ps) == 0 {
		return nil
	}
	return r.tx.queueRows(len(ps)).PaymentsSavePeriod(ctx, dbgen.PaymentsSavePeriodParams{
		UserIds:      mapSlice(ps, func(p billing.Payment) string { return string(p.UserID) }),
		Ids:          mapSlice(ps, func(p billing.Payment) string { return string(p.ID) }),
		PeriodStarts: mapSlice(ps, func(p billing.Payment) time.Time { return p.Period.Start }),
		PeriodEnds:   mapSlice(ps, func(p billing.Payment) time.Time { return p.Period.End }),
	})
}

func (r payments) SaveReview(ctx context.Context, ps ...billing.Payment) error {
	if len(ps) == 0 {
		return nil
	}
	return r.tx.queueRows(len(ps)).PaymentsSaveReview(ctx, dbgen.PaymentsSaveReviewParams{
		UserIds:        mapSlice(ps, func(p billing.Payment) string { return string(p.UserID) }),
		Ids:            mapSlice(ps, func(p billing.Payment) string { return string(p.ID) }),
		Since:          mapSlice(ps, func(p billing.Payment) time.Time { return p.ReviewSince }),
		ChargedLate:    mapSlice(ps, func(p billing.Payment) time.Time { return p.ChargedLateAt }),
		ActionUrls:     mapSlice(ps, func(p billing.Payment) string { return p.ActionURL }),
		ActionExpiries: mapSlice(ps, func(p billing.Payment) time.Time { return p.ActionExpiresAt }),
	})
}

func paymentIDs(keys []ports.PaymentKey) (users, ids []string) {
	return mapSlice(keys, func(k ports.PaymentKey) string { return string(k.User) }),
		mapSlice(keys, func(k ports.PaymentKey) string { return string(k.ID) })
}

func paymentOf(row *dbgen.Payment) billing.Payment {
	return billing.Payment{
		ID: billing.PaymentID(row.ID), UserID: billing.UserID(row.UserID),
		SubscriptionID: billing.SubscriptionID(row.SubscriptionID),
		MethodID:       billing.PaymentMethodID(row.PaymentMethodID), PaymentSystem: row.PaymentSystem,
		Initiator: billing.Initiator(row.Initiator),
		Amount:    billing.Money{Amount: row.Amount, Currency: billing.Currency(row.Currency)},
		Period:    billing.Period{Start: row.PeriodStart, End: row.PeriodEnd}, ConsentMAC: billing.ConsentMAC(row.ConsentMac),
		Status: billing.PaymentStatus(row.Status), DeclineCode: billing.DeclineCode(row.DeclineCode),
		ProviderRef: row.ProviderRef, ActionURL: row.ActionUrl, ActionExpiresAt: row.ActionExpiresAt,
		Contradiction: row.Contradiction,
		ReviewSince:   row.ReviewSince,
		CreatedAt:     row.CreatedAt, SettledAt: row.SettledAt,
		Refunded: row.Refunded, ChargedLateAt: row.ChargedLateAt,
	}
}
