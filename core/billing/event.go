package billing

import "time"

// EventID names an event. Ids grow with time, so they order the history.
type EventID string

// Event is a fact in a viewer's history. Events are added, never changed or
// removed. The transitions of this package return them without an id; whoever
// stores them gives them one.
type Event struct {
	ID             EventID
	UserID         UserID
	Type           EventType
	At             time.Time
	SubscriptionID SubscriptionID // empty when it is about a card
	CardID         CardID         // when it is about a card
	PlanCode       string         // as it was then
	PaymentID      PaymentID      // of the payment that caused it, if one did
	Amount         Money          // of that payment
	DeclineCode    DeclineCode    // why it was declined or abandoned
	AccessUntil    time.Time      // until when the viewer may watch after this; zero when not at all
	RetryAt        time.Time      // when a declined renewal is tried again; zero when it is not
}

// EventType says what happened.
type EventType string

// The types of events.
const (
	EventSubscribed          EventType = "subscribed"
	EventRenewed             EventType = "renewed"
	EventPeriodsWaived       EventType = "periods_waived" // we were down; nothing is charged for what went by
	EventPaymentDeclined     EventType = "payment_declined"
	EventPaymentAbandoned    EventType = "payment_abandoned"
	EventPaymentContradicted EventType = "payment_contradicted"
	EventCancelRequested     EventType = "cancel_requested"
	EventCancelRevoked       EventType = "cancel_revoked"
	EventEnded               EventType = "ended"
	EventCardAdded           EventType = "card_added"
	EventCardRemoved         EventType = "card_removed"
	EventCardLimitReached    EventType = "card_limit_reached"    // no more new cards for a while
	EventDeclineLimitReached EventType = "decline_limit_reached" // no more payments with a card for a while
)

func (s Subscription) event(t EventType, at time.Time) Event {
	return Event{
		UserID: s.UserID, Type: t, At: at,
		SubscriptionID: s.ID, PlanCode: s.PlanCode, AccessUntil: s.AccessUntil(at),
	}
}

func (s Subscription) paymentEvent(t EventType, p Payment, at time.Time) Event {
	e := s.event(t, at)
	e.PaymentID, e.Amount, e.DeclineCode = p.ID, p.Amount, p.DeclineCode
	return e
}
