package billing

import (
	"strings"
	"time"
)

// InstructionID identifies an instruction. The form that an operator submits carries it, so
// a form that is submitted twice makes one instruction.
type InstructionID string

// Instruction is a change that an operator of the panel requests for a viewer. The panel
// stores it, and the API executes it once. Its id is also the id of the refund or the grant
// that it makes, so the store refuses a second one.
type Instruction struct {
	ID     InstructionID
	Kind   InstructionKind
	UserID UserID
	Target string        // id of the subscription, the payment, the payment method or the plan
	Days   int           // of [InstructGive] and [InstructGivePlan]: 1 to [MaxGrantDays]; 0 for one period
	Amount Money         // of [InstructRefund]
	EndNow bool          // of [InstructRefund]: the subscription ends too
	As     PaymentStatus // of [InstructSettle]: see [Payment.Decide]
	Reason string        // 1 to [MaxReason] characters

	Author     string // the name of an operator
	AuthorRole string // the role of the author at that time
	From       string // IP address of the author
	DecidedBy  string // the operator who approved or rejected it; empty if no other person decided
	State      InstructionState
	FaultCode  string // why it was refused: the code of an [Error]; empty otherwise
	Outcome    string // why it was refused, as a sentence in English; empty otherwise
	CreatedAt  time.Time
	DecidedAt  time.Time // zero without a decision of another person
	DoneAt     time.Time // when it was executed or refused; zero until then
}

// InstructionKind is a kind of change.
type InstructionKind string

// The kinds of instructions.
const (
	InstructCancel    InstructionKind = "cancel"     // ends a subscription with its period
	InstructCancelNow InstructionKind = "cancel_now" // ends a subscription at once
	InstructResume    InstructionKind = "resume"     // takes a cancel back
	InstructRetry     InstructionKind = "retry"      // makes a declined renewal due now
	InstructGive      InstructionKind = "give"       // gives a subscription time
	InstructGivePlan  InstructionKind = "give_plan"  // gives a plan to a viewer without a live subscription in its group
	InstructRefund    InstructionKind = "refund"     // pays a payment back
	InstructSettle    InstructionKind = "settle"     // settles a payment that waits for a person
	InstructUnlink    InstructionKind = "unlink"     // removes a payment method
)

// InstructionState is the state of an instruction.
type InstructionState string

// The states of instructions. Only the first two change.
const (
	InstructionWaiting  InstructionState = "waiting_for_approval" // another operator must approve it
	InstructionOpen     InstructionState = "open"                 // the API executes it next
	InstructionDone     InstructionState = "done"
	InstructionRefused  InstructionState = "refused"  // the rules did not allow it, so nothing was changed
	InstructionRejected InstructionState = "rejected" // another operator rejected it
)

// Check returns an [InvalidError] with a fault for each field that is not valid.
func (i Instruction) Check() error {
	var f faults
	f.add(i.ID != "", "id", "must not be empty")
	f.add(i.Target != "", "target", "must not be empty")
	f.addReason(i.Reason)
	switch i.Kind {
	case InstructCancel, InstructCancelNow, InstructResume, InstructRetry, InstructUnlink:
	case InstructGive, InstructGivePlan:
		f.add(i.Days >= 0 && i.Days <= MaxGrantDays, "days", daysRange)
	case InstructRefund:
		f.add(i.Amount.Amount > 0, "amount", "must be above 0")
	case InstructSettle:
		_, err := Payment{}.Decide(i.As)
		f.add(err == nil, "as", "must be succeeded, declined or abandoned")
	default:
		f.add(false, "kind", "is unknown")
	}
	return f.err()
}

// GrantRequest returns the request for the grant of an [InstructGive] or [InstructGivePlan].
func (i Instruction) GrantRequest() GrantRequest {
	return GrantRequest{ID: GrantID(i.ID), Days: i.Days, Source: "instruction " + string(i.ID), By: i.Author, Reason: i.Reason}
}

// Submit returns a new instruction: open, or waiting if another person must approve it.
func (i Instruction) Submit(approval bool, now time.Time) Instruction {
	i.State, i.Reason, i.CreatedAt = InstructionOpen, strings.TrimSpace(i.Reason), now
	if approval {
		i.State = InstructionWaiting
	}
	return i
}

// SameRequest reports whether two instructions with one id request the same change. Their
// times and states may differ.
func (i Instruction) SameRequest(other Instruction) bool {
	return i.Kind == other.Kind && i.UserID == other.UserID && i.Target == other.Target && i.Days == other.Days && i.Amount == other.Amount &&
		i.EndNow == other.EndNow && i.As == other.As && i.Author == other.Author
}

// Decide approves or rejects a waiting instruction. It returns [ErrInvalidTransition] if the
// instruction does not wait, and [ErrOwnInstruction] if by is its author.
func (i Instruction) Decide(approve bool, by string, now time.Time) (Instruction, error) {
	switch {
	case i.State != InstructionWaiting:
		return i, ErrInvalidTransition.WithMessage("the instruction does not wait for an approval: it is %s", i.State)
	case by == i.Author:
		return i, ErrOwnInstruction
	}
	i.State, i.DecidedBy, i.DecidedAt = InstructionRejected, by, now
	if approve {
		i.State = InstructionOpen
	}
	return i, nil
}

// Done returns an executed instruction.
func (i Instruction) Done(now time.Time) Instruction {
	i.State, i.DoneAt = InstructionDone, now
	return i
}

// Refuse returns an instruction that the rules refused, with the code and the sentence of
// the error.
func (i Instruction) Refuse(code, sentence string, now time.Time) Instruction {
	i.State, i.FaultCode, i.Outcome, i.DoneAt = InstructionRefused, code, sentence, now
	return i
}

// Author is the operator who caused an event, and the reason. It is not for viewers.
type Author struct {
	Name        string
	Reason      string
	Instruction InstructionID // empty if the operator acted at a command line
}

// SupportLimits limit the instructions of an operator of the support that need no approval.
// They hold for one operator and one day.
type SupportLimits struct {
	GiveDays int     // to one viewer
	Refunds  []Money // one amount for each currency; other currencies need an approval
}

// SupportUsage sums the instructions of an operator on one day that no other person approved.
// Refused instructions do not count.
type SupportUsage struct {
	GivenDays int   // to the viewer of the next instruction
	Refunded  int64 // in the currency of the next instruction, in minor units
}

// Exceeded reports whether an instruction of the support needs the approval of another
// person. It needs one for a whole period, to settle a payment, and above the limits.
func (l SupportLimits) Exceeded(i Instruction, used SupportUsage) bool {
	switch i.Kind {
	case InstructGive, InstructGivePlan:
		return i.Days == 0 || used.GivenDays+i.Days > l.GiveDays
	case InstructRefund:
		return i.Amount.Amount > l.refund(i.Amount.Currency)-used.Refunded
	case InstructSettle:
		return true
	default:
		return false
	}
}

func (l SupportLimits) refund(c Currency) int64 {
	for _, m := range l.Refunds {
		if m.Currency == c {
			return m.Amount
		}
	}
	return 0
}
