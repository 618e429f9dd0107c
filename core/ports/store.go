package ports

import (
	"context"
)

// Store keeps everything. Its errors are those of [billing] where a method says
// so, [billing.ErrUnavailable] when the database is out of reach, and internal
// otherwise.
type Store interface {
	// InTx runs f in one transaction: all of it is kept, or, when f fails,
	// nothing. f may run again after a conflict with another transaction, so it
	// does nothing but use tx. Uniqueness that is violated may show only when
	// InTx returns. When InTx fails with [billing.ErrUnavailable], the
	// transaction may still have been kept: read it back by its ids.
	InTx(ctx context.Context, f func(tx Repos) error) error
	// Views reads without a transaction.
	Views() Views
}

// Repos is what one transaction can do.
type Repos struct {
	Checkout        Checkout
	Users           Users
	Plans           Plans
	PaymentSystems  PaymentSystems
	Methods         Methods
	Cards           Cards
	Subscriptions   Subscriptions
	Payments        Payments
	Events          Events
	IdempotencyKeys IdempotencyKeys
	Runs            Runs
	Audit           Audit
	PanelUsers      PanelUsers
	Sessions        Sessions
}
