package operators

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Instructions stores the instructions of operators of the panel, and the decisions of other
// persons about them. [Executor] executes them. Each method returns
// [ErrForbidden] unless the operator's role allows it.
type Instructions struct {
	Store    ports.Store
	Clock    ports.Clock
	Calendar billing.Calendar
	NewID    func() string
	Limits   billing.SupportLimits
}

// Proposal is an instruction with the records that it concerns. After [Instructions.Propose]
// they are as the instruction would leave them.
type Proposal struct {
	Instruction  billing.Instruction
	Approval     bool                   // another person must approve it
	Subscription billing.Subscription   // that changes or begins, or that the payment belongs to; zero for a payment method
	Payment      billing.Payment        // that is refunded or settled
	Unused       billing.Money          // the part of Payment that stands for unused days
	Grant        billing.Grant          // that is made
	Method       ports.PanelMethod      // that is removed, or that pays the subscription
	Paid         []billing.Subscription // live subscriptions that Method pays
	Plans        []billing.Plan         // that the viewer can be given
	Plan         billing.Plan           // that is given; zero if the instruction has no target yet
	Live         []billing.Subscription // all live subscriptions of the viewer
}

// Look returns the records that an instruction concerns. Its kind, user and target are
// enough. The errors are those of Propose, without billing.ErrInvalid.
func (s Instructions) Look(ctx context.Context, by Operator, i billing.Instruction) (Proposal, error) {
	if err := by.mayInstruct(); err != nil {
		return Proposal{}, err
	}
	return s.look(ctx, i)
}

// Propose returns the result of an instruction if it were executed now. The operator is its
// author. Errors:
//
//	billing.ErrInvalid   a field is not valid
//	billing.ErrNotFound  the viewer has no such record
//	a [billing.Conflict] the rules do not allow the change
func (s Instructions) Propose(ctx context.Context, by Operator, i billing.Instruction) (Proposal, error) {
	if err := cmp.Or(by.mayInstruct(), i.Check()); err != nil {
		return Proposal{}, err
	}
	p, err := s.propose(ctx, by.author(i))
	if err != nil {
		return p, err
	}
	p.Approval, err = ports.InTx(ctx, s.Store, func(tx ports.Repos) (bool, error) { return s.exceeded(ctx, tx, p.Instruction) })
	return p, err
}

func (s Instructions) propose(ctx context.Context, i billing.Instruction) (Proposal, error) {
	p, err := s.look(ctx, i)
	if err != nil {
		return p, err
	}
	return p.apply(s.Calendar, s.Clock.Now())
}

// look reads the records of an instruction.
func (s Instructions) look(ctx context.Context, i billing.Instruction) (p Proposal, err error) {
	p.Instruction = i
	views, now := s.Store.Views(), s.Clock.Now()
	switch i.Kind {
	case billing.InstructUnlink:
		if p.Method, err = s.method(ctx, i.UserID, billing.PaymentMethodID(i.Target)); err != nil {
			return p, err
		}
		live, err := views.LiveSubscriptions(ctx, i.UserID)
		for _, v := range live {
			if v.MethodID == p.Method.ID {
				p.Paid = append(p.Paid, v.Subscription)
			}
		}
		return p, err
	case billing.InstructGivePlan:
		return s.lookPlan(ctx, p)
	case billing.InstructRefund, billing.InstructSettle:
		if p.Payment, err = views.Payment(ctx, i.UserID, billing.PaymentID(i.Target)); err != nil {
			return p, err
		}
		p.Unused = p.Payment.Unused(s.Calendar, now)
		i.Target = string(p.Payment.SubscriptionID)
	}
	v, err := views.Subscription(ctx, i.UserID, i.Target)
	if err != nil {
		return p, err
	}
	p.Subscription, _ = v.At(now)
	if i.Kind == billing.InstructResume && !p.Subscription.Given() {
		p.Method, err = s.method(ctx, i.UserID, p.Subscription.MethodID)
	}
	return p, err
}

