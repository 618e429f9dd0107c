package operators

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Support changes subscriptions on behalf of viewers. Each change has a reason, is in the
// viewer's history, and is in the audit log with its operator. It calls no payment system.
type Support struct {
	Store    ports.Store
	Clock    ports.Clock
	Calendar billing.Calendar
	NewID    func() string
	By       Operator
	For      billing.InstructionID // the instruction that is executed; empty if By acts without one
}

// Target names a subscription of a viewer, and the reason for a change of it.
type Target struct {
	User   billing.UserID
	Ref    string // the subscription's id, or its plan's code or id
	Reason string
}

// Cancel ends a subscription at the end of its period, or immediately, as
// [billing.Subscription.Cancel] does. Cancelling again changes nothing. A renewal that is
// pending may still be charged. Errors:
//
//	billing.ErrInvalid            the reason is not valid
//	billing.ErrNotFound           the viewer has no such subscription
//	billing.ErrInvalidTransition  the subscription has ended, or, for an immediate end, its
//	                              payment is being settled
func (s Support) Cancel(ctx context.Context, on Target, at billing.CancelAt) (billing.Subscription, error) {
	return s.change(ctx, on, cancelling(at))
}

func cancelling(at billing.CancelAt) supportChange {
	return supportChange{SubscriptionCancelled, func(_ ports.Repos, sub billing.Subscription, now time.Time) (billing.Subscription, []billing.Event, ports.Facts, error) {
		sub, events, err := sub.Cancel(at, now)
		return sub, events, ports.Facts{"ends": string(at)}, err
	}}
}

// Resume takes a cancel back before the period ends, as [billing.Subscription.Resume] does.
// The errors are those of Cancel, and billing.ErrInvalidTransition if the payment method
// cannot be charged any more, or if the plan is being ended.
func (s Support) Resume(ctx context.Context, on Target) (billing.Subscription, error) {
	return s.change(ctx, on, resuming(ctx))
}

func resuming(ctx context.Context) supportChange {
	return supportChange{SubscriptionResumed, func(tx ports.Repos, sub billing.Subscription, now time.Time) (billing.Subscription, []billing.Event, ports.Facts, error) {
		m, err := ports.MethodOf(ctx, tx, sub)
		if err != nil {
			return sub, nil, nil, err
		}
		if sub.PlanEnding, err = ports.PlanEnding(ctx, tx, sub); err != nil {
			return sub, nil, nil, err
		}
		sub, events, err := sub.Resume(m, now)
		return sub, events, ports.Facts{}, err
	}}
}

// Retry makes the next try of a declined renewal due now, so that the next run charges it.
// Errors:
//
//	billing.ErrInvalid            the reason is not valid
//	billing.ErrNotFound           the viewer has no such subscription
//	billing.ErrNothingDue, billing.ErrInvalidTransition, billing.ErrPaymentOpen
//	                              see [billing.Subscription.Retry]
func (s Support) Retry(ctx context.Context, on Target) (billing.Subscription, error) {
	return s.change(ctx, on, retrying())
}

func retrying() supportChange {
	return supportChange{SubscriptionRetried, func(_ ports.Repos, sub billing.Subscription, now time.Time) (billing.Subscription, []billing.Event, ports.Facts, error) {
		sub, events, err := sub.Retry(now)
		return sub, events, ports.Facts{}, err
	}}
}

// Give gives a subscription days, or one of its periods if days is 0. A viewer gets at most
// one grant from a source. Errors:
//
//	billing.ErrInvalid            the reason, the days or the source is not valid
//	billing.ErrNotFound           the viewer has no such subscription
//	billing.ErrAlreadyGiven       the viewer has a grant from this source
//	billing.ErrInvalidTransition  see [billing.Subscription.Give]
func (s Support) Give(ctx context.Context, on Target, days int, source string) (billing.Subscription, billing.Grant, error) {
	r := billing.GrantRequest{ID: billing.GrantID(s.NewID()), Days: days, Source: source, By: s.By.Name, Reason: on.Reason}
	if err := r.Check(); err != nil {
		return billing.Subscription{}, billing.Grant{}, err
	}
	var given billing.Grant
	sub, err := s.change(ctx, on, s.giving(ctx, r, &given))
	return sub, given, err
}

