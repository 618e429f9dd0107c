package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

type payments struct {
	q  *dbgen.Queries
	tx *tx
}

type pay = billing.Payment

func (r payments) Add(ctx context.Context, send time.Duration, ps ...billing.Payment) error {
	if len(ps) == 0 {
		return nil
	}
	return r.tx.later(anyNumber).PaymentsAdd(ctx, dbgen.PaymentsAddParams{
		UserIds:          column(ps, func(p pay) string { return string(p.UserID) }),
		Ids:              column(ps, func(p pay) string { return string(p.ID) }),
		SubscriptionIds:  column(ps, func(p pay) string { return string(p.SubscriptionID) }),
		PaymentMethodIds: column(ps, func(p pay) string { return string(p.MethodID) }),
		PaymentSystems:   column(ps, func(p pay) string { return p.PaymentSystem }),
		Initiators:       column(ps, func(p pay) string { return string(p.Initiator) }),
		Amounts:          column(ps, func(p pay) int64 { return p.Amount.Amount }),
		Currencies:       column(ps, func(p pay) string { return string(p.Amount.Currency) }),
		PeriodStarts:     column(ps, func(p pay) time.Time { return p.Period.Start }),
		PeriodEnds:       column(ps, func(p pay) time.Time { return p.Period.End }),
		Created:          column(ps, func(p pay) time.Time { return p.CreatedAt }),
		Send:             interval(send),
	})
}

func (r payments) Release(ctx context.Context, keys ...app.PaymentKey) error {
	if len(keys) == 0 {
		return nil
	}
	users, ids := paymentKeys(keys)
	return r.tx.later(anyNumber).PaymentsRelease(ctx, users, ids)
}

func (r payments) GiveBack(ctx context.Context, keys ...app.PaymentKey) error {
	if len(keys) == 0 {
		return nil
	}
	users, ids := paymentKeys(keys)
	return r.tx.later(anyNumber).PaymentsGiveBack(ctx, users, ids)
}

func (r payments) Resend(ctx context.Context, send time.Duration, keys ...app.PaymentKey) ([]app.PaymentKey, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	users, ids := paymentKeys(keys)
	rows, err := r.q.PaymentsResend(ctx, interval(send), users, ids)
	return column(rows, func(row *dbgen.PaymentsResendRow) app.PaymentKey {
		return app.PaymentKey{User: billing.UserID(row.UserID), ID: billing.PaymentID(row.ID)}
	}), err
}

func (r payments) Underway(ctx context.Context) (time.Duration, error) {
	seconds, err := r.q.PaymentsUnderway(ctx)
	return time.Duration(seconds * float64(time.Second)), err
}

func (r payments) TakeUnsettled(ctx context.Context, lease time.Duration, limit int) ([]app.Unsettled, error) {
	rows, err := r.q.PaymentsTakeUnsettled(ctx, interval(lease), int32(limit))
	return column(rows, func(row *dbgen.PaymentsTakeUnsettledRow) app.Unsettled {
		return app.Unsettled{Payment: paymentOf(&row.Payment), SendOver: row.SendOver}
	}), err
}

func (r payments) Lock(ctx context.Context, keys ...app.PaymentKey) ([]billing.Payment, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	users, ids := paymentKeys(keys)
	rows, err := r.q.PaymentsLock(ctx, users, ids)
	return column(rows, paymentOf), err
}

func (r payments) Save(ctx context.Context, ps ...billing.Payment) error {
	return r.Replace(ctx, make([]app.Version, len(ps)), ps...)
}

func (r payments) Replace(ctx context.Context, since []app.Version, ps ...billing.Payment) error {
	if len(ps) == 0 {
		return nil
	}
	return r.tx.later(len(ps)).PaymentsSave(ctx, dbgen.PaymentsSaveParams{
		UserIds:        column(ps, func(p pay) string { return string(p.UserID) }),
		Ids:            column(ps, func(p pay) string { return string(p.ID) }),
		Versions:       column(since, func(v app.Version) uint32 { return uint32(v) }),
		Statuses:       column(ps, func(p pay) string { return string(p.Status) }),
		DeclineCodes:   column(ps, func(p pay) string { return string(p.DeclineCode) }),
		ProviderRefs:   column(ps, func(p pay) string { return p.ProviderRef }),
		ActionUrls:     column(ps, func(p pay) string { return p.ActionURL }),
		Contradictions: column(ps, func(p pay) string { return p.Contradiction }),
		Settled:        column(ps, func(p pay) time.Time { return p.SettledAt }),
	})
}

func paymentKeys(keys []app.PaymentKey) (users, ids []string) {
	return column(keys, func(k app.PaymentKey) string { return string(k.User) }),
		column(keys, func(k app.PaymentKey) string { return string(k.ID) })
}

func interval(d time.Duration) pgtype.Interval {
	return pgtype.Interval{Microseconds: d.Microseconds(), Valid: true}
}

func paymentOf(row *dbgen.Payment) billing.Payment {
	return billing.Payment{
		ID: billing.PaymentID(row.ID), UserID: billing.UserID(row.UserID),
		SubscriptionID: billing.SubscriptionID(row.SubscriptionID),
		MethodID:       billing.PaymentMethodID(row.PaymentMethodID), PaymentSystem: row.PaymentSystem,
		Initiator: billing.Initiator(row.Initiator),
		Amount:    billing.Money{Amount: row.Amount, Currency: billing.Currency(row.Currency)},
		Period:    billing.Period{Start: row.PeriodStart, End: row.PeriodEnd},
		Status:    billing.PaymentStatus(row.Status), DeclineCode: billing.DeclineCode(row.DeclineCode),
		ProviderRef: row.ProviderRef, ActionURL: row.ActionUrl, Contradiction: row.Contradiction,
		CreatedAt: row.CreatedAt, SettledAt: row.SettledAt,
	}
}

// Paid implements [app.Books]. It reads a thousand payments at a time, so that
// neither memory nor a snapshot is held for long.
func (s *Store) Paid(ctx context.Context, system string, since time.Time, each func(billing.Payment) error) error {
	q := dbgen.New(s.pool)
	after := dbgen.PaymentsOfSystemParams{PaymentSystem: system, Since: beginning(since), AfterUser: noID, AfterID: noID}
	for {
		rows, err := q.PaymentsOfSystem(ctx, after)
		if err != nil {
			return translate(err)
		}
		for _, row := range rows {
			if err := each(paymentOf(row)); err != nil {
				return err
			}
		}
		if len(rows) == 0 {
			return nil
		}
		last := rows[len(rows)-1]
		after.AfterUser, after.AfterID = last.UserID, last.ID
	}
}