// lookPlan reads the plan that is given, the viewer's live subscriptions, and the plans that
// can be given beside them. The instruction may have no target yet.
func (s Instructions) lookPlan(ctx context.Context, p Proposal) (Proposal, error) {
	views, user := s.Store.Views(), p.Instruction.UserID
	if _, err := views.Subject(ctx, user); err != nil {
		return p, err
	}
	stored, err := views.LiveSubscriptions(ctx, user)
	if err != nil {
		return p, err
	}
	for _, v := range stored {
		sub, _ := v.At(s.Clock.Now())
		p.Live = append(p.Live, sub)
	}
	plans, err := views.Plans(ctx)
	for _, plan := range plans {
		if plan.RefuseGift(p.Live) == nil {
			p.Plans = append(p.Plans, plan)
		}
		if string(plan.ID) == p.Instruction.Target {
			p.Plan = plan
		}
	}
	if err == nil && p.Plan.ID == "" && p.Instruction.Target != "" {
		err = billing.ErrPlanNotFound
	}
	return p, err
}

// apply applies the rules to the records, and stores nothing.
func (p Proposal) apply(cal billing.Calendar, now time.Time) (_ Proposal, err error) {
	var events []billing.Event
	i, sub := p.Instruction, p.Subscription
	switch i.Kind {
	case billing.InstructCancel:
		p.Subscription, events, err = sub.Cancel(billing.AtPeriodEnd, now)
	case billing.InstructCancelNow:
		p.Subscription, events, err = sub.Cancel(billing.AtOnce, now)
	case billing.InstructResume:
		p.Subscription, events, err = sub.Resume(billing.PaymentMethod{ID: p.Method.ID, RemovedAt: p.Method.RemovedAt}, now)
	case billing.InstructRetry:
		p.Subscription, events, err = sub.Retry(now)
	case billing.InstructGive:
		p.Subscription, p.Grant, events, err = sub.Give(i.GrantRequest(), cal, now)
	case billing.InstructGivePlan:
		p.Subscription, p.Grant, events, err = p.Plan.GiveNew(billing.SubscriptionID(i.ID), i.UserID, p.Live, i.GrantRequest(), cal, now)
	case billing.InstructRefund:
		p.Subscription, p.Payment, _, events, err = sub.Refund(billing.RefundRequest{
			Payment: p.Payment, Amount: i.Amount, EndNow: i.EndNow, By: i.Author, Reason: i.Reason,
		}, now)
	case billing.InstructSettle:
		return p, refuseSettle(p.Payment)
	case billing.InstructUnlink:
		return p.unlink(now)
	}
	if err == nil && len(events) == 0 {
		err = errNothingChanged
	}
	return p, err
}

// refuseSettle repeats the checks of [payments.Collector.Decide] that need no lock.
func refuseSettle(p billing.Payment) error {
	if p.Settled() {
		return billing.ErrInvalidTransition.WithMessage("the payment is %s already", p.Status)
	}
	return nil
}

func (p Proposal) unlink(now time.Time) (Proposal, error) {
	if !p.Method.RemovedAt.IsZero() {
		return p, errNothingChanged
	}
	for n, sub := range p.Paid {
		p.Paid[n], _ = sub.StopRenewal(billing.MethodRemoved, now)
	}
	return p, nil
}

// maxMethods is the number of payment methods that are searched.
const maxMethods = 1000

func (s Instructions) method(ctx context.Context, user billing.UserID, id billing.PaymentMethodID) (ports.PanelMethod, error) {
	list, err := s.Store.Views().PanelMethods(ctx, user, maxMethods)
	if err != nil {
		return ports.PanelMethod{}, err
	}
	n := slices.IndexFunc(list, func(m ports.PanelMethod) bool { return m.ID == id })
	if n < 0 {
		return ports.PanelMethod{}, billing.ErrPaymentMethodNotFound
	}
	return list[n], nil
}

// Submit stores an instruction of the operator, with the id that i has. A second call with
// the same instruction changes nothing, and returns the stored one. The limits of the
// support are checked while the operator is locked, so that instructions at the same time
// cannot exceed them together. The errors are those of Propose, and
// [billing.ErrAlreadyExists] if another instruction has the id.
func (s Instructions) Submit(ctx context.Context, by Operator, i billing.Instruction) (billing.Instruction, error) {
	if err := cmp.Or(by.mayInstruct(), i.Check()); err != nil {
		return i, err
	}
	i = by.author(i)
	stored, err := s.Store.Views().Instruction(ctx, i.UserID, i.ID)
	if err == nil {
		return repeated(stored, i)
	}
	if err := ignore(err, billing.ErrNotFound); err != nil {
		return i, err
	}
	if _, err := s.propose(ctx, i); err != nil {
		return i, err
	}
	i, err = ports.InTx(ctx, s.Store, func(tx ports.Repos) (billing.Instruction, error) { return s.add(ctx, tx, i) })
	return i, wrap(err, "store instruction %s", i.ID)
}

