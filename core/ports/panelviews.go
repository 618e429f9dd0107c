package ports

import (
	"context"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// PanelViews reads the data of the admin panel, without transactions and locks. No
// query reads more rows because the history is longer.
type PanelViews struct {
	Users         UserViews
	Find          FindViews
	Payments      PaymentViews
	Subscriptions SubscriptionLists
	Catalog       CatalogViews
	History       HistoryViews
	Figures       FigureViews
}

// UserViews reads users, their cards and the notes on them.
type UserViews interface {
	// Users returns a page of the users, newest first.
	Users(ctx context.Context, p UserPage) ([]UserRow, error)
	// CountUsers counts the users of all pages, up to a limit.
	CountUsers(ctx context.Context, p UserPage, limit int) (int, error)
	// User returns one user, or [billing.ErrNotFound].
	User(ctx context.Context, id billing.UserID) (billing.User, error)
	// Cards returns the newest cards of a user, including removed ones.
	Cards(ctx context.Context, user billing.UserID, limit int) ([]PanelCard, error)
	// Notes returns the newest notes on a user, the newest first.
	Notes(ctx context.Context, user billing.UserID, limit int) ([]billing.Note, error)
}

// UserPage selects a page of the users, newest first.
type UserPage struct {
	Limit int
	// BeforeAt and BeforeID name the last user of the previous page. They are zero
	// for the first page.
	BeforeAt time.Time
	BeforeID billing.UserID
	// Since (inclusive) and Until (exclusive) limit the time of the first visit. Zero
	// times are no limit.
	Since, Until time.Time
}

// UserRow is a user with the number of live subscriptions.
type UserRow struct {
	billing.User
	Live  int
	Cards []string // brands and expiry dates of the cards by which the user was found
}

// PanelCard is the part of a card that operators see.
type PanelCard struct {
	ID                 billing.CardID
	Methods            []billing.PaymentMethodID // payment methods that charge the card
	Brand, Last4       string
	ExpMonth, ExpYear  int
	AddedAt, RemovedAt time.Time // RemovedAt is zero until the card is removed
}

// CatalogViews reads plans and payment systems.
type CatalogViews interface {
	// Plan returns a plan, or [billing.ErrPlanNotFound].
	Plan(ctx context.Context, id billing.PlanID) (PlanRow, error)
	// PaymentSystem returns a payment system, or
	// [billing.ErrPaymentSystemNotFound].
	PaymentSystem(ctx context.Context, code string) (billing.PaymentSystem, error)
	// Subscribers counts the live subscriptions of each plan. It leaves out those
	// whose first payment is pending.
	Subscribers(ctx context.Context) (map[billing.PlanID]int, error)
}

// PlanRow is a plan with the number of its subscribers: see
// [CatalogViews.Subscribers].
type PlanRow struct {
	billing.Plan
	Subscribers int
}

// HistoryViews reads the events of all users and the audit.
type HistoryViews interface {
	// Events returns a page of the events, newest first.
	Events(ctx context.Context, q EventQuery) ([]billing.Event, error)
	// Oldest returns the hour of the oldest event, or the zero time without events.
	Oldest(ctx context.Context) (time.Time, error)
	// Audit returns at most limit entries of the audit that match a filter, newest first:
	// those before one id down to another one, inclusive. An empty id means no bound.
	Audit(ctx context.Context, f AuditFilter, before, last string, limit int) ([]AuditEntry, error)
	// AuditBound returns the id of the entry that is n entries before another one, or ""
	// if the audit has at most n before it.
	AuditBound(ctx context.Context, before string, n int) (string, error)
}

// AuditFilter selects entries of the audit. Empty fields select all.
type AuditFilter struct {
	Since, Until     time.Time // Since is inclusive, Until is exclusive
	Operator, Object string
}

// EventQuery selects a page of events, newest first. Empty fields select all.
type EventQuery struct {
	Since, Until time.Time // Since is inclusive, Until is exclusive
	Type         billing.EventType
	PlanCode     string
	// BeforeAt and BeforeID name the last event of the previous page.
	BeforeAt time.Time
	BeforeID billing.EventID
	Limit    int
}

// FigureViews reads the figures of the dashboard.
type FigureViews interface {
	// Figures returns the figures of each hour from since to until, exclusive.
	Figures(ctx context.Context, since, until time.Time) ([]Figure, error)
	// Due counts the charges that are due between each two bounds. Charges that were
	// due before the first bound count for the first interval.
	Due(ctx context.Context, bounds []time.Time) ([]int, error)
	// Standing returns the open problems of this moment.
	Standing(ctx context.Context) (Standing, error)
	// Runs returns the newest renewal runs, at most limit, the newest first.
	Runs(ctx context.Context, limit int) ([]Run, error)
}

// Figure counts the events of one kind within an hour.
type Figure struct {
	Hour        time.Time // start of the hour
	Plan        billing.PlanID
	Type        billing.EventType
	DeclineCode billing.DeclineCode
	Currency    billing.Currency
	N           int
	Amount      int64 // sum of the payments in minor units
}

// PlanGiven is the type of the figure of new subscriptions that were given. Their event is
// [billing.EventPeriodGiven], as that of any other grant.
const PlanGiven billing.EventType = "plan_given"

// Standing counts the subscriptions and payments that need attention.
type Standing struct {
	PastDue   int                         // subscriptions with a declined renewal
	Held      map[billing.DeclineCode]int // of PastDue: on hold, by [billing.Subscription.Hold]
	Unsettled int                         // pending payments
	OldestAt  time.Time                   // creation of the oldest pending payment; zero without one
}
