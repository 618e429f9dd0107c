package operators

import (
	"context"
	"errors"
	"fmt"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

// Executor executes open instructions, each in one transaction with its outcome. Any number
// of processes may do it at the same time. It calls no payment system.
type Executor struct {
	Support  Support  // without By and For
	Payments Payments // likewise
	Methods  *viewers.Methods
}

// Executed counts instructions.
type Executed struct{ Done, Refused int }

// Execute executes the oldest open instructions, at most limit. It skips
// instructions that another process executes at the moment. An instruction that the rules
// refuse changes nothing, and keeps the reason. After any other error it stays open.
func (x Executor) Execute(ctx context.Context, limit int) (e Executed, err error) {
	open, err := x.Support.Store.Views().OpenInstructions(ctx, limit)
	if err != nil {
		return e, err
	}
	var failed []error
	for _, i := range open {
		switch state, err := x.execute(ctx, i); {
		case err != nil:
			failed = append(failed, fmt.Errorf("instruction %s: %w", i.ID, err))
		case state == billing.InstructionDone:
			e.Done++
		case state == billing.InstructionRefused:
			e.Refused++
		}
	}
	return e, errors.Join(failed...)
}

// errTaken means that another process has executed the instruction, or does so.
var errTaken = errors.New("the instruction is not open")

// errNothingChanged refuses an instruction that has no effect, such as a second cancel.
var errNothingChanged = &billing.Error{Kind: billing.Conflict, Code: "nothing_changed", Message: "it was so already, so nothing was changed"}

// execute returns the new state of an instruction, or its old one if another process
// executes it.
func (x Executor) execute(ctx context.Context, i billing.Instruction) (billing.InstructionState, error) {
	err := x.apply(ctx, i)
	code, sentence, refused := refusal(err)
	if refused {
		err = x.finish(ctx, i, func(ports.Repos) (billing.Instruction, error) {
			return i.Refuse(code, sentence, x.Support.Clock.Now()), nil
		})
	}
	switch {
	case errors.Is(err, errTaken):
		return i.State, nil
	case refused:
		return billing.InstructionRefused, err
	default:
		return billing.InstructionDone, err
	}
}

// apply makes the change of an instruction and stores that it is done.
func (x Executor) apply(ctx context.Context, i billing.Instruction) error {
	change, err := x.change(ctx, i)
	if err != nil {
		return err
	}
	return x.finish(ctx, i, func(tx ports.Repos) (billing.Instruction, error) {
		events := &countedEvents{Events: tx.Events}
		tx.Events = events
		if err := change(tx); err != nil {
			return i, err
		}
		if events.n == 0 {
			return i, errNothingChanged
		}
		return i.Done(x.Support.Clock.Now()), nil
	})
}

// finish runs f while the instruction is open and locked, and stores the outcome in the same
// transaction.
func (x Executor) finish(ctx context.Context, i billing.Instruction, f func(ports.Repos) (billing.Instruction, error)) error {
	return x.Support.Store.InTx(ctx, func(tx ports.Repos) error {
		if _, err := tx.Instructions.LockOpen(ctx, i.UserID, i.ID); errors.Is(err, billing.ErrNotFound) {
			return errTaken
		} else if err != nil {
			return err
		}
		after, err := f(tx)
		if err != nil {
			return err
		}
		return tx.Instructions.Finish(ctx, after)
	})
}

// change returns the change that an instruction makes in a transaction. It reads the
// records before the transaction, which locks and reads them again.
func (x Executor) change(ctx context.Context, i billing.Instruction) (func(ports.Repos) error, error) {
	by := Operator{Name: i.Author, Role: ports.Role(i.AuthorRole), From: i.From}
	views := x.Support.Store.Views()
	money := x.Payments
	money.By, money.For = by, i.ID
	switch i.Kind {
	case billing.InstructRefund:
		p, err := views.Payment(ctx, i.UserID, billing.PaymentID(i.Target))
		return func(tx ports.Repos) error {
			_, err := money.refundIn(ctx, tx, billing.RefundRequest{
				ID: billing.RefundID(i.ID), Payment: p, Amount: i.Amount, EndNow: i.EndNow, Reason: i.Reason,
			})
			return err
		}, err
	case billing.InstructSettle:
		p, err := views.Payment(ctx, i.UserID, billing.PaymentID(i.Target))
		return func(tx ports.Repos) error {
			_, err := money.settle(ctx, tx, Decision{Payment: p, As: i.As, Reason: i.Reason})
			return err
		}, err
	case billing.InstructUnlink:
		live, err := views.LiveSubscriptions(ctx, i.UserID)
		return func(tx ports.Repos) error { return x.unlink(ctx, tx, by, i, live) }, err
	case billing.InstructGivePlan:
		s := x.Support
		s.By, s.For = by, i.ID
		return func(tx ports.Repos) error {
			_, _, err := s.givePlan(ctx, tx, Target{User: i.UserID, Ref: i.Target, Reason: i.Reason}, i.GrantRequest())
			return err
		}, s.mustBeUser(ctx, i.UserID)
	default:
		s := x.Support
		s.By, s.For = by, i.ID
		c, err := s.changeOf(ctx, i)
		return func(tx ports.Repos) error {
			_, err := s.changeIn(ctx, tx, Target{User: i.UserID, Ref: i.Target, Reason: i.Reason}, c)
			return err
		}, err
	}
}

// changeOf returns the change of a subscription that an instruction makes.
func (s Support) changeOf(ctx context.Context, i billing.Instruction) (supportChange, error) {
	switch i.Kind {
	case billing.InstructCancel:
		return cancelling(billing.AtPeriodEnd), nil
	case billing.InstructCancelNow:
		return cancelling(billing.AtOnce), nil
	case billing.InstructResume:
		return resuming(ctx), nil
	case billing.InstructRetry:
		return retrying(), nil
	case billing.InstructGive:
		return s.giving(ctx, i.GrantRequest(), new(billing.Grant)), nil
	default:
		return supportChange{}, billing.ErrInvalid.WithMessage("this version does not know instructions to %s", i.Kind)
	}
}

func (x Executor) unlink(ctx context.Context, tx ports.Repos, by Operator, i billing.Instruction, live []ports.SubscriptionView) error {
	if err := x.Methods.Unlink(ctx, by.signed(tx, i.Reason, i.ID), live, i.UserID, billing.PaymentMethodID(i.Target)); err != nil {
		return err
	}
	return by.audit(ctx, tx, x.Support.NewID(), x.Support.Clock.Now(), change{action: PaymentMethodRemoved, object: i.Target, after: ports.Facts{"reason": i.Reason}})
}

// refusal returns the code and the sentence of an error of the rules. Any other error
// leaves the instruction open.
func refusal(err error) (code, sentence string, refused bool) {
	var invalid *billing.InvalidError
	if errors.As(err, &invalid) {
		return billing.ErrInvalid.Code, invalid.Error(), true
	}
	var e *billing.Error
	if !errors.As(err, &e) {
		return "", "", false
	}
	switch e.Kind {
	case billing.NotFound, billing.Invalid, billing.Conflict:
		return e.Code, e.Message, true
	default:
		return "", "", false
	}
}

// countedEvents counts the events that are appended.
type countedEvents struct {
	ports.Events
	n int
}

func (e *countedEvents) Append(ctx context.Context, events ...billing.Event) error {
	e.n += len(events)
	return e.Events.Append(ctx, events...)
}
