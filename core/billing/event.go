package billing

import "time"

// EventID identifies an event. Ids increase with the time at which events are recorded.
type EventID string

// Event is an entry in a viewer's history, which is ordered by At, then by ID: an event
// may be recorded after later ones. Events are never changed or removed.
// The transitions of this package return events without an id. The caller assigns
// the id before it stores them.
type Event struct {
	ID             EventID
	UserID         UserID
	Type           EventType
	At             time.Time
	SubscriptionID SubscriptionID  // empty if the event is about a card or a payment method
	CardID         CardID          // the card that was added or removed, or that a removed payment method was made from
	MethodID       PaymentMethodID // the payment method that was added or removed
	PlanCode       string          // at the time of the event
	PaymentID      PaymentID       // the payment that caused the event or that is refunded, if any
	Amount         Money           // of that payment or refund, or of the charge that a reminder announces
	DeclineCode    DeclineCode     // if the payment or refund was declined or abandoned
	AccessUntil    time.Time       // end of the viewer's access after the event; zero for no access
	RetryAt        time.Time       // next retry of a declined renewal; zero for none
	Agreement      Agreement       // of an agreed event; zero otherwise
	Reason         ReminderReason  // of a reminder; empty otherwise
	ChargeAt       time.Time       // when the charge is made that a reminder announces; zero otherwise
	Author         Author          // zero unless an operator caused the event; views for viewers leave it out
}

// EventType is the type of an event.
type EventType string

// The types of events.
const (
	EventAgreed                EventType = "agreed" // the viewer agreed to pay; recorded before the payment is sent
	EventSubscribed            EventType = "subscribed"
	EventRenewed               EventType = "renewed"
	EventPeriodsWaived         EventType = "periods_waived"   // the service was down; the missed periods are not charged
	EventPeriodGiven           EventType = "period_given"     // an operator gave the viewer time
	EventRenewalReminder       EventType = "renewal_reminder" // the next charge is announced
	EventPaymentDeclined       EventType = "payment_declined"
	EventPaymentAbandoned      EventType = "payment_abandoned"
	EventPaymentActionRequired EventType = "payment_action_required" // no more charges before the viewer acts
	EventPaymentContradicted   EventType = "payment_contradicted"
	EventPaymentNeedsReview    EventType = "payment_needs_review" // only a person can find out the outcome
	EventRefundRequested       EventType = "refund_requested"
	EventRefunded              EventType = "refunded"
	EventRefundFailed          EventType = "refund_failed"       // the payment system refused it, or took it back later
	EventRefundNeedsReview     EventType = "refund_needs_review" // only a person can find out the outcome
	EventRetryRequested        EventType = "retry_requested"     // an operator makes a declined renewal due now
	EventMethodReplaced        EventType = "method_replaced"
	EventCancelRequested       EventType = "cancel_requested"
	EventCancelRevoked         EventType = "cancel_revoked"
	EventEnded                 EventType = "ended"
	EventCardAdded             EventType = "card_added"
	EventCardRemoved           EventType = "card_removed"
	EventMethodAdded           EventType = "payment_method_added"
	EventMethodRemoved         EventType = "payment_method_removed"
	EventCardLimitReached      EventType = "card_limit_reached"    // new cards are refused for a while
	EventDeclineLimitReached   EventType = "decline_limit_reached" // payments with a card are refused for a while
)

func (s Subscription) event(t EventType, at time.Time) Event {
	return Event{
		UserID: s.UserID, Type: t, At: at,
		SubscriptionID: s.ID, PlanCode: s.PlanCode, AccessUntil: s.accessEnd(),
	}
}

func (s Subscription) paymentEvent(t EventType, p Payment, at time.Time) Event {
	e := s.event(t, at)
	e.PaymentID, e.Amount, e.DeclineCode = p.ID, p.Amount, p.DeclineCode
	return e
}
