package admin

import (
	"slices"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
)

// timelineEntry is an event on the page of a user, or a note.
type timelineEntry struct {
	billing.Event
	Payment *billing.Payment // payment that the event names; nil if none
	Own     bool             // the viewer made the payment for what was past due
	Card    *ports.PanelCard // card that was charged, added or removed; nil if none
	Note    *billing.Note    // of an operator; nil if the entry is an event
	Kind    string           // color
	Icon    string
}

// eventNote is the type of the entries that are notes. No event has it.
const eventNote billing.EventType = "note"

func newNoteEntry(n billing.Note) timelineEntry {
	kind, icon := eventStyle(eventNote)
	return timelineEntry{Event: billing.Event{Type: eventNote, At: n.CreatedAt}, Note: &n, Kind: kind, Icon: icon}
}

func newTimelineEntry(event billing.Event, d operators.UserDetails) timelineEntry {
	e := timelineEntry{Event: event}
	e.Kind, e.Icon = eventStyle(event.Type)
	if p, ok := d.Payments[event.PaymentID]; ok {
		e.Payment = &p.Payment
		e.Own = slices.ContainsFunc(d.Subscriptions, func(s ports.SubscriptionView) bool { return s.ID == p.SubscriptionID && s.Recovers(p.Payment) })
	}
	i := slices.IndexFunc(d.Cards, func(c ports.PanelCard) bool {
		return c.ID == e.CardID || e.IsCharge() && e.Payment != nil && slices.Contains(c.Methods, e.Payment.MethodID)
	})
	if i >= 0 {
		e.Card = &d.Cards[i]
	}
	return e
}

// eventStyle returns the color and the icon of an event type.
func eventStyle(t billing.EventType) (kind, icon string) {
	switch t {
	case billing.EventAgreed:
		return "info", "fa-handshake-o"
	case billing.EventSubscribed:
		return "ok", "fa-play"
	case billing.EventRenewed:
		return "ok", "fa-refresh"
	case billing.EventPaymentDeclined:
		return "bad", "fa-times"
	case billing.EventPaymentAbandoned:
		return "warn", "fa-chain-broken"
	case billing.EventPaymentContradicted:
		return "bad", "fa-exclamation"
	case billing.EventPaymentNeedsReview, billing.EventRefundNeedsReview:
		return "bad", "fa-question"
	case billing.EventRefundRequested:
		return "info", "fa-reply"
	case billing.EventRefunded:
		return "ok", "fa-reply"
	case billing.EventRefundFailed:
		return "bad", "fa-reply"
	case billing.EventPaymentActionRequired:
		return "warn", "fa-bell-o"
	case billing.EventMethodReplaced:
		return "info", "fa-exchange"
	case billing.EventCancelRequested:
		return "warn", "fa-pause"
	case billing.EventCancelRevoked:
		return "info", "fa-undo"
	case billing.EventCardAdded, billing.EventCardRemoved, billing.EventMethodAdded, billing.EventMethodRemoved:
		return "info", "fa-credit-card"
	case billing.EventCardLimitReached, billing.EventDeclineLimitReached:
		return "warn", "fa-hand-paper-o"
	case billing.EventRetryRequested:
		return "info", "fa-refresh"
	case billing.EventPeriodsWaived, billing.EventPeriodGiven:
		return "info", "fa-gift"
	case billing.EventRenewalReminder:
		return "info", "fa-clock-o"
	case eventNote:
		return "info", "fa-pencil"
	case billing.EventEnded:
		return "off", "fa-stop"
	default:
		return "info", "fa-circle"
	}
}

// IsCharge reports whether the event is the outcome of a charge. Other events may
// name a payment too.
func (e timelineEntry) IsCharge() bool {
	switch e.Type {
	case billing.EventSubscribed, billing.EventRenewed, billing.EventPaymentDeclined, billing.EventPaymentAbandoned, billing.EventPaymentContradicted:
		return true
	}
	return false
}

// IsRefund reports whether the event is about a refund of its payment.
func (e timelineEntry) IsRefund() bool {
	switch e.Type {
	case billing.EventRefundRequested, billing.EventRefunded, billing.EventRefundFailed, billing.EventRefundNeedsReview:
		return true
	}
	return false
}

// Succeeded reports whether the event is a successful charge.
func (e timelineEntry) Succeeded() bool {
	return e.Type == billing.EventSubscribed || e.Type == billing.EventRenewed
}

// Reason returns a sentence that explains the charge, the agreement, the hold or the reminder, or "" if
// the event is none of them.
func (e timelineEntry) Reason(v *view) string {
	switch e.Type {
	case billing.EventPaymentActionRequired:
		return v.T("because.held")
	case billing.EventPaymentNeedsReview:
		return v.T("because.review")
	case billing.EventRefundNeedsReview:
		return v.T("because.refund_review")
	case billing.EventRenewalReminder:
		return v.T("because.reminder", v.Money(e.Amount), v.PlainDate(e.ChargeAt), v.Word("reminder", e.Event.Reason))
	case billing.EventAgreed:
		a := e.Agreement
		return v.T("because.agreed", v.Money(a.DueNow), v.Money(a.Price), v.Count("months", a.IntervalMonths), v.PlainDate(a.FirstChargeAt))
	}
	if e.Payment == nil || !e.IsCharge() {
		return ""
	}
	key := "because.first"
	switch {
	case e.Payment.Initiator == billing.MerchantInitiated:
		key = "because.renewal"
	case e.Own:
		key = "because.own"
	}
	return v.T(key, e.PlanCode, v.PlainDate(e.Payment.Period.Start), v.PlainDate(e.Payment.Period.End))
}
