package ports

import (
	"context"

	"github.com/online-cinema/billing/core/billing"
)

// ErrInUse is returned if a record cannot be deleted because other records refer
// to it.
var ErrInUse = &billing.Error{Kind: billing.Conflict, Code: "in_use", Message: "it is in use and cannot be deleted"}

// Plans stores the plans.
type Plans interface {
	// Lock locks and returns the plan with this code or id, archived or not. It
	// returns [billing.ErrPlanNotFound] if none exists.
	Lock(ctx context.Context, ref string) (billing.Plan, error)
	// Add adds a plan. It returns [billing.ErrAlreadyExists] if the code is taken.
	Add(ctx context.Context, p billing.Plan) error
	// Save updates a locked plan. It returns [billing.ErrAlreadyExists] if another
	// plan has the code.
	Save(ctx context.Context, p billing.Plan) error
	// Remove deletes a locked plan. It returns [ErrInUse] if the plan ever had a
	// subscription, or was ever ended.
	Remove(ctx context.Context, id billing.PlanID) error
	// Subscribers counts the live subscriptions of a plan. It leaves out those whose
	// first payment is pending.
	Subscribers(ctx context.Context, id billing.PlanID) (int, error)
}

// PlanGroups moves a plan to another group. Plans of one group exclude each other.
type PlanGroups interface {
	// Lock makes orders and other changes of plans wait until the transaction ends.
	// It must be the first call of the transaction.
	Lock(ctx context.Context) error
	// Conflicts counts the users who have a live subscription to the plan and another
	// one to a plan of the group. It returns a conflict of each of the first limit
	// users.
	Conflicts(ctx context.Context, id billing.PlanID, group string, limit int) (int, []GroupConflict, error)
	// Relabel stores the plan's group with its live subscriptions of the next limit
	// users after the given one, by id. It returns the last of these users, or "" if
	// there are none. It returns [billing.ErrPlanGroupTaken] if such a user has
	// another live subscription that is stored with the group.
	Relabel(ctx context.Context, id billing.PlanID, after billing.UserID, limit int) (billing.UserID, error)
}

// GroupConflict is a pair of live subscriptions of a user: one to a plan, another to a
// plan of a group that the first plan is not in.
type GroupConflict struct {
	User      billing.UserID
	ID        billing.SubscriptionID
	Other     billing.SubscriptionID
	OtherPlan string // code
}

// PaymentSystems stores the registry of payment systems.
type PaymentSystems interface {
	// Lock locks and returns the payment system with this code, archived or not. It
	// returns [billing.ErrPaymentSystemNotFound] if none exists.
	Lock(ctx context.Context, code string) (billing.PaymentSystem, error)
	// Add adds a payment system. It returns [billing.ErrAlreadyExists] if the code is
	// taken.
	Add(ctx context.Context, ps billing.PaymentSystem) error
	// Save updates an existing payment system.
	Save(ctx context.Context, ps billing.PaymentSystem) error
	// Remove deletes a locked payment system. It returns [ErrInUse] if a payment
	// method ever used it.
	Remove(ctx context.Context, code string) error
}
