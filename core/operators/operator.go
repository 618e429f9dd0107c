package operators

import (
	"context"
	"slices"
	"strings"

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
	return o.may(ports.RoleReader, ports.RoleSupport, ports.RoleEditor)
}

// mayInstruct returns [ErrForbidden] unless the operator helps viewers.
func (o Operator) mayInstruct() error { return o.may(ports.RoleSupport, ports.RoleEditor) }

// mayEdit returns [ErrForbidden] unless the operator is an editor.
func (o Operator) mayEdit() error { return o.may(ports.RoleEditor) }

func (o Operator) may(roles ...ports.Role) error {
	if o.Name == "" || !slices.Contains(roles, o.Role) {
		return ErrForbidden
	}
	return nil
}

// sign makes the operator the author of the events.
func (o Operator) sign(events []billing.Event, reason string, i billing.InstructionID) {
	for n := range events {
		events[n].Author = billing.Author{Name: o.Name, Reason: strings.TrimSpace(reason), Instruction: i}
	}
}

// signed returns tx with a history that signs its events.
func (o Operator) signed(tx ports.Repos, reason string, i billing.InstructionID) ports.Repos {
	tx.Events = signedEvents{tx.Events, o, reason, i}
	return tx
}

type signedEvents struct {
	ports.Events
	by          Operator
	reason      string
	instruction billing.InstructionID
}

func (e signedEvents) Append(ctx context.Context, events ...billing.Event) error {
	e.by.sign(events, e.reason, e.instruction)
	return e.Events.Append(ctx, events...)
}
