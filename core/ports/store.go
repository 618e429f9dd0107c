package ports

import (
	"context"
	"errors"

	"github.com/online-cinema/billing/core/billing"
)

// Store stores all of billing. A method returns the errors of [billing] that it
// names, [billing.ErrUnavailable] if the database is unavailable, and an internal
// error otherwise.
type Store interface {
	// InTx runs f in one transaction, which is rolled back if f fails. f may run
	// again after a serialization failure, so it must have no effect but through tx.
	// A unique violation may be returned only by InTx. After
	// [billing.ErrUnavailable] the transaction may have been committed: read it back
	// by its ids.
	InTx(ctx context.Context, f func(tx Repos) error) error
	// Views reads outside a transaction.
	Views() Views
}

// InTx runs f in one transaction of s and returns its result.
func InTx[T any](ctx context.Context, s Store, f func(tx Repos) (T, error)) (T, error) {
	var result T
	err := s.InTx(ctx, func(tx Repos) (err error) {
		result, err = f(tx)
		return err
	})
	return result, err
}

// ItemFault reports whether err, the error of a transaction for several items, may be
// caused by one of them. If so, each item should be tried in a transaction of its own.
// Otherwise the database is unavailable, or the time is over.
func ItemFault(err error) bool {
	return err != nil && !errors.Is(err, billing.ErrUnavailable) &&
		!errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled)
}

// Repos is the access of one transaction to the store.
type Repos struct {
	Checkout        Checkout
	Users           Users
	Plans           Plans
	PlanGroups      PlanGroups
	PlanEndings     PlanEndings
	PaymentSystems  PaymentSystems
	Methods         Methods
	Saves           Saves
	TokenRemovals   TokenRemovals
	Cards           Cards
	CardLimits      CardLimits
	Subscriptions   Subscriptions
	Due             DueSubscriptions
	Payments        Payments
	Leases          PaymentLeases
	Rechecks        Rechecks
	Notices         Notices
	Refunds         Refunds
	RefundLeases    RefundLeases
	Receipts        Receipts
	Grants          Grants
	Reminders       Reminders
	Instructions    Instructions
	PersonalData    PersonalData
	Events          Events
	Endpoints       Endpoints
	EndpointLeases  EndpointLeases
	Deliveries      Deliveries
	IdempotencyKeys IdempotencyKeys
	Runs            Runs
	Audit           Audit
	PanelUsers      PanelUsers
	Sessions        Sessions
}
