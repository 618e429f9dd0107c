package ports

import (
	"context"
	"time"
)

// Role is what an operator may do at the panel.
type Role string

// A viewer looks, an editor also changes the catalogue.
const (
	RoleReader Role = "viewer"
	RoleEditor Role = "editor"
)

// AuditEntry is one change that an operator made. Entries are added, never
// changed or removed. They hold no secret.
type AuditEntry struct {
	ID            string
	At            time.Time
	Operator      string
	From          string
	Action        string // such as "plan.edit"
	Object        string // the code or name of what was changed
	Before, After Facts
}

// Facts are the names and values of what was changed; empty when there was, or
// is, no such thing.
type Facts map[string]string

// Audit keeps what operators changed. It only grows.
type Audit interface {
	// Record adds an entry, in the transaction of the change itself.
	Record(ctx context.Context, e AuditEntry) error
}
