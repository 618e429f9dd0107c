package operators

import (
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Operator is a person who looks after billing, at the panel or at a shell.
type Operator struct {
	Name string // as the audit calls them
	Role ports.Role
	From string // where they are: an address, or "shell"
}

// Shell is whoever may run our programs. A [Catalog] works for them unless it is
// told for whom it works.
func Shell() Operator { return Operator{Name: "billingctl", Role: ports.RoleEditor, From: "shell"} }

// ErrForbidden says that an operator's role does not allow this.
var ErrForbidden = &billing.Error{
	Kind: billing.Forbidden, Code: "forbidden", Message: "your role does not allow this; nothing was changed",
}

// mayLook returns [ErrForbidden] unless the operator has a role at all.
func (o Operator) mayLook() error {
	if o.Name == "" || (o.Role != ports.RoleReader && o.Role != ports.RoleEditor) {
		return ErrForbidden
	}
	return nil
}

// mayEdit returns [ErrForbidden] unless the operator is an editor.
func (o Operator) mayEdit() error {
	if o.Name == "" || o.Role != ports.RoleEditor {
		return ErrForbidden
	}
	return nil
}
