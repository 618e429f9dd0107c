package operators

import (
	"context"
	"regexp"
	"strings"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

var partOfID = regexp.MustCompile(`^[0-9a-f]{1,8}(-[0-9a-f]{0,4}){0,3}(-[0-9a-f]{0,12})?$`)

// Users lists users, newest first; with search only those whose id begins with
// it. [billing.ErrInvalid] when nothing can begin so.
func (p Panel) Users(ctx context.Context, by Operator, search string, page ports.UserPage) ([]ports.UserRow, error) {
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
	Subscriptions []ports.SubscriptionView
	Payments      map[billing.PaymentID]billing.Payment
	History       []billing.Event
	Cards         []ports.PanelCard
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
	if d.Cards, err = p.Views.Cards(ctx, id, maxDetails); err != nil {
		return d, err
	}
	d.More = len(payments) == maxDetails || len(d.History) == maxDetails
	return d, nil
}

// Audit lists what operators changed, newest first.
func (p Panel) Audit(ctx context.Context, by Operator, page ports.Page) ([]ports.AuditEntry, error) {
	if err := by.mayLook(); err != nil {
		return nil, err
	}
	return p.Views.Audit(ctx, page)
}
