package operators

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// PlanEnd is the result of ending a plan for all its subscribers.
type PlanEnd struct {
	Plan        billing.Plan // after it
	Viewers     int          // whose subscriptions are not renewed any more
	First, Last time.Time    // of the ends of their subscriptions; zero without viewers
}

// PreviewEnd returns the result of ending a plan now, and changes nothing. ref is the plan's
// code or id. Errors:
//
//	billing.ErrPlanNotFound       there is no such plan
//	billing.ErrInvalidTransition  the plan is being ended already
func (c Catalog) PreviewEnd(ctx context.Context, ref string) (PlanEnd, error) {
	if err := c.By.mayEdit(); err != nil {
		return PlanEnd{}, err
	}
	p, err := c.Plan(ctx, ref)
	if err != nil {
		return PlanEnd{}, err
	}
	now := c.Clock.Now()
	if p, err = p.End(now); err != nil {
		return PlanEnd{}, err
	}
	r, err := c.Store.Views().Renewing(ctx, p.ID)
	if err != nil || r.Viewers == 0 {
		return PlanEnd{Plan: p}, err
	}
	return PlanEnd{Plan: p, Viewers: r.Viewers, First: notBefore(now, r.FirstEnd), Last: notBefore(now, r.LastEnd)}, nil
}

// notBefore returns when a subscription ends whose period ends at end.
func notBefore(now, end time.Time) time.Time {
	if end.Before(now) {
		return now
	}
	return end
}

// EndPlan ends a plan for all its subscribers, if [billing.EndingConfirmed]. The plan is not
// sold any more, and from the commit on no renewal of it is charged. A payment that is pending
// then, or that a run claims at the same moment, may still succeed; its period is the last
// one. An order that waits on its page is such a payment. The subscriptions are cancelled by
// [Executor.EndPlans] in any process of the API. The errors are those of PreviewEnd, and:
//
//	billing.ErrInvalid    the reason is not valid
//	a [CountDiffersError] the number of viewers is not the confirmed one, see [billing.EndingConfirmed]
func (c Catalog) EndPlan(ctx context.Context, ref, reason string, confirmed int) (PlanEnd, error) {
	end, err := c.PreviewEnd(ctx, ref)
	if err = cmp.Or(err, billing.CheckReason(reason)); err != nil {
		return PlanEnd{}, err
	}
	if !billing.EndingConfirmed(confirmed, end.Viewers) {
		return PlanEnd{}, &CountDiffersError{confirmed, end.Viewers}
	}
	err = c.change(ctx, func(tx ports.Repos) (err error) {
		end.Plan, err = c.endPlan(ctx, tx, string(end.Plan.ID), strings.TrimSpace(reason), confirmed)
		return err
	})
	return end, wrap(err, "end plan %s", ref)
}

func (c Catalog) endPlan(ctx context.Context, tx ports.Repos, ref, reason string, viewers int) (billing.Plan, error) {
	before, err := tx.Plans.Lock(ctx, ref)
	if err != nil {
		return before, err
	}
	p, err := before.End(c.Clock.Now())
	if err != nil {
		return p, err
	}
	if err := tx.PlanEndings.Add(ctx, billing.PlanEnding{
		PlanID: p.ID, StartedAt: p.EndingAt, Author: c.By.Name, Reason: reason, From: c.By.From, Viewers: viewers,
	}); err != nil {
		return p, err
	}
	if err := tx.Plans.Save(ctx, p); err != nil {
		return p, err
	}
	after := planFacts(p)
	after["reason"], after["viewers"] = reason, strconv.Itoa(viewers)
	return p, c.audit(ctx, tx, PlanEnded, p.Code, planFacts(before), after)
}

// Ending returns the latest ending of a plan, or [billing.ErrNotFound] if it was never ended.
func (p Panel) Ending(ctx context.Context, by Operator, id billing.PlanID) (billing.PlanEnding, error) {
	if err := by.mayRead(); err != nil {
		return billing.PlanEnding{}, err
	}
	return p.Store.Views().PlanEnding(ctx, id)
}

// PlanEndTally counts the subscriptions that [Executor.EndPlans] ended.
type PlanEndTally struct {
	Cancelled int // at the end of their period
	Ended     int // at once
	Failed    int // could not be stored; they end when they are due
}

// EndPlans cancels the live subscriptions to plans that operators end. It works in small
// transactions, in the order of the users, and stores its progress with each of them. So a
// process that dies loses nothing and repeats nothing. It skips a plan that another process
// works on at the moment.
//
// One pass over the subscriptions is complete: an order share-locks its plan, so an order that
// was accepted is stored before the end of the plan is, and a later one is refused. A viewer
// cannot resume while the plan is being ended: see [ports.PlanEnding]. Restoring the plan
// stops the pass.
func (x Executor) EndPlans(ctx context.Context) (t PlanEndTally, err error) {
	var failed []error
	for ctx.Err() == nil {
		var page planPage
		err := x.Support.Store.InTx(ctx, func(tx ports.Repos) (err error) {
			page, err = x.endPage(ctx, tx)
			return err
		})
		if len(page.keys) > 0 && ports.ItemFault(err) {
			var faults []error
			page, faults, err = x.endEach(ctx, page)
			failed = append(failed, faults...)
		}
		if err != nil {
			return t, errors.Join(append(failed, err)...)
		}
		if page.none {
			break
		}
		t.Cancelled += page.after.Cancelled - page.before.Cancelled
		t.Ended += page.after.Ended - page.before.Ended
		t.Failed += page.after.Failed - page.before.Failed
	}
	return t, errors.Join(failed...)
}

