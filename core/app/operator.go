package app

import (
	"context"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// Operator is a person who looks after billing, at the panel or at a shell.
type Operator struct {
	Name string // as the audit calls them
	Role Role
	From string // where they are: an address, or "shell"
}

// Role is what an operator may do at the panel.
type Role string

// A viewer looks, an editor also changes the catalogue.
const (
	RoleViewer Role = "viewer"
	RoleEditor Role = "editor"
)

// Shell is whoever may run our programs. A [Catalog] works for them unless it is
// told for whom it works.
func Shell() Operator { return Operator{Name: "billingctl", Role: RoleEditor, From: "shell"} }

// ErrForbidden says that an operator's role does not allow this.
var ErrForbidden = &billing.Error{
	Kind: billing.Forbidden, Code: "forbidden", Message: "your role does not allow this; nothing was changed",
}

// mayLook returns [ErrForbidden] unless the operator has a role at all.
func (o Operator) mayLook() error {
	if o.Name == "" || (o.Role != RoleViewer && o.Role != RoleEditor) {
		return ErrForbidden
	}
	return nil
}

// mayEdit returns [ErrForbidden] unless the operator is an editor.
func (o Operator) mayEdit() error {
	if o.Name == "" || o.Role != RoleEditor {
		return ErrForbidden
	}
	return nil
}

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

// The actions that the audit knows.
const (
	PlanAdded                = "plan.add"
	PlanEdited               = "plan.edit"
	PlanArchived             = "plan.archive"
	PlanDeleted              = "plan.delete"
	PaymentSystemAdded       = "payment_system.add"
	PaymentSystemEdited      = "payment_system.edit"
	PaymentSystemArchived    = "payment_system.archive"
	PaymentSystemDeleted     = "payment_system.delete"
	PanelUserAdded           = "panel_user.add"
	PanelUserPasswordChanged = "panel_user.passwd"
	PanelUserDisabled        = "panel_user.disable"
	PanelUserLockedOut       = "panel_user.lock_out"
	PanelUserSignedIn        = "panel_user.sign_in"
)