// GivePlan gives the plan that on.Ref names to a viewer without a live subscription in its
// group, for days, or for one of its periods if days is 0. The new subscription is not
// renewed and never charged. A viewer gets at most one grant from a source. Errors:
//
//	billing.ErrInvalid            the reason, the days or the source is not valid
//	billing.ErrNotFound           the user was never seen
//	billing.ErrPlanNotFound       there is no such plan, or it is no longer sold
//	billing.ErrAlreadySubscribed, billing.ErrPlanGroupTaken
//	                              a live subscription gets the time: see [billing.Plan.GiveNew]
//	billing.ErrAlreadyGiven       the viewer has a grant from this source
func (s Support) GivePlan(ctx context.Context, on Target, days int, source string) (sub billing.Subscription, g billing.Grant, err error) {
	r := billing.GrantRequest{ID: billing.GrantID(s.NewID()), Days: days, Source: source, By: s.By.Name, Reason: on.Reason}
	if err := r.Check(); err != nil {
		return sub, g, err
	}
	if err = s.mustBeUser(ctx, on.User); err == nil {
		err = s.Store.InTx(ctx, func(tx ports.Repos) error {
			sub, g, err = s.givePlan(ctx, tx, on, r)
			return err
		})
	}
	return sub, g, wrap(err, "give plan %s", on.Ref)
}

// GiveOrBegin gives time to the subscription that on.Ref names, as Give does. If on.Ref names
// a plan, and the viewer has no live subscription to it, the viewer gets the plan as GivePlan
// gives it, or its error. The new subscription then has no other time than the grant.
func (s Support) GiveOrBegin(ctx context.Context, on Target, days int, source string) (billing.Subscription, billing.Grant, error) {
	sub, g, err := s.GivePlan(ctx, on, days, source)
	named := errors.Is(err, billing.ErrAlreadySubscribed)
	if errors.Is(err, billing.ErrPlanNotFound) {
		v, unknown := s.Store.Views().Subscription(ctx, on.User, on.Ref)
		if unknown != nil && !errors.Is(unknown, billing.ErrSubscriptionNotFound) {
			return sub, g, unknown
		}
		named = string(v.ID) == on.Ref
	}
	if named {
		return s.Give(ctx, on, days, source)
	}
	return sub, g, err
}

// mustBeUser returns [billing.ErrNotFound] if the user was never seen.
func (s Support) mustBeUser(ctx context.Context, user billing.UserID) error {
	_, err := s.Store.Views().Subject(ctx, user)
	if errors.Is(err, billing.ErrNotFound) {
		return billing.ErrNotFound.WithMessage("there is no user %s", user)
	}
	return err
}

// givePlan stores a new subscription with its grant. It ends those whose period is over but
// which are still stored as live.
func (s Support) givePlan(ctx context.Context, tx ports.Repos, on Target, r billing.GrantRequest) (sub billing.Subscription, g billing.Grant, err error) {
	id := billing.SubscriptionID(s.NewID())
	found, err := tx.Checkout.Take(ctx, ports.CheckoutQuery{Subscription: id, User: on.User, Plan: on.Ref})
	if err != nil {
		return sub, g, err
	}
	plan, now := found[0].Plan, s.Clock.Now()
	if plan == nil {
		return sub, g, billing.ErrPlanNotFound
	}
	live, over, ended := billing.AsOf(now, found[0].Live)
	sub, g, events, err := plan.GiveNew(id, on.User, live, r, s.Calendar, now)
	if err == nil {
		err = refuseSecondGrant(ctx, tx, on.User, r.Source)
	}
	if err != nil {
		return sub, g, err
	}
	s.By.sign(events, on.Reason, s.For)
	events = append(ended, events...)
	ports.Identify(events, s.NewID)
	facts := grantFacts(r, g)
	facts["plan"], facts["status"], facts["reason"] = plan.Code, string(sub.Status), g.Reason
	if err := tx.Subscriptions.Save(ctx, over...); err != nil {
		return sub, g, err
	}
	if err := tx.Subscriptions.Add(ctx, sub); err != nil {
		return sub, g, err
	}
	if err := tx.Grants.Add(ctx, g); err != nil {
		return sub, g, err
	}
	if err := tx.Events.Append(ctx, events...); err != nil {
		return sub, g, err
	}
	return sub, g, s.By.audit(ctx, tx, s.NewID(), now, change{SubscriptionGiven, string(sub.ID), ports.Facts{}, facts})
}

