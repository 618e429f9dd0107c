package httpapi

import (
	"time"

	"github.com/online-cinema/billing/adapters/httpapi/internal/api"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

// mapSlice renders a list. The result is never nil, so that JSON has [] and not
// null.
func mapSlice[From, To any](list []From, render func(From) To) []To {
	rendered := make([]To, 0, len(list))
	for _, item := range list {
		rendered = append(rendered, render(item))
	}
	return rendered
}

func plan(p billing.Plan) api.Plan {
	return api.Plan{
		Id: string(p.ID), Code: p.Code, Name: p.Name, Price: money(p.Price),
		IntervalMonths: p.IntervalMonths, Features: nonNil(p.Features), PlanGroup: p.Group,
	}
}

func paymentSystem(ps viewers.PaymentSystem) api.PaymentSystem {
	accepts := mapSlice(ps.Accepts, func(m ports.Means) string { return string(m) })
	contact := api.PaymentSystemReceiptContactNone
	if ps.NeedsReceipts {
		contact = api.PaymentSystemReceiptContactRequired
	}
	return api.PaymentSystem{Code: ps.Code, Name: ps.Name, Accepts: accepts, ReceiptContact: contact}
}

func subscription(v ports.SubscriptionView) api.Subscription {
	s := api.Subscription{
		Id: string(v.ID), PlanCode: v.PlanCode, PlanGroup: v.PlanGroup, Status: api.SubscriptionStatus(v.Status),
		Price: money(v.Price), PaymentSystem: nullString(v.PaymentSystem), PaymentMethodId: nullString(v.MethodID),
		CancelAtPeriodEnd: v.CancelAtPeriodEnd,
		StartedAt:         nullTime(v.StartedAt), EndedAt: nullTime(v.EndedAt),
		NextAction: nextAction(v),
	}
	if !v.Given() {
		s.LatestPayment = &api.LatestPayment{
			Id: string(v.Latest.ID), Status: api.PaymentStatus(v.Latest.Status), DeclineCode: nullString(v.Latest.DeclineCode),
		}
	}
	if !v.StartedAt.IsZero() {
		s.CurrentPeriod = new(period(v.Current))
	}
	// Incomplete and ended subscriptions are not charged.
	if v.Status == billing.StatusActive || v.Status == billing.StatusPastDue {
		s.NextChargeAt = nullTime(v.NextCharge())
	}
	return s
}

// nextAction returns the action that a subscription needs from the viewer, or nil. While
// a payment is pending, only its page helps.
func nextAction(v ports.SubscriptionView) *api.NextAction {
	if v.Latest.Status == billing.PaymentPending {
		return redirect(v.Latest.ActionURL, v.Latest.ActionExpiresAt)
	}
	if a := v.NextAction(); a != billing.NoAction {
		return &api.NextAction{Type: api.NextActionType(a)}
	}
	return nil
}

// redirect returns the action of opening a page until it expires, or nil if there is none.
func redirect(url string, expires time.Time) *api.NextAction {
	if url == "" {
		return nil
	}
	return &api.NextAction{Type: api.NextActionTypeRedirect, Url: &url, ExpiresAt: nullTime(expires)}
}

func payment(p viewers.Payment) api.Payment {
	rendered := api.Payment{
		Id: string(p.ID), Status: api.PaymentStatus(p.Status), Amount: money(p.Amount),
		DeclineCode: nullString(p.DeclineCode), SubscriptionId: string(p.SubscriptionID),
		PaymentSystem: p.PaymentSystem, Initiator: api.Initiator(p.Initiator),
		Period: period(p.Period), CreatedAt: p.CreatedAt.UTC(), SettledAt: nullTime(p.SettledAt),
		Refunds: mapSlice(p.Refunds, refund),
	}
	// A void receipt is none: the payment took no money.
	if p.Receipt != "" && p.Receipt != billing.ReceiptVoid {
		rendered.Receipt = &api.Receipt{Status: api.ReceiptStatus(p.Receipt)}
	}
	return rendered
}

func refund(r billing.Refund) api.Refund {
	return api.Refund{
		Id: string(r.ID), Status: api.RefundStatus(r.Status), Amount: money(r.Amount),
		CreatedAt: r.CreatedAt.UTC(), SettledAt: nullTime(r.SettledAt),
	}
}

func card(c billing.Card) api.Card {
	return api.Card{
		Id: string(c.ID), Brand: api.CardBrand(c.Brand), Last4: c.Last4,
		ExpMonth: c.ExpMonth, ExpYear: c.ExpYear, Holder: nullString(c.Holder), CreatedAt: c.CreatedAt.UTC(),
	}
}

func paymentMethod(m viewers.Method) api.PaymentMethod {
	rendered := api.PaymentMethod{
		Id: string(m.ID), PaymentSystem: m.PaymentSystem,
		Kind: api.PaymentMethodKind(m.Kind()), Status: api.PaymentMethodStatus(m.Status()),
		Last4: nullString(m.Last4), CreatedAt: m.CreatedAt.UTC(),
		UsedBy: mapSlice(m.UsedBy, func(id billing.SubscriptionID) string { return string(id) }),
	}
	if m.Brand != "" {
		rendered.Brand = new(api.CardBrand(m.Brand))
	}
	rendered.NextAction = redirect(m.ActionURL, m.PageUntil)
	return rendered
}

func event(e billing.Event) api.Event {
	rendered := api.Event{
		Id: string(e.ID), Type: string(e.Type), At: e.At.UTC(),
		SubscriptionId: nullString(e.SubscriptionID), CardId: nullString(e.CardID), PaymentMethodId: nullString(e.MethodID), PlanCode: nullString(e.PlanCode),
		PaymentId: nullString(e.PaymentID), DeclineCode: nullString(e.DeclineCode), AccessUntil: nullTime(e.AccessUntil), RetryAt: nullTime(e.RetryAt),
		Reason: nullString(e.Reason), ChargeAt: nullTime(e.ChargeAt),
	}
	if !e.Amount.IsZero() {
		rendered.Amount = new(money(e.Amount))
	}
	if a := e.Agreement; e.Type == billing.EventAgreed {
		rendered.Price, rendered.IntervalMonths = new(money(a.Price)), new(a.IntervalMonths)
		rendered.DueNow = &api.AmountDue{Amount: a.DueNow.Amount, Currency: string(a.DueNow.Currency)}
		rendered.FirstChargeAt, rendered.TermsVersion = nullTime(a.FirstChargeAt), nullString(a.TermsVersion)
	}
	return rendered
}

func money(m billing.Money) api.Money {
	return api.Money{Amount: m.Amount, Currency: string(m.Currency)}
}

func period(p billing.Period) api.Period {
	return api.Period{Start: p.Start.UTC(), End: p.End.UTC()}
}

// nullTime returns nil for the zero time.
func nullTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return new(t.UTC())
}

// nullString returns nil for the empty string.
func nullString[S ~string](s S) *string {
	if s == "" {
		return nil
	}
	return new(string(s))
}

// nonNil returns list, or an empty list for nil, so that JSON has [] and not null.
func nonNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
