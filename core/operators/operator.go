package operators

import (
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Operator is a person who manages billing at the panel or at a command line.
type Operator struct {
	Name string // as the audit shows it
	Role ports.Role
	From string // IP address, or "shell"
}

// CLIOperator returns the operator of billingctl. It is an editor: access to a
// command line of the database's host is the permission.
func CLIOperator() Operator {
	return Operator{Name: "billingctl", Role: ports.RoleEditor, From: "shell"}
}

// ErrForbidden is returned if the operator's role does not allow the operation.
var ErrForbidden = &billing.Error{
	Kind: billing.Forbidden, Code: "forbidden", Message: "your role does not allow this; nothing was changed",
}

// mayRead returns [ErrForbidden] unless the operator has a name and a role.
func (o Operator) mayRead() error {
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
