package ports

import (
	"context"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// Instructions stores the instructions of operators. A transaction locks an instruction
// before all else.
type Instructions interface {
	// Add stores a new instruction. It returns false, and changes nothing, if the user has
	// an instruction with this id.
	Add(ctx context.Context, i billing.Instruction) (added bool, err error)
	// Lock locks and returns an instruction, or returns [billing.ErrNotFound].
	Lock(ctx context.Context, user billing.UserID, id billing.InstructionID) (billing.Instruction, error)
	// LockOpen locks and returns an open instruction. It returns [billing.ErrNotFound] if
	// the instruction is not open, or if another transaction has locked it.
	LockOpen(ctx context.Context, user billing.UserID, id billing.InstructionID) (billing.Instruction, error)
	// Decide stores the decision of another person about a locked instruction.
	Decide(ctx context.Context, i billing.Instruction) error
	// Finish stores the outcome of a locked instruction.
	Finish(ctx context.Context, i billing.Instruction) error
	// Usage sums the instructions of the author of next since a time: see
	// [billing.SupportUsage]. Lock the author first, so that no instruction of another
	// transaction is missing.
	Usage(ctx context.Context, next billing.Instruction, since time.Time) (billing.SupportUsage, error)
}

// InstructionViews reads the instructions of operators, and the authors of events.
type InstructionViews interface {
	// OpenInstructions lists open instructions, the oldest first.
	OpenInstructions(ctx context.Context, limit int) ([]billing.Instruction, error)
	// WaitingInstructions lists the instructions that wait for an approval, the oldest
	// first.
	WaitingInstructions(ctx context.Context, limit int) ([]billing.Instruction, error)
	// InstructionsOf lists the instructions about a user, the newest first.
	InstructionsOf(ctx context.Context, user billing.UserID, limit int) ([]billing.Instruction, error)
	// Instruction returns an instruction, or [billing.ErrNotFound].
	Instruction(ctx context.Context, user billing.UserID, id billing.InstructionID) (billing.Instruction, error)
	// Authors returns the authors of events, and leaves out events without one. The author of
	// a grant counts for its event.
	Authors(ctx context.Context, events []billing.Event) (map[billing.EventID]billing.Author, error)
	// PanelMethods lists the payment methods of a user, removed ones too, the newest first.
	PanelMethods(ctx context.Context, user billing.UserID, limit int) ([]PanelMethod, error)
}

// PanelMethod is the part of a payment method that operators see.
type PanelMethod struct {
	ID                 billing.PaymentMethodID
	PaymentSystem      string
	Brand, Last4       string    // of its card; empty if not known
	AddedAt, RemovedAt time.Time // RemovedAt is zero until the method is removed
}
