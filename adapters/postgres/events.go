package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/billing"
)

// events implements [ports.Events].
type events struct {
	q  *dbgen.Queries
	tx tx
}

func (r events) Append(ctx context.Context, es ...billing.Event) error {
	if slices.ContainsFunc(es, isAgreed) {
		agreed := slices.DeleteFunc(slices.Clone(es), func(e billing.Event) bool { return !isAgreed(e) })
		if err := r.appendAgreed(ctx, agreed); err != nil {
			return err
		}
		es = slices.DeleteFunc(slices.Clone(es), isAgreed)
	}
	if err := r.append(ctx, es); err != nil {
		return err
	}
	if !slices.ContainsFunc(es, hasAuthor) {
		return nil
	}
	return r.appendAuthors(ctx, slices.DeleteFunc(slices.Clone(es), func(e billing.Event) bool { return !hasAuthor(e) }))
}

// appendAuthors stores the operators who caused the events. Few events have one.
func (r events) appendAuthors(ctx context.Context, es []billing.Event) error {
	return r.tx.queue().EventAuthorsAdd(ctx, dbgen.EventAuthorsAddParams{
		UserIds:        mapSlice(es, func(e billing.Event) string { return string(e.UserID) }),
		EventIds:       mapSlice(es, func(e billing.Event) string { return string(e.ID) }),
		Authors:        mapSlice(es, func(e billing.Event) string { return e.Author.Name }),
		Reasons:        mapSlice(es, func(e billing.Event) string { return e.Author.Reason }),
		InstructionIds: mapSlice(es, func(e billing.Event) string { return string(e.Author.Instruction) }),
	})
}

func hasAuthor(e billing.Event) bool { return e.Author != billing.Author{} }

func isAgreed(e billing.Event) bool { return e.Type == billing.EventAgreed }

func (r events) append(ctx context.Context, es []billing.Event) error {
	if len(es) == 0 {
		return nil
	}
	return r.tx.queue().EventsAppend(ctx, dbgen.EventsAppendParams{
		UserIds:          mapSlice(es, func(e billing.Event) string { return string(e.UserID) }),
		Ids:              mapSlice(es, func(e billing.Event) string { return string(e.ID) }),
		Types:            mapSlice(es, func(e billing.Event) string { return string(e.Type) }),
		Ats:              mapSlice(es, func(e billing.Event) time.Time { return e.At }),
		SubscriptionIds:  mapSlice(es, func(e billing.Event) string { return string(e.SubscriptionID) }),
		CardIds:          mapSlice(es, func(e billing.Event) string { return string(e.CardID) }),
		PaymentMethodIds: mapSlice(es, func(e billing.Event) string { return string(e.MethodID) }),
		PlanCodes:        mapSlice(es, func(e billing.Event) string { return e.PlanCode }),
		PaymentIds:       mapSlice(es, func(e billing.Event) string { return string(e.PaymentID) }),
		Amounts:          mapSlice(es, func(e billing.Event) int64 { return e.Amount.Amount }),
		Currencies:       mapSlice(es, func(e billing.Event) string { return string(e.Amount.Currency) }),
		DeclineCodes:     mapSlice(es, func(e billing.Event) string { return string(e.DeclineCode) }),
		AccessUntils:     mapSlice(es, func(e billing.Event) time.Time { return e.AccessUntil }),
		RetryAts:         mapSlice(es, func(e billing.Event) time.Time { return e.RetryAt }),
	})
}

func (r events) appendAgreed(ctx context.Context, es []billing.Event) error {
	return r.tx.queue().EventsAppendAgreed(ctx, dbgen.EventsAppendAgreedParams{
		UserIds:         mapSlice(es, func(e billing.Event) string { return string(e.UserID) }),
		Ids:             mapSlice(es, func(e billing.Event) string { return string(e.ID) }),
		Ats:             mapSlice(es, func(e billing.Event) time.Time { return e.At }),
		SubscriptionIds: mapSlice(es, func(e billing.Event) string { return string(e.SubscriptionID) }),
		PlanCodes:       mapSlice(es, func(e billing.Event) string { return e.PlanCode }),
		AccessUntils:    mapSlice(es, func(e billing.Event) time.Time { return e.AccessUntil }),
		PriceAmounts:    mapSlice(es, func(e billing.Event) int64 { return e.Agreement.Price.Amount }),
		PriceCurrencies: mapSlice(es, func(e billing.Event) string { return string(e.Agreement.Price.Currency) }),
		IntervalMonths:  mapSlice(es, func(e billing.Event) int32 { return int32(e.Agreement.IntervalMonths) }),
		DuesNow:         mapSlice(es, func(e billing.Event) int64 { return e.Agreement.DueNow.Amount }),
		FirstCharges:    mapSlice(es, func(e billing.Event) time.Time { return e.Agreement.FirstChargeAt }),
		TermsVersions:   mapSlice(es, func(e billing.Event) string { return e.Agreement.TermsVersion }),
	})
}

func eventOf(row *dbgen.Event) billing.Event {
	return billing.Event{
		ID: billing.EventID(row.ID), UserID: billing.UserID(row.UserID),
		Type: billing.EventType(row.Type), At: row.At,
		SubscriptionID: idOrEmpty[billing.SubscriptionID](row.SubscriptionID),
		CardID:         idOrEmpty[billing.CardID](row.CardID),
		MethodID:       idOrEmpty[billing.PaymentMethodID](row.PaymentMethodID),
		PaymentID:      idOrEmpty[billing.PaymentID](row.PaymentID), PlanCode: row.PlanCode,
		Amount:      billing.Money{Amount: row.Amount.Int64, Currency: billing.Currency(row.Currency.String)},
		DeclineCode: billing.DeclineCode(row.DeclineCode), AccessUntil: row.AccessUntil,
		RetryAt: row.RetryAt, Agreement: agreementOf(row),
		Reason: billing.ReminderReason(row.Reason.String), ChargeAt: row.ChargeAt,
	}
}

func agreementOf(row *dbgen.Event) billing.Agreement {
	currency := billing.Currency(row.PriceCurrency.String)
	return billing.Agreement{
		Price: billing.Money{Amount: row.PriceAmount.Int64, Currency: currency}, IntervalMonths: int(row.IntervalMonths.Int32),
		DueNow:        billing.Money{Amount: row.DueNow.Int64, Currency: currency},
		FirstChargeAt: row.FirstChargeAt, TermsVersion: row.TermsVersion.String,
	}
}

func (r events) Times(ctx context.Context, user billing.UserID, t billing.EventType, since time.Time, limit int) ([]time.Time, error) {
	return r.q.EventTimes(ctx, dbgen.EventTimesParams{UserID: string(user), Type: string(t), Since: since, Take: int32(limit)})
}
