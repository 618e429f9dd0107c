package operators

import (
	"context"
	"strings"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

const (
	firstID = "00000000-0000-0000-0000-000000000000"
	lastID  = "ffffffff-ffff-ffff-ffff-ffffffffffff"
)

// IsIDPrefix reports whether an id in lower case can begin with the text.
func IsIDPrefix(text string) bool {
	return len(text) <= len(firstID) && billing.IsID(text+firstID[len(text):])
}

// Users returns a page of the users, newest first. If search is not empty, it
// returns the users whose id begins with search. It returns [billing.ErrInvalid]
// if no id can begin so.
func (p Panel) Users(ctx context.Context, by Operator, search string, page ports.UserPage) ([]ports.UserRow, error) {
	if err := by.mayRead(); err != nil {
		return nil, err
	}
	search = strings.ToLower(strings.TrimSpace(search))
	if search == "" {
		return p.Views.Users.Users(ctx, page)
	}
	if !IsIDPrefix(search) {
		return nil, invalid("search", "must be an id or its beginning")
	}
	return p.Views.Users.UsersBetween(ctx, billing.UserID(search+firstID[len(search):]), billing.UserID(search+lastID[len(search):]), page.Limit)
}

// UserDetails is the data of a user's page.
type UserDetails struct {
	billing.User
	Subscriptions []ports.SubscriptionView
	Payments      map[billing.PaymentID]viewers.Payment
	History       []billing.Event
	Cards         []ports.PanelCard
	More          bool // older events or payments exist
}

// maxDetails is the number of records of each kind on a user's page.
const maxDetails = 300

// User returns a user with the newest subscriptions, payments, events and cards.
// It returns [billing.ErrNotFound] if the user does not exist.
func (p Panel) User(ctx context.Context, by Operator, id billing.UserID) (UserDetails, error) {
	if err := by.mayRead(); err != nil {
		return UserDetails{}, err
	}
	if !billing.IsID(string(id)) {
		return UserDetails{}, billing.ErrNotFound
	}
	user, err := p.Views.Users.User(ctx, id)
	if err != nil {
		return UserDetails{}, err
	}
	d := UserDetails{User: user, Payments: make(map[billing.PaymentID]viewers.Payment)}
	viewer := viewers.Queries{Store: p.Store, Clock: p.Clock}
	if d.Subscriptions, err = viewer.Subscriptions(ctx, id, ports.Page{Limit: maxDetails}); err != nil {
		return d, err
	}
	payments, err := viewer.Payments(ctx, id, ports.Page{Limit: maxDetails})
	if err != nil {
		return d, err
	}
	for _, pay := range payments {
		d.Payments[pay.ID] = pay
	}
	if d.History, err = viewer.History(ctx, id, ports.Page{Limit: maxDetails}); err != nil {
		return d, err
	}
	if d.Cards, err = p.Views.Users.Cards(ctx, id, maxDetails); err != nil {
		return d, err
	}
	d.More = len(payments) == maxDetails || len(d.History) == maxDetails
	return d, nil
}

// Audit returns a page of the operators' changes, newest first.
func (p Panel) Audit(ctx context.Context, by Operator, page ports.Page) ([]ports.AuditEntry, error) {
	if err := by.mayRead(); err != nil {
		return nil, err
	}
	return p.Views.History.Audit(ctx, page)
}
