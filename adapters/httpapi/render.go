package httpapi

import (
	"time"

	"github.com/online-cinema/billing/adapters/httpapi/internal/api"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// mapped renders a list. It is never null.
func mapped[From, To any](list []From, render func(From) To) []To {
	rendered := make([]To, 0, len(list))
	for _, item := range list {
		rendered = append(rendered, render(item))
	}
	return rendered
}

func plan(p billing.Plan) api.Plan {
	return api.Plan{
		Id: string(p.ID), Code: p.Code, Name: p.Name, Price: money(p.Price),
		IntervalMonths: p.IntervalMonths, Features: list(p.Features),
	}
}

func paymentSystem(ps billing.PaymentSystem) api.PaymentSystem {
	return api.PaymentSystem{Code: ps.Code, Name: ps.Name}
}

func subscription(v ports.SubscriptionView) api.Subscription {
	s := api.Subscription{
		Id: string(v.ID), PlanCode: v.PlanCode, Status: api.SubscriptionStatus(v.Status),
		Price: money(v.Price), PaymentSystem: v.PaymentSystem,
		CancelAtPeriodEnd: v.CancelAtPeriodEnd,
		StartedAt:         moment(v.StartedAt), EndedAt: moment(v.EndedAt),
		LatestPayment: api.LatestPayment{
			Id: string(v.Latest.ID), Status: api.PaymentStatus(v.Latest.Status), DeclineCode: text(v.Latest.DeclineCode),
		},
		NextAction: nextAction(v.Latest),
	}
	if !v.StartedAt.IsZero() {
		s.CurrentPeriod = new(period(v.Current))
	}
	// What waits for its first payment, was cancelled or is over, is not charged.
	if (v.Status == billing.StatusActive || v.Status == billing.StatusPastDue) && !v.CancelAtPeriodEnd {
		s.NextChargeAt = moment(v.NextChargeAt)
	}
	return s
}

// nextAction is what the viewer must do so that a payment goes on.
func nextAction(p billing.Payment) *api.NextAction {
	if p.Status != billing.PaymentPending || p.ActionURL == "" {
		return nil
	}
	return &api.NextAction{Type: api.NextActionTypeRedirect, Url: p.ActionURL}
}

func payment(p billing.Payment) api.Payment {
	return api.Payment{
		Id: string(p.ID), Status: api.PaymentStatus(p.Status), Amount: money(p.Amount),
		DeclineCode: text(p.DeclineCode), SubscriptionId: string(p.SubscriptionID),
		PaymentSystem: p.PaymentSystem, Initiator: api.Initiator(p.Initiator),
		Period: period(p.Period), CreatedAt: p.CreatedAt.UTC(), SettledAt: moment(p.SettledAt),
	}
}

func card(c billing.Card) api.Card {
	return api.Card{
		Id: string(c.ID), Brand: api.CardBrand(c.Brand), Last4: c.Last4,
		ExpMonth: c.ExpMonth, ExpYear: c.ExpYear, Holder: text(c.Holder), CreatedAt: c.CreatedAt.UTC(),
	}
}

func event(e billing.Event) api.Event {
	rendered := api.Event{
		Id: string(e.ID), Type: string(e.Type), At: e.At.UTC(),
		SubscriptionId: text(e.SubscriptionID), CardId: text(e.CardID), PlanCode: text(e.PlanCode),
		PaymentId: text(e.PaymentID), DeclineCode: text(e.DeclineCode), AccessUntil: moment(e.AccessUntil), RetryAt: moment(e.RetryAt),
	}
	if !e.Amount.IsZero() {
		rendered.Amount = new(money(e.Amount))
	}
	return rendered
}

func money(m billing.Money) api.Money {
	return api.Money{Amount: m.Amount, Currency: string(m.Currency)}
}

func period(p billing.Period) api.Period {
	return api.Period{Start: p.Start.UTC(), End: p.End.UTC()}
}

// moment is null for the zero time.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return new(t.UTC())
}

// text is null when there is none.
func text[S ~string](s S) *string {
	if s == "" {
		return nil
	}
	return new(string(s))
}

func list(items []string) []string {
	return append([]string{}, items...)
}
