package operators

import (
	"context"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

const (
	firstID = "00000000-0000-0000-0000-000000000000"
	lastID  = "ffffffff-ffff-ffff-ffff-ffffffffffff"
)

// isIDPrefix reports whether an id in lower case can begin with the text.
func isIDPrefix(text string) bool {
	return len(text) <= len(firstID) && billing.IsID(text+firstID[len(text):])
}

// MaxCount is the number up to which lists are counted.
const MaxCount = 10_000

// Users returns a page of the users, newest first, and the number of users of all pages.
// The number is at most [MaxCount] + 1.
func (p Panel) Users(ctx context.Context, by Operator, page ports.UserPage) ([]ports.UserRow, int, error) {
	if err := by.mayRead(); err != nil {
		return nil, 0, err
	}
	users, err := p.Views.Users.Users(ctx, page)
	if err != nil {
		return nil, 0, err
	}
	n, err := p.Views.Users.CountUsers(ctx, page, MaxCount+1)
	return users, n, err
}

// UserDetails is the data of a user's page. The events of the history have their authors.
type UserDetails struct {
	billing.User
	Subscriptions []ports.SubscriptionView
	Payments      map[billing.PaymentID]viewers.Payment
	History       []billing.Event
	Cards         []ports.PanelCard
	Methods       []ports.PanelMethod
	Instructions  []billing.Instruction
	Notes         []billing.Note
	More          bool // older events or payments exist
}

// The number of records of each kind on a user's page.
const (
	maxDetails      = 300
	maxInstructions = 20
)

// addAuthors adds the authors to the events.
func addAuthors(ctx context.Context, views ports.InstructionViews, events []billing.Event) error {
	authors, err := views.Authors(ctx, events)
	for i := range events {
		events[i].Author = authors[events[i].ID]
	}
	return err
}

// User returns a user with the newest subscriptions, payments, events, cards and notes. If payment
// is not empty, the payments include that one. User returns [billing.ErrNotFound] if the
// user does not exist, or has no such payment.
func (p Panel) User(ctx context.Context, by Operator, id billing.UserID, payment billing.PaymentID) (UserDetails, error) {
	if err := by.mayRead(); err != nil {
		return UserDetails{}, err
	}
	if !billing.IsID(string(id)) || payment != "" && !billing.IsID(string(payment)) {
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
	if _, listed := d.Payments[payment]; payment != "" && !listed {
		if d.Payments[payment], err = viewer.Payment(ctx, id, payment); err != nil {
			return d, err
		}
	}
	if d.History, err = viewer.History(ctx, id, ports.Page{Limit: maxDetails}); err != nil {
		return d, err
	}
	views := p.Store.Views()
	if err := addAuthors(ctx, views, d.History); err != nil {
		return d, err
	}
	if d.Cards, err = p.Views.Users.Cards(ctx, id, maxDetails); err != nil {
		return d, err
	}
	if d.Methods, err = views.PanelMethods(ctx, id, maxDetails); err != nil {
		return d, err
	}
	if d.Instructions, err = views.InstructionsOf(ctx, id, maxInstructions); err != nil {
		return d, err
	}
	if d.Notes, err = p.Views.Users.Notes(ctx, id, maxDetails); err != nil {
		return d, err
	}
	d.More = len(payments) == maxDetails || len(d.History) == maxDetails
	return d, nil
}

// Audit returns a page of the operators' changes that match a filter, newest first, and the
// id before which the next page begins, or "" on the last page. A search for rare changes
// stops after [Panel.SearchTime], with few or no entries.
func (p Panel) Audit(ctx context.Context, by Operator, f ports.AuditFilter, before string, limit int) ([]ports.AuditEntry, string, error) {
	if err := by.mayRead(); err != nil {
		return nil, "", err
	}
	return scan[string, ports.AuditEntry]{
		limit: limit, time: p.searchTime(), bound: p.Views.History.AuditBound,
		read: func(ctx context.Context, from, to string, limit int) ([]ports.AuditEntry, error) {
			return p.Views.History.Audit(ctx, f, from, to, limit)
		},
		key: func(e ports.AuditEntry) string { return e.ID },
	}.from(ctx, before)
}
