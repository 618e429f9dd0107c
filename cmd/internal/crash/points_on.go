//go:build crash

package crash

import (
	"context"
	"sync"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Names of the points.
const (
	subscribeIntent = "subscribe.intent" // a viewer's intent is stored
	chargeBefore    = "charge.before"
	chargeAfter     = "charge.after"
	recordAfter     = "record.after"  // outcomes are recorded
	renewClaimed    = "renew.claimed" // a batch of a run is stored
	sweepFound      = "sweep.found"   // a lookup of a sweep has returned
	sweepResend     = "sweep.resend"  // a sweep may send payments again
	changeAfter     = "change.after"  // a cancel or a resume is stored
	cardAdded       = "card.added"
	cardRemoved     = "card.removed"   // or a payment method is
	pageCancelled   = "page.cancelled" // the payment system has answered a cancel; the lookup follows
	refundGranted   = "refund.granted" // a sweep may send a refund
	refundBefore    = "refund.before"
	refundAfter     = "refund.after"
	refundRecorded  = "refund.recorded" // the outcome of a refund is
	pushLeased      = "push.leased"     // an endpoint is leased
	pushBefore      = "push.before"     // a webhook is sent
	pushAfter       = "push.after"
	pushRecorded    = "push.recorded" // the progress of an endpoint is stored

	instructionRead    = "instruction.read"    // a sweep has read open instructions
	instructionChanged = "instruction.changed" // the change is written, but not committed
	instructionDone    = "instruction.done"    // the change and the outcome are committed

	planChanged = "plan.changed" // subscriptions to a plan that is ended are written, but not committed
	planStored  = "plan.stored"  // they are committed, with the progress
)

// Providers returns p with the points around each call.
func Providers(p map[string]ports.Provider) map[string]ports.Provider {
	return wrap(p, func(one ports.Provider) ports.Provider { return provider{one} })
}

// Refunders returns p with the points around each refund.
func Refunders(p map[string]ports.Refunder) map[string]ports.Refunder {
	return wrap(p, func(one ports.Refunder) ports.Refunder { return refunder{one} })
}

// Cancellers returns c with the point after each cancel.
func Cancellers(c map[string]ports.Canceller) map[string]ports.Canceller {
	return wrap(c, func(one ports.Canceller) ports.Canceller { return canceller{one} })
}

type canceller struct{ ports.Canceller }

func (c canceller) Cancel(ctx context.Context, q ports.ChargeQuery) error {
	err := c.Canceller.Cancel(ctx, q)
	point(pageCancelled)
	return err
}

// WebhookSender returns s with the points around each request.
func WebhookSender(s ports.WebhookSender) ports.WebhookSender { return webhookSender{s} }

type webhookSender struct{ ports.WebhookSender }

func (s webhookSender) Send(ctx context.Context, w ports.Webhook) billing.WebhookResponse {
	point(pushBefore)
	r := s.WebhookSender.Send(ctx, w)
	point(pushAfter)
	return r
}

// wrap returns the payment systems with a wrapper around each.
func wrap[Part any](systems map[string]Part, with func(Part) Part) map[string]Part {
	wrapped := make(map[string]Part, len(systems))
	for code, one := range systems {
		wrapped[code] = with(one)
	}
	return wrapped
}

type refunder struct{ ports.Refunder }

func (p refunder) Refund(ctx context.Context, r ports.RefundRequest) (billing.RefundOutcome, error) {
	point(refundBefore)
	o, err := p.Refunder.Refund(ctx, r)
	point(refundAfter)
	return o, err
}

type provider struct{ ports.Provider }

func (p provider) Charge(ctx context.Context, r ports.ChargeRequest) (billing.Outcome, error) {
	point(chargeBefore)
	o, err := p.Provider.Charge(ctx, r)
	point(chargeAfter)
	return o, err
}

func (p provider) Find(ctx context.Context, q ports.ChargeQuery) (billing.Outcome, error) {
	o, err := p.Provider.Find(ctx, q)
	if _, leased := lookingUp.LoadAndDelete(q.Key); leased {
		point(sweepFound)
	}
	return o, err
}

// lookingUp holds the payments that a sweep of this process has leased, until its lookup
// has returned.
var lookingUp sync.Map

func isLookingUp() (busy bool) {
	lookingUp.Range(func(any, any) bool {
		busy = true
		return false
	})
	return busy
}

// Store returns s with a point after the commit of each kind of transaction.
func Store(s ports.Store) ports.Store { return store{s} }

type store struct{ ports.Store }

func (s store) InTx(ctx context.Context, f func(ports.Repos) error) error {
	var d did
	err := s.Store.InTx(ctx, func(tx ports.Repos) error {
		d = did{}
		d.watch(&tx)
		return f(tx)
	})
	if err == nil {
		d.passPoints()
	}
	return err
}

func (s store) Views() ports.Views {
	v := s.Store.Views()
	v.DueViews = dueViews{v.DueViews}
	v.InstructionViews = instructionViews{v.InstructionViews}
	return v
}

type instructionViews struct{ ports.InstructionViews }

func (v instructionViews) OpenInstructions(ctx context.Context, limit int) ([]billing.Instruction, error) {
	list, err := v.InstructionViews.OpenInstructions(ctx, limit)
	if len(list) > 0 {
		point(instructionRead)
	}
	return list, err
}

type dueViews struct{ ports.DueViews }

func (v dueViews) SystemsToSweep(ctx context.Context) ([]string, error) {
	systems, err := v.DueViews.SystemsToSweep(ctx)
	if err == nil && len(systems) == 0 && !isLookingUp() {
		point(sweepFound) // as after a sweep without payments
	}
	return systems, err
}

// did notes the effects of a transaction.
type did struct {
	checkout, lockedDue, locked, resend, recorded, sweptNone, sameCard, removal bool
	refundLeased, refundSaved, instructed, pushLeased, pushRecorded, planEnded  bool
	added                                                                       int // payments
}

func (d *did) watch(tx *ports.Repos) {
	tx.Checkout = checkout{tx.Checkout, d}
	tx.Subscriptions = subscriptions{tx.Subscriptions, d}
	tx.Due = dueSubscriptions{tx.Due, d}
	tx.Payments = payments{tx.Payments, d}
	tx.Leases = leases{tx.Leases, d}
	tx.Cards = cards{tx.Cards, d}
	tx.Methods = methods{tx.Methods, d}
	tx.Refunds = refunds{tx.Refunds, d}
	tx.RefundLeases = refundLeases{tx.RefundLeases, d}
	tx.Instructions = instructions{tx.Instructions, d}
	tx.PlanEndings = planEndings{tx.PlanEndings, d}
	tx.EndpointLeases = endpointLeases{tx.EndpointLeases, d}
}

func (d *did) passPoints() {
	switch {
	case d.instructed:
		point(instructionDone)
	case d.planEnded:
		point(planStored)
	case d.pushLeased:
		point(pushLeased)
	case d.pushRecorded:
		point(pushRecorded)
	case d.refundLeased:
		point(refundGranted)
	case d.refundSaved:
		point(refundRecorded)
	case d.checkout:
		for range d.added {
			point(subscribeIntent)
		}
	case d.lockedDue && d.added > 0:
		point(renewClaimed)
	case d.sweptNone: // a sweep without payments passes the point as well
		point(sweepFound)
	case d.resend:
		point(sweepResend)
	case d.recorded:
		point(recordAfter)
	case d.locked:
		point(changeAfter)
	case d.sameCard:
		point(cardAdded)
	case d.removal:
		point(cardRemoved)
	}
}

type checkout struct {
	ports.Checkout
	did *did
}

func (c checkout) Take(ctx context.Context, q ...ports.CheckoutQuery) ([]ports.CheckoutFacts, error) {
	c.did.checkout = true
	return c.Checkout.Take(ctx, q...)
}

type subscriptions struct {
	ports.Subscriptions
	did *did
}

func (s subscriptions) Named(ctx context.Context, user billing.UserID, ref string) (billing.Subscription, error) {
	s.did.locked = true
	return s.Subscriptions.Named(ctx, user, ref)
}

type dueSubscriptions struct {
	ports.DueSubscriptions
	did *did
}

func (s dueSubscriptions) LockDue(ctx context.Context, q ports.DueQuery) ([]ports.Due, error) {
	s.did.lockedDue = true
	return s.DueSubscriptions.LockDue(ctx, q)
}

type payments struct {
	ports.Payments
	did *did
}

func (p payments) Add(ctx context.Context, sendFor time.Duration, list ...billing.Payment) error {
	p.did.added += len(list)
	return p.Payments.Add(ctx, sendFor, list...)
}

func (p payments) SaveIfUnchanged(ctx context.Context, list ...ports.Versioned[billing.Payment]) error {
	p.did.recorded = true
	return p.Payments.SaveIfUnchanged(ctx, list...)
}

type leases struct {
	ports.PaymentLeases
	did *did
}

func (l leases) LeaseForSweep(ctx context.Context, q ports.SweepQuery) ([]ports.Unsettled, error) {
	list, err := l.PaymentLeases.LeaseForSweep(ctx, q)
	for _, u := range list {
		lookingUp.Store(u.ID, true)
	}
	l.did.sweptNone = err == nil && len(list) == 0
	return list, err
}

func (l leases) LeaseForResend(ctx context.Context, sendFor time.Duration, absent ...ports.Absence) ([]ports.PaymentKey, error) {
	l.did.resend = true
	return l.PaymentLeases.LeaseForResend(ctx, sendFor, absent...)
}

type refunds struct {
	ports.Refunds
	did *did
}

func (r refunds) Save(ctx context.Context, list ...billing.Refund) error {
	r.did.refundSaved = r.did.refundSaved || len(list) > 0
	return r.Refunds.Save(ctx, list...)
}

type refundLeases struct {
	ports.RefundLeases
	did *did
}

func (l refundLeases) LeaseForSend(ctx context.Context, sendFor time.Duration, absent ...ports.RefundAbsence) ([]ports.RefundKey, error) {
	l.did.refundLeased = true
	return l.RefundLeases.LeaseForSend(ctx, sendFor, absent...)
}

type endpointLeases struct {
	ports.EndpointLeases
	did *did
}

func (l endpointLeases) Lease(ctx context.Context, q ports.EndpointLease) (ports.Push, bool, error) {
	p, ok, err := l.EndpointLeases.Lease(ctx, q)
	l.did.pushLeased = ok
	return p, ok, err
}

func (l endpointLeases) Release(ctx context.Context, p ports.Push, idle time.Duration) error {
	l.did.pushRecorded = true
	return l.EndpointLeases.Release(ctx, p, idle)
}

type cards struct {
	ports.Cards
	did *did
}

func (c cards) Same(ctx context.Context, user billing.UserID, f billing.Fingerprint) (billing.Card, error) {
	c.did.sameCard = true
	return c.Cards.Same(ctx, user, f)
}

type methods struct {
	ports.Methods
	did *did
}

func (m methods) LockForRemoval(ctx context.Context, r ports.MethodRemoval) ([]billing.PaymentMethod, error) {
	m.did.removal = true
	return m.Methods.LockForRemoval(ctx, r)
}

type instructions struct {
	ports.Instructions
	did *did
}

func (i instructions) Finish(ctx context.Context, done billing.Instruction) error {
	point(instructionChanged)
	i.did.instructed = true
	return i.Instructions.Finish(ctx, done)
}

type planEndings struct {
	ports.PlanEndings
	did *did
}

func (e planEndings) Save(ctx context.Context, progress billing.PlanEnding) error {
	point(planChanged)
	e.did.planEnded = true
	return e.PlanEndings.Save(ctx, progress)
}
