package app

import (
	"context"
	"regexp"
	"strings"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

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

var partOfID = regexp.MustCompile(`^[0-9a-f]{1,8}(-[0-9a-f]{0,4}){0,3}(-[0-9a-f]{0,12})?$`)

// Users lists users, newest first; with search only those whose id begins with
// it. [billing.ErrInvalid] when nothing can begin so.
func (p Panel) Users(ctx context.Context, by Operator, search string, page UserPage) ([]UserRow, error) {
	if err := by.mayLook(); err != nil {
		return nil, err
	}
	search = strings.ToLower(strings.TrimSpace(search))
	if search == "" {
		return p.Views.Users(ctx, page)
	}
	if !partOfID.MatchString(search) {
		return nil, invalid("search", "must be an id or its beginning")
	}
	const first, last = "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"
	if len(search) > len(first) {
		return nil, nil
	}
	return p.Views.UsersBetween(ctx, billing.UserID(search+first[len(search):]), billing.UserID(search+last[len(search):]), page.Limit)
}

// UserDetails is all that there is to know about one user.
type UserDetails struct {
	billing.User
	Subscriptions []SubscriptionView
	Payments      map[billing.PaymentID]billing.Payment
	History       []billing.Event
	Cards         []PanelCard
	More          bool // there are older things, which are not here
}

// maxDetails is how much of a user's history is shown at once.
const maxDetails = 300

// User tells what there is to know about a user: subscriptions, payments and the
// newest part of the history. [billing.ErrNotFound] when there is none.
func (p Panel) User(ctx context.Context, by Operator, id billing.UserID) (UserDetails, error) {
	if err := by.mayLook(); err != nil {
		return UserDetails{}, err
	}
	if !billing.IsID(string(id)) {
		return UserDetails{}, billing.ErrNotFound
	}
	user, err := p.Views.User(ctx, id)
	if err != nil {
		return UserDetails{}, err
	}
	d := UserDetails{User: user, Payments: make(map[billing.PaymentID]billing.Payment)}
	viewer := Viewer{p.Store, p.Clock}
	if d.Subscriptions, err = viewer.Subscriptions(ctx, id, Page{Limit: maxDetails}); err != nil {
		return d, err
	}
	payments, err := viewer.Payments(ctx, id, Page{Limit: maxDetails})
	if err != nil {
		return d, err
	}
	for _, pay := range payments {
		d.Payments[pay.ID] = pay
	}
	if d.History, err = viewer.History(ctx, id, Page{Limit: maxDetails}); err != nil {
		return d, err
	}
	if d.Cards, err = p.Views.Cards(ctx, id, maxDetails); err != nil {
		return d, err
	}
	d.More = len(payments) == maxDetails || len(d.History) == maxDetails
	return d, nil
}

// Audit lists what operators changed, newest first.
func (p Panel) Audit(ctx context.Context, by Operator, page Page) ([]AuditEntry, error) {
	if err := by.mayLook(); err != nil {
		return nil, err
	}
	return p.Views.Audit(ctx, page)
}

// PanelCard is what operators see of a kept card.
type PanelCard struct {
	ID                 billing.CardID
	Methods            []billing.PaymentMethodID // that it is charged by
	Brand, Last4       string
	ExpMonth, ExpYear  int
	AddedAt, RemovedAt time.Time // removed: zero while it is kept
}