// planPage is a page of the subscriptions to a plan that is being ended.
type planPage struct {
	none          bool // no plan is being ended, or other processes do it
	before, after billing.PlanEnding
	keys          []ports.SubscriptionKey
}

// endPage ends the next page of the oldest open ending, and stores the progress.
func (x Executor) endPage(ctx context.Context, tx ports.Repos) (planPage, error) {
	e, plan, err := tx.PlanEndings.LockOpen(ctx)
	if errors.Is(err, billing.ErrNotFound) {
		return planPage{none: true}, nil
	}
	if err != nil {
		return planPage{}, err
	}
	page, now := planPage{before: e, after: e}, x.Support.Clock.Now()
	if !e.Of(plan) {
		page.after = e.Done(now)
		return page, tx.PlanEndings.Save(ctx, page.after)
	}
	if page.keys, err = tx.PlanEndings.Next(ctx, e, rowsPerTx); err != nil {
		return page, err
	}
	if e, err = x.stopRenewals(ctx, tx, e, page.keys); err != nil {
		return page, err
	}
	page.after = page.passed(e, now)
	return page, tx.PlanEndings.Save(ctx, page.after)
}

// passed returns the ending after its page, which is the last one if it is not full.
func (p planPage) passed(e billing.PlanEnding, now time.Time) billing.PlanEnding {
	if len(p.keys) < rowsPerTx {
		return e.Done(now)
	}
	e.After = p.keys[len(p.keys)-1].User
	return e
}

// endEach ends a page with a faulty subscription, each subscription in a transaction of its
// own. It counts those that fail again, and returns their errors. It gives up before the
// progress is stored if all of several fail, because then the cause is not a subscription.
func (x Executor) endEach(ctx context.Context, page planPage) (_ planPage, faults []error, _ error) {
	for _, key := range page.keys {
		_, err := x.endAgain(ctx, page.before, func(tx ports.Repos, e billing.PlanEnding) (billing.PlanEnding, error) {
			return x.stopRenewals(ctx, tx, e, []ports.SubscriptionKey{key})
		})
		switch {
		case ports.ItemFault(err):
			faults = append(faults, fmt.Errorf("end the subscription of user %s to plan %s: %w", key.User, page.before.PlanID, err))
		case err != nil:
			return page, faults, err
		}
	}
	if len(faults) == len(page.keys) && len(faults) > 1 {
		return page, nil, errors.Join(faults...)
	}
	var err error
	page.after, err = x.endAgain(ctx, page.before, func(_ ports.Repos, e billing.PlanEnding) (billing.PlanEnding, error) {
		e.Failed += len(faults)
		return page.passed(e, x.Support.Clock.Now()), nil
	})
	return page, faults, err
}

// endAgain applies f to an ending that stands where it stood before, and stores the result. It
// does nothing if another process has continued it, or if the plan was restored.
func (x Executor) endAgain(ctx context.Context, before billing.PlanEnding, f func(ports.Repos, billing.PlanEnding) (billing.PlanEnding, error)) (billing.PlanEnding, error) {
	return ports.InTx(ctx, x.Support.Store, func(tx ports.Repos) (billing.PlanEnding, error) {
		e, plan, err := tx.PlanEndings.LockOpen(ctx)
		if errors.Is(err, billing.ErrNotFound) {
			return before, nil
		}
		if err != nil || e.PlanID != before.PlanID || !e.StartedAt.Equal(before.StartedAt) || e.After != before.After || !e.Of(plan) {
			return before, err
		}
		if e, err = f(tx, e); err != nil {
			return before, err
		}
		return e, tx.PlanEndings.Save(ctx, e)
	})
}

// stopRenewals ends the subscriptions, with events of the operator, and counts them.
func (x Executor) stopRenewals(ctx context.Context, tx ports.Repos, e billing.PlanEnding, keys []ports.SubscriptionKey) (billing.PlanEnding, error) {
	subs, err := tx.Subscriptions.Lock(ctx, keys...)
	if err != nil {
		return e, err
	}
	by, now := Operator{Name: e.Author, From: e.From}, x.Support.Clock.Now()
	var changed []billing.Subscription
	var events []billing.Event
	for _, s := range subs {
		var past, own []billing.Event
		if e, s, past, own = e.Stop(s, now); len(past)+len(own) == 0 {
			continue
		}
		by.sign(own, e.Reason, "")
		changed, events = append(changed, s), append(append(events, past...), own...)
	}
	ports.Identify(events, x.Support.NewID)
	if err := tx.Subscriptions.Save(ctx, changed...); err != nil {
		return e, err
	}
	return e, tx.Events.Append(ctx, events...)
}
