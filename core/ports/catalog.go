package ports

import (
	"context"

	"github.com/online-cinema/billing/core/billing"
)

// ErrInUse says that something cannot be deleted because others refer to it.
var ErrInUse = &billing.Error{Kind: billing.Conflict, Code: "in_use", Message: "it is in use and cannot be deleted"}

// Plans keeps the catalogue.
type Plans interface {
	// Lock locks and returns the plan with this code or id, archived or not.
	// [billing.ErrPlanNotFound] when there is none.
	Lock(ctx context.Context, ref string) (billing.Plan, error)
	// Add adds a plan. [billing.ErrAlreadyExists] when its code is taken.
	Add(ctx context.Context, p billing.Plan) error
	// Save writes a plan that was locked. [billing.ErrAlreadyExists] when
	// its code is taken by another.
	Save(ctx context.Context, p billing.Plan) error
	// Remove deletes a plan that was locked. [ErrInUse] when somebody ever
	// subscribed to it.
	Remove(ctx context.Context, id billing.PlanID) error
	// Subscribers counts the live subscriptions to a plan, but for those whose
	// first payment is not settled.
	Subscribers(ctx context.Context, id billing.PlanID) (int, error)
}

// PaymentSystems keeps the registry of payment systems.
type PaymentSystems interface {
	// Lock locks and returns the payment system with this code, archived or not.
	// [billing.ErrPaymentSystemNotFound] when there is none.
	Lock(ctx context.Context, code string) (billing.PaymentSystem, error)
	// Add adds one. [billing.ErrAlreadyExists] when its code is taken.
	Add(ctx context.Context, ps billing.PaymentSystem) error
	// Save writes one that is there already.
	Save(ctx context.Context, ps billing.PaymentSystem) error
	// Remove deletes one that was locked. [ErrInUse] when somebody ever used it.
	Remove(ctx context.Context, code string) error
}
