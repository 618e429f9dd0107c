package ports

import (
	"context"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// Figure is how much of one kind happened within an hour.
type Figure struct {
	Hour        time.Time
	Plan        billing.PlanID
	Type        billing.EventType
	DeclineCode billing.DeclineCode
	Currency    billing.Currency
	N           int
	Amount      int64 // of the payments, in minor units
}

// Standing is what there is at this moment.
type Standing struct {
	PastDue   int
	Unsettled int       // payments of which nobody knows
	OldestAt  time.Time // since when the oldest of them is; zero when there is none
}

// EventQuery asks for what happened in a stretch of time.
type EventQuery struct {
	Since, Until time.Time // from, and up to but not including
	Type         billing.EventType
	PlanCode     string
	BeforeAt     time.Time // only what is older than the event with this time
	BeforeID     billing.EventID
	Limit        int
}

// PanelViews reads what operators see. It locks nothing, and no method takes
// longer the longer the history is.
type PanelViews interface {
	// Users lists users, the newest first.
	Users(ctx context.Context, p UserPage) ([]UserRow, error)
	// UsersBetween lists users by id, from the first to the last of these.
	UsersBetween(ctx context.Context, first, last billing.UserID, limit int) ([]UserRow, error)
	// User returns one. [billing.ErrNotFound].
	User(ctx context.Context, id billing.UserID) (billing.User, error)
	// Cards lists a user's newest cards, removed ones too.
	Cards(ctx context.Context, user billing.UserID, limit int) ([]PanelCard, error)
	// Events lists what happened in a stretch of time, newest first.
	Events(ctx context.Context, q EventQuery) ([]billing.Event, error)
	// Oldest is the hour of the oldest event, or zero.
	Oldest(ctx context.Context) (time.Time, error)
	// Audit lists what operators changed, newest first.
	Audit(ctx context.Context, p Page) ([]AuditEntry, error)
	// Subscribers counts the live subscriptions of each plan, but for those whose
	// first payment is not settled.
	Subscribers(ctx context.Context) (map[billing.PlanID]int, error)
	// Figures adds up what happened in each hour.
	Figures(ctx context.Context, since, until time.Time) ([]Figure, error)
	// Due counts, between each two bounds, what is charged then. What was due
	// before the first bound counts for the first.
	Due(ctx context.Context, bounds []time.Time) ([]int, error)
	// Standing tells what there is at this moment.
	Standing(ctx context.Context) (Standing, error)
	// LastRun is the newest run of the renewal job; zero when there was none.
	LastRun(ctx context.Context) (Run, error)
}

// UserPage asks for part of the list of users.
type UserPage struct {
	Limit    int
	BeforeAt time.Time // only who was first seen before; zero for the newest
	BeforeID billing.UserID
}

// UserRow is a user with how many live subscriptions they have.
type UserRow struct {
	billing.User
	Live int
}

// PanelCard is what operators see of a kept card.
type PanelCard struct {
	ID                 billing.CardID
	Methods            []billing.PaymentMethodID // that it is charged by
	Brand, Last4       string
	ExpMonth, ExpYear  int
	AddedAt, RemovedAt time.Time // removed: zero while it is kept
}
