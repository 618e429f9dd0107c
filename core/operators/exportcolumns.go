package operators

import (
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// PaymentColumns are the columns of an export of payments.
var PaymentColumns = []Column[ports.PaymentRow]{
	{"id", func(p ports.PaymentRow) any { return string(p.ID) }},
	{"created_at", func(p ports.PaymentRow) any { return p.CreatedAt }},
	{"settled_at", func(p ports.PaymentRow) any { return p.SettledAt }},
	{"user_id", func(p ports.PaymentRow) any { return string(p.UserID) }},
	{"subscription_id", func(p ports.PaymentRow) any { return string(p.SubscriptionID) }},
	{"plan_code", func(p ports.PaymentRow) any { return p.PlanCode }},
	{"payment_system", func(p ports.PaymentRow) any { return p.PaymentSystem }},
	{"provider_ref", func(p ports.PaymentRow) any { return p.ProviderRef }},
	{"initiator", func(p ports.PaymentRow) any { return string(p.Initiator) }},
	{"status", func(p ports.PaymentRow) any { return string(p.Status) }},
	{"decline_code", func(p ports.PaymentRow) any { return string(p.DeclineCode) }},
	{"amount", func(p ports.PaymentRow) any { return p.Amount.Amount }},
	{"refunded", func(p ports.PaymentRow) any { return p.Refunded }},
	{"currency", func(p ports.PaymentRow) any { return string(p.Amount.Currency) }},
	{"period_start", func(p ports.PaymentRow) any { return p.Period.Start }},
	{"period_end", func(p ports.PaymentRow) any { return p.Period.End }},
}

// EventColumns are the columns of an export of events.
var EventColumns = []Column[billing.Event]{
	{"id", func(e billing.Event) any { return string(e.ID) }},
	{"at", func(e billing.Event) any { return e.At }},
	{"type", func(e billing.Event) any { return string(e.Type) }},
	{"user_id", func(e billing.Event) any { return string(e.UserID) }},
	{"subscription_id", func(e billing.Event) any { return string(e.SubscriptionID) }},
	{"plan_code", func(e billing.Event) any { return e.PlanCode }},
	{"payment_id", func(e billing.Event) any { return string(e.PaymentID) }},
	{"amount", func(e billing.Event) any { return e.Amount.Amount }},
	{"currency", func(e billing.Event) any { return string(e.Amount.Currency) }},
	{"decline_code", func(e billing.Event) any { return string(e.DeclineCode) }},
	{"access_until", func(e billing.Event) any { return e.AccessUntil }},
	{"retry_at", func(e billing.Event) any { return e.RetryAt }},
	{"reason", func(e billing.Event) any { return string(e.Reason) }},
	{"charge_at", func(e billing.Event) any { return e.ChargeAt }},
}

// SubscriptionColumns are the columns of an export of subscriptions.
var SubscriptionColumns = []Column[ports.SubscriptionRow]{
	{"id", func(s ports.SubscriptionRow) any { return string(s.ID) }},
	{"created_at", func(s ports.SubscriptionRow) any { return s.CreatedAt }},
	{"user_id", func(s ports.SubscriptionRow) any { return string(s.UserID) }},
	{"plan_code", func(s ports.SubscriptionRow) any { return s.PlanCode }},
	{"payment_system", func(s ports.SubscriptionRow) any { return s.PaymentSystem }},
	{"status", func(s ports.SubscriptionRow) any { return string(s.Status) }},
	{"hold", func(s ports.SubscriptionRow) any { return string(s.Hold) }},
	{"amount", func(s ports.SubscriptionRow) any { return s.Price.Amount }},
	{"currency", func(s ports.SubscriptionRow) any { return string(s.Price.Currency) }},
	{"interval_months", func(s ports.SubscriptionRow) any { return int64(s.IntervalMonths) }},
	{"period_start", func(s ports.SubscriptionRow) any { return s.Current.Start }},
	{"period_end", func(s ports.SubscriptionRow) any { return s.Current.End }},
	{"next_charge_at", func(s ports.SubscriptionRow) any { return s.NextChargeAt }},
	{"cancel_at_period_end", func(s ports.SubscriptionRow) any { return s.CancelAtPeriodEnd }},
	{"started_at", func(s ports.SubscriptionRow) any { return s.StartedAt }},
	{"ended_at", func(s ports.SubscriptionRow) any { return s.EndedAt }},
}