func repeated(stored, i billing.Instruction) (billing.Instruction, error) {
	if !stored.SameRequest(i) {
		return stored, billing.ErrAlreadyExists.WithMessage("another instruction has this id; open the page again")
	}
	return stored, nil
}

func (s Instructions) add(ctx context.Context, tx ports.Repos, i billing.Instruction) (billing.Instruction, error) {
	if _, err := tx.PanelUsers.Lock(ctx, i.Author); err != nil {
		return i, err
	}
	approval, err := s.exceeded(ctx, tx, i)
	if err != nil {
		return i, err
	}
	i = i.Submit(approval, s.Clock.Now())
	added, err := tx.Instructions.Add(ctx, i)
	if err != nil || added {
		return i, err
	}
	stored, err := tx.Instructions.Lock(ctx, i.UserID, i.ID)
	if err != nil {
		return i, err
	}
	return repeated(stored, i)
}

// exceeded reports whether another person must approve the instruction.
func (s Instructions) exceeded(ctx context.Context, tx ports.Repos, i billing.Instruction) (bool, error) {
	if ports.Role(i.AuthorRole) == ports.RoleEditor {
		return false, nil
	}
	used, err := tx.Instructions.Usage(ctx, i, s.Calendar.StartOfDay(s.Clock.Now()))
	return s.Limits.Exceeded(i, used), err
}

// Decide approves or rejects an instruction that waits for another person. Only editors
// decide, and not about their own instructions. Errors:
//
//	billing.ErrNotFound           there is no such instruction
//	billing.ErrOwnInstruction     the operator is its author
//	billing.ErrInvalidTransition  it does not wait any more
func (s Instructions) Decide(ctx context.Context, by Operator, user billing.UserID, id billing.InstructionID, approve bool) (billing.Instruction, error) {
	if err := by.mayEdit(); err != nil {
		return billing.Instruction{}, err
	}
	action := InstructionRejected
	if approve {
		action = InstructionApproved
	}
	return ports.InTx(ctx, s.Store, func(tx ports.Repos) (billing.Instruction, error) {
		i, err := tx.Instructions.Lock(ctx, user, id)
		if err != nil {
			return i, err
		}
		now := s.Clock.Now()
		if i, err = i.Decide(approve, by.Name, now); err != nil {
			return i, err
		}
		if err := tx.Instructions.Decide(ctx, i); err != nil {
			return i, err
		}
		return i, by.audit(ctx, tx, s.NewID(), now, change{action: action, object: string(i.ID), after: ports.Facts{
			"kind": string(i.Kind), "user": string(i.UserID), "author": i.Author, "reason": i.Reason,
		}})
	})
}

// author returns the instruction with the operator as its author.
func (o Operator) author(i billing.Instruction) billing.Instruction {
	i.Author, i.AuthorRole, i.From = o.Name, string(o.Role), o.From
	return i
}

// maxWaiting is the number of instructions that the page of approvals lists.
const maxWaiting = 100

// Waiting lists the instructions that wait for an approval, the oldest first.
func (s Instructions) Waiting(ctx context.Context, by Operator) ([]billing.Instruction, error) {
	if err := by.mayRead(); err != nil {
		return nil, err
	}
	return s.Store.Views().WaitingInstructions(ctx, maxWaiting)
}

// Instruction returns an instruction, or [billing.ErrNotFound].
func (s Instructions) Instruction(ctx context.Context, by Operator, user billing.UserID, id billing.InstructionID) (billing.Instruction, error) {
	if err := by.mayRead(); err != nil {
		return billing.Instruction{}, err
	}
	i, err := s.Store.Views().Instruction(ctx, user, id)
	if err != nil {
		return i, fmt.Errorf("read instruction %s: %w", id, err)
	}
	return i, nil
}
