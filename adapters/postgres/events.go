package postgres

import (
	"context"
	"time"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/billing"
)

type events struct {
	q  *dbgen.Queries
	tx *tx
}

type event = billing.Event

func (r events) Append(ctx context.Context, es ...billing.Event) error {
	if len(es) == 0 {
		return nil
	}
	return r.tx.later(anyNumber).EventsAppend(ctx, dbgen.EventsAppendParams{
		UserIds:         column(es, func(e event) string { return string(e.UserID) }),
		Ids:             column(es, func(e event) string { return string(e.ID) }),
		Types:           column(es, func(e event) string { return string(e.Type) }),
		Ats:             column(es, func(e event) time.Time { return e.At }),
		SubscriptionIds: column(es, func(e event) string { return string(e.SubscriptionID) }),
		CardIds:         column(es, func(e event) string { return string(e.CardID) }),
		PlanCodes:       column(es, func(e event) string { return e.PlanCode }),
		PaymentIds:      column(es, func(e event) string { return string(e.PaymentID) }),
		Amounts:         column(es, func(e event) int64 { return e.Amount.Amount }),
		Currencies:      column(es, func(e event) string { return string(e.Amount.Currency) }),
		DeclineCodes:    column(es, func(e event) string { return string(e.DeclineCode) }),
		AccessUntils:    column(es, func(e event) time.Time { return e.AccessUntil }),
		RetryAts:        column(es, func(e event) time.Time { return e.RetryAt }),
	})
}

func eventOf(row *dbgen.Event) billing.Event {
	e := billing.Event{
		ID: billing.EventID(row.ID), UserID: billing.UserID(row.UserID),
		Type: billing.EventType(row.Type), At: row.At,
		SubscriptionID: idOf[billing.SubscriptionID](row.SubscriptionID),
		CardID:         idOf[billing.CardID](row.CardID), PlanCode: row.PlanCode,
		Amount:      billing.Money{Amount: row.Amount.Int64, Currency: billing.Currency(row.Currency.String)},
		DeclineCode: billing.DeclineCode(row.DeclineCode), AccessUntil: row.AccessUntil,
		RetryAt: row.RetryAt,
	}
	e.PaymentID = idOf[billing.PaymentID](row.PaymentID)
	return e
}

func (r events) Told(ctx context.Context, user billing.UserID, t billing.EventType, since time.Time) (bool, error) {
	return r.q.EventTold(ctx, string(user), string(t), since)
}

// idOf is an id that may be missing, for us.
func idOf[ID ~string](id *string) ID {
	if id == nil {
		return ""
	}
	return ID(*id)
}