// grantFacts returns the facts of a grant for the audit log.
func grantFacts(r billing.GrantRequest, g billing.Grant) ports.Facts {
	facts := ports.Facts{"from": timeFact(g.Period.Start), "to": timeFact(g.Period.End), "source": g.Source}
	if r.Days > 0 {
		facts["days"] = strconv.Itoa(r.Days)
	}
	return facts
}

// giving returns the change that makes the grant r, and stores it in given.
func (s Support) giving(ctx context.Context, r billing.GrantRequest, given *billing.Grant) supportChange {
	return supportChange{SubscriptionGiven, func(tx ports.Repos, sub billing.Subscription, now time.Time) (billing.Subscription, []billing.Event, ports.Facts, error) {
		if err := refuseSecondGrant(ctx, tx, sub.UserID, r.Source); err != nil {
			return sub, nil, nil, err
		}
		sub, g, events, err := sub.Give(r, s.Calendar, now)
		if err != nil {
			return sub, nil, nil, err
		}
		*given = g
		if err := tx.Subscriptions.SaveTerms(ctx, sub); err != nil { // the anchor
			return sub, nil, nil, err
		}
		return sub, events, grantFacts(r, g), tx.Grants.Add(ctx, g)
	}}
}

// refuseSecondGrant returns [billing.ErrAlreadyGiven] if the user has a grant from the
// source. The store refuses it too, but cannot say when it was given.
func refuseSecondGrant(ctx context.Context, tx ports.Repos, user billing.UserID, source string) error {
	grants, err := tx.Grants.Of(ctx, user)
	if err != nil {
		return err
	}
	for _, g := range grants {
		if g.Source == strings.TrimSpace(source) {
			return billing.ErrAlreadyGiven.WithMessage("%q gave the viewer the time from %s to %s already; nothing was changed",
				g.Source, g.Period.Start.Format(time.RFC3339), g.Period.End.Format(time.RFC3339))
		}
	}
	return nil
}

// supportChange is an action with its transition, which returns facts for the audit log.
type supportChange struct {
	action string
	apply  func(tx ports.Repos, s billing.Subscription, now time.Time) (billing.Subscription, []billing.Event, ports.Facts, error)
}

// change applies a change in a transaction of its own.
func (s Support) change(ctx context.Context, on Target, c supportChange) (billing.Subscription, error) {
	if err := billing.CheckReason(on.Reason); err != nil {
		return billing.Subscription{}, err
	}
	sub, err := ports.InTx(ctx, s.Store, func(tx ports.Repos) (billing.Subscription, error) { return s.changeIn(ctx, tx, on, c) })
	if err != nil {
		return billing.Subscription{}, fmt.Errorf("%s: %w", c.action, err)
	}
	return sub, nil
}

// changeIn applies a change to the locked subscription as of now.
func (s Support) changeIn(ctx context.Context, tx ports.Repos, on Target, c supportChange) (billing.Subscription, error) {
	before, err := tx.Subscriptions.Named(ctx, on.User, on.Ref)
	if err != nil {
		return before, err
	}
	now := s.Clock.Now()
	sub, ended := before.At(now)
	sub, events, facts, err := c.apply(tx, sub, now)
	if err != nil {
		return sub, err
	}
	s.By.sign(events, on.Reason, s.For)
	if events = append(ended, events...); len(events) == 0 {
		return sub, nil
	}
	facts["status"], facts["reason"] = string(sub.Status), strings.TrimSpace(on.Reason)
	if err := ports.SaveWithEvents(ctx, tx, s.NewID, sub, events); err != nil {
		return sub, err
	}
	return sub, s.By.audit(ctx, tx, s.NewID(), now, change{c.action, string(sub.ID), ports.Facts{"status": string(before.Status)}, facts})
}
