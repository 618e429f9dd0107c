package postgres

import (
	"context"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// views implements [ports.Views].
type views struct {
	q      *dbgen.Queries
	tokens tokens
}

func (v views) Plans(ctx context.Context) ([]billing.Plan, error) {
	return queryMany(ctx, v.q.Plans, planOf)
}

func (v views) PaymentSystems(ctx context.Context) ([]billing.PaymentSystem, error) {
	return queryMany(ctx, v.q.PaymentSystems, func(row *dbgen.PaymentSystem) billing.PaymentSystem {
		return billing.PaymentSystem(*row)
	})
}

func (v views) Subscription(ctx context.Context, user billing.UserID, ref string) (ports.SubscriptionView, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	row, err := v.q.ViewSubscription(ctx, string(user), ref)
	if err != nil {
		return ports.SubscriptionView{}, translate(orNotFound(err, billing.ErrSubscriptionNotFound))
	}
	return viewOf((*dbgen.ViewSubscriptionsRow)(row)), nil
}

func (v views) Subscriptions(ctx context.Context, user billing.UserID, p ports.Page) ([]ports.SubscriptionView, error) {
	return v.subscriptions(ctx, user, p, false)
}

// maxLive limits a list of live subscriptions. It is far above the number of plans.
const maxLive = 1000

func (v views) LiveSubscriptions(ctx context.Context, user billing.UserID) ([]ports.SubscriptionView, error) {
	return v.subscriptions(ctx, user, ports.Page{Limit: maxLive}, true)
}

func (v views) LiveSubscriptionsOf(ctx context.Context, users ...billing.UserID) ([]ports.LiveSubscription, error) {
	return queryMany(ctx, func(ctx context.Context) ([]*dbgen.ViewLiveSubscriptionsOfRow, error) {
		return v.q.ViewLiveSubscriptionsOf(ctx, stringsOf(users))
	}, func(row *dbgen.ViewLiveSubscriptionsOfRow) ports.LiveSubscription {
		return ports.LiveSubscription{
			Subscription: subscriptionOf(&row.Subscription, row.PlanCode, row.PlanGroup, row.PlanEnding), Features: row.Features, Subject: row.Subject.String,
		}
	})
}

func (v views) Subject(ctx context.Context, user billing.UserID) (string, error) {
	return queryOne(ctx, func(ctx context.Context) (string, error) {
		subject, err := v.q.ViewSubject(ctx, string(user))
		return subject.String, orNotFound(err, billing.ErrNotFound)
	})
}

func (v views) subscriptions(ctx context.Context, user billing.UserID, p ports.Page, liveOnly bool) ([]ports.SubscriptionView, error) {
	return queryMany(ctx, func(ctx context.Context) ([]*dbgen.ViewSubscriptionsRow, error) {
		return v.q.ViewSubscriptions(ctx, dbgen.ViewSubscriptionsParams{
			UserID: string(user), LiveOnly: liveOnly, Before: beforeID(p), Take: int32(p.Limit),
			Plan: p.Plan, Status: p.Status, At: p.At,
		})
	}, viewOf)
}

func (v views) Events(ctx context.Context, user billing.UserID, p ports.Page) ([]billing.Event, error) {
	return queryMany(ctx, func(ctx context.Context) ([]*dbgen.Event, error) {
		return v.q.ViewEvents(ctx, string(user), beforeID(p), int32(p.Limit))
	}, eventOf)
}

func (v views) Payments(ctx context.Context, user billing.UserID, p ports.Page) ([]billing.Payment, error) {
	return queryMany(ctx, func(ctx context.Context) ([]*dbgen.Payment, error) {
		return v.q.ViewPayments(ctx, dbgen.ViewPaymentsParams{
			UserID: string(user), Before: beforeID(p), Take: int32(p.Limit), Plan: p.Plan, Status: p.Status,
		})
	}, paymentOf)
}

func (v views) Payment(ctx context.Context, user billing.UserID, id billing.PaymentID) (billing.Payment, error) {
	return queryOne(ctx, func(ctx context.Context) (billing.Payment, error) {
		row, err := v.q.ViewPayment(ctx, string(user), string(id))
		if err != nil {
			return billing.Payment{}, orNotFound(err, billing.ErrPaymentNotFound)
		}
		return paymentOf(row), nil
	})
}

func (v views) Card(ctx context.Context, user billing.UserID, id billing.CardID) (billing.Card, error) {
	return queryOne(ctx, func(ctx context.Context) (billing.Card, error) {
		row, err := v.q.ViewCard(ctx, string(user), string(id))
		if err != nil {
			return billing.Card{}, orNotFound(err, billing.ErrCardNotFound)
		}
		return cardOf(row), nil
	})
}

func (v views) Cards(ctx context.Context, user billing.UserID, p ports.Page) ([]billing.Card, error) {
	return queryMany(ctx, func(ctx context.Context) ([]*dbgen.Card, error) {
		return v.q.ViewCards(ctx, string(user), beforeID(p), int32(p.Limit))
	}, cardOf)
}

func (v views) Methods(ctx context.Context, user billing.UserID, p ports.Page) ([]ports.MethodView, error) {
	return queryMany(ctx, func(ctx context.Context) ([]*dbgen.ViewMethodsRow, error) {
		return v.q.ViewMethods(ctx, string(user), beforeID(p), int32(p.Limit))
	}, v.methodViewOf)
}

func (v views) SavedMethod(ctx context.Context, user billing.UserID, id billing.PaymentMethodID) (ports.MethodView, error) {
	return queryOne(ctx, func(ctx context.Context) (ports.MethodView, error) {
		row, err := v.q.ViewSavedMethod(ctx, string(user), string(id))
		if err != nil {
			return ports.MethodView{}, orNotFound(err, billing.ErrPaymentMethodNotFound)
		}
		return v.methodViewOf((*dbgen.ViewMethodsRow)(row)), nil
	})
}

func (v views) methodViewOf(row *dbgen.ViewMethodsRow) ports.MethodView {
	return ports.MethodView{
		PaymentMethod: v.tokens.methodOf(&row.PaymentMethod),
		Brand:         billing.Brand(row.Brand), Last4: row.Last4, Charging: row.Charging,
		Saving: row.Saving, ActionURL: row.ActionUrl, PageUntil: row.PageUntil,
	}
}

func viewOf(row *dbgen.ViewSubscriptionsRow) ports.SubscriptionView {
	return ports.SubscriptionView{
		Subscription: subscriptionOf(&row.Subscription, row.PlanCode, row.PlanGroup, row.PlanEnding),
		Latest:       latestOf(row),
		Features:     row.Features,
	}
}

// latestOf returns the zero payment for a subscription that was given.
func latestOf(row *dbgen.ViewSubscriptionsRow) billing.Payment {
	if row.ID == nil {
		return billing.Payment{}
	}
	return paymentOf(&dbgen.Payment{
		UserID: *row.UserID, ID: *row.ID, SubscriptionID: *row.SubscriptionID, PaymentMethodID: *row.PaymentMethodID,
		PaymentSystem: row.PaymentSystem.String, Initiator: row.Initiator.String, Amount: row.Amount.Int64, Currency: row.Currency.String,
		PeriodStart: row.PeriodStart, PeriodEnd: row.PeriodEnd, Status: row.Status.String, DeclineCode: row.DeclineCode.String,
		ProviderRef: row.ProviderRef.String, ActionUrl: row.ActionUrl.String, Contradiction: row.Contradiction.String,
		CreatedAt: row.CreatedAt, SettledAt: row.SettledAt, SweepAt: row.SweepAt, SendUntil: row.SendUntil, ConsentMac: row.ConsentMac,
		FirstSentAt: row.FirstSentAt, ReviewSince: row.ReviewSince, Refunded: row.Refunded.Int64, ChargedLateAt: row.ChargedLateAt,
		RecheckAt: row.RecheckAt, Rechecks: row.Rechecks.Int16, ActionExpiresAt: row.ActionExpiresAt,
	})
}
