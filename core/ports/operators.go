package ports

import (
	"context"
	"time"
)

// Role is a set of permissions at the panel.
type Role string

// A reader sees all pages. The support can also help viewers, within limits: see
// [billing.SupportLimits]. An editor can do the same without limits, approve the
// instructions of others, and change the catalogue.
const (
	RoleReader  Role = "viewer"
	RoleSupport Role = "support"
	RoleEditor  Role = "editor"
)

// Roles returns all roles.
func Roles() []Role { return []Role{RoleReader, RoleSupport, RoleEditor} }

// AuditEntry records one change that an operator made. Entries are never changed
// or deleted. They contain no secrets.
type AuditEntry struct {
	ID            string
	At            time.Time
	Operator      string
	From          string // the operator's address, or "shell"
	Action        string // such as "plan.edit"
	Object        string // code or name of the changed record
	Before, After Facts
}

// Facts holds the values of a record's fields by name. It is empty if the record
// does not exist.
type Facts map[string]string

// Audit stores the audit. Entries can only be added.
type Audit interface {
	// Record adds an entry. Call it in the transaction of the change.
	Record(ctx context.Context, e AuditEntry) error
}
