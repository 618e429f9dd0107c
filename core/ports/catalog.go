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
	// subscription.
	Remove(ctx context.Context, id billing.PlanID) error
	// Subscribers counts the live subscriptions of a plan. It leaves out those whose
	// first payment is pending.
	Subscribers(ctx context.Context, id billing.PlanID) (int, error)
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
