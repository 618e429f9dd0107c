package storetest

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

var planEndingCases = map[string]func(*panelWorld){
	"are stored with their plan, once a moment": func(w *panelWorld) {
		_, err := w.Store.Views().PlanEnding(w.Context(), w.plan.ID)
		w.wantErr(err, billing.ErrNotFound)
		e := w.endPlan(noon)
		w.wantEnding(e)
		w.wantErr(w.as(w.h.Owner, func(ctx context.Context, tx ports.Repos) error { return tx.PlanEndings.Add(ctx, e) }), billing.ErrAlreadyExists)
		w.saveAsOwner(w.plan.Restore(noon.Add(time.Hour)))
		w.wantEnding(e)
		w.wantEnding(w.endPlan(noon.Add(2 * time.Hour)))
	},
	"are found from the oldest on, with their plan": func(w *panelWorld) {
		w.wantOpen(billing.PlanEnding{}, billing.Plan{})
		older := w.endPlan(noon)
		ending := w.plan
		w.plan = w.addPlan("plus")
		newer := w.endPlan(noon.Add(time.Minute))
		w.wantOpen(older, ending)
		w.must(w.progress(older.Done(noon.Add(time.Hour))))
		w.wantOpen(newer, w.plan)
		restored := w.plan.Restore(noon.Add(time.Hour))
		w.saveAsOwner(restored)
		w.wantOpen(newer, restored)
	},
	"store their progress, and are done once": func(w *panelWorld) {
		e := w.endPlan(noon)
		e.After, e.Cancelled, e.Ended, e.Failed = newIDOf[billing.UserID](), 1, 2, 3
		w.must(w.progress(e))
		w.wantEnding(e)
		e = e.Done(noon.Add(time.Hour))
		w.must(w.progress(e))
		w.wantEnding(e)
		w.refuses("progress of an ending that is done", w.progress(e))
	},
	"list the live subscriptions in the order of the users": func(w *panelWorld) {
		live := []purchase{w.paid(), w.subscribe(0), w.paid()}
		live[2].sub.CancelAtPeriodEnd = true
		w.save(live[2])
		w.settle(w.subscribe(0), billing.PaymentDeclined, noon)
		w.subscribeFor(w.viewer(), w.addPlan("plus"), 0)
		slices.SortFunc(live, func(a, b purchase) int { return strings.Compare(string(a.sub.UserID), string(b.sub.UserID)) })
		e := w.endPlan(noon)
		for _, limit := range []int{1, 2, 3, 4} {
			w.wantNext(e, limit, live[:min(limit, len(live))]...)
		}
		e.After = live[1].sub.UserID
		w.wantNext(e, 5, live[2])
		e.After = live[2].sub.UserID
		w.wantNext(e, 5)
	},
	"make the restoring of their plan wait": func(w *panelWorld) {
		w.endPlan(noon)
		restored := w.plan.Restore(noon.Add(time.Hour))
		owner := &world{T: w.T, Harness: Harness{Store: w.h.Owner}}
		w.must(owner.wantBlocked(
			func(ctx context.Context, tx ports.Repos) error {
				_, _, err := tx.PlanEndings.LockOpen(ctx)
				return err
			},
			func(ctx context.Context, tx ports.Repos) error { return tx.Plans.Save(ctx, restored) }))
	},
	"keep their plan from being deleted": func(w *panelWorld) {
		w.endPlan(noon)
		w.wantErr(w.as(w.h.Owner, func(ctx context.Context, tx ports.Repos) error { return tx.Plans.Remove(ctx, w.plan.ID) }), ports.ErrInUse)
	},
	"are announced with the subscriptions that renew": func(w *panelWorld) {
		w.wantRenewing(ports.Renewing{})
		first, last, cancelled := w.renewsAt(w.plan, noon.Add(aDay)), w.renewsAt(w.plan, noon.Add(3*aDay)), w.renewsAt(w.plan, noon.Add(9*aDay))
		w.renewsAt(w.plan, noon.Add(2*aDay))
		cancelled.sub.CancelAtPeriodEnd = true
		w.save(cancelled)
		w.settle(w.subscribe(0), billing.PaymentDeclined, noon)
		w.subscribeFor(w.viewer(), w.addPlan("plus"), 0)
		w.wantRenewing(ports.Renewing{Viewers: 3, FirstEnd: first.sub.Current.End, LastEnd: last.sub.Current.End})
	},
	"show in each subscription": showsEnding,
	"announce no renewal, and hold none back": func(w *panelWorld) {
		due := noon.Add(aDay)
		d := w.renewsAt(w.plan, noon.Add(time.Hour))
		w.endPlan(noon)
		if batch, err := w.remind(ports.ReminderQuery{Reason: billing.ReminderLaw, Rules: noticeRules, Now: noon}, 10); err != nil || batch.Made != 0 {
			w.Errorf("reminded %+v, %v, want none", batch, err)
		}
		q := ports.DueQuery{Now: due, Systems: []string{system}, Limit: 10, NoticeBy: noon}
		want := []billing.SubscriptionID{d.sub.ID}
		same(w.world, "locked", idsOf(w.lockDue(q)), want)
		same(w.world, "viewed", idsOf(w.viewDue(q)), want)
		n, err := w.Store.Views().CountDue(w.Context(), q)
		if w.must(err); n != 1 {
			w.Errorf("%d are due, want 1", n)
		}
		sameList(w.world, "waiting", w.waiting(q), nil)
	},
}

// showsEnding reads a subscription in every way before and after its plan is ended.
func showsEnding(w *panelWorld) {
	m := w.viewer()
	d := w.settle(w.subscribeFor(m, w.plan, 0), billing.PaymentSucceeded, noon)
	held := w.paid()
	held.sub.Status, held.sub.Hold, held.sub.NextChargeAt = billing.StatusPastDue, billing.CardExpired, time.Time{}
	held.sub.PastDueSince, held.sub.GraceUntil = noon, noon.Add(time.Hour)
	w.save(held)
	views, u := w.Store.Views(), d.sub.UserID
	due := ports.DueQuery{Now: allDue, Systems: []string{system}, Limit: 10}
	ctx := w.Context()
	inTx := func(read func(tx ports.Repos) (billing.Subscription, error)) func() (billing.Subscription, error) {
		return func() (billing.Subscription, error) { return ports.InTx(ctx, w.Store, read) }
	}
	reads := map[string]func() (billing.Subscription, error){
		"by reference": inTx(func(tx ports.Repos) (billing.Subscription, error) {
			return tx.Subscriptions.Named(ctx, u, "basic")
		}),
		"locked": inTx(func(tx ports.Repos) (billing.Subscription, error) {
			return first(tx.Subscriptions.Lock(ctx, d.subKey()))
		}),
		"at an order": inTx(func(tx ports.Repos) (billing.Subscription, error) {
			f, err := tx.Checkout.Take(ctx, ports.CheckoutQuery{User: u, Plan: "basic"})
			one, err := first(f, err)
			if err != nil {
				return billing.Subscription{}, err
			}
			return first(one.Live, nil)
		}),
		"due": inTx(func(tx ports.Repos) (billing.Subscription, error) {
			list, err := tx.Due.LockDue(ctx, due)
			one, err := first(list, err)
			return one.Subscription, err
		}),
		"over": inTx(func(tx ports.Repos) (billing.Subscription, error) {
			return first(tx.Due.LockOver(ctx, allDue, 10))
		}),
		"view": func() (billing.Subscription, error) {
			v, err := views.Subscription(ctx, u, "basic")
			return v.Subscription, err
		},
		"list of the viewer": func() (billing.Subscription, error) {
			one, err := first(views.Subscriptions(ctx, u, ports.Page{Limit: 1}))
			return one.Subscription, err
		},
		"live ones of viewers": func() (billing.Subscription, error) {
			one, err := first(views.LiveSubscriptionsOf(ctx, u))
			return one.Subscription, err
		},
		"candidate for a grant": func() (billing.Subscription, error) {
			one, err := first(views.GrantCandidates(ctx, ports.GrantQuery{Plan: w.plan.ID, Limit: 1}))
			return one.Subscription, err
		},
		"view of due ones": func() (billing.Subscription, error) {
			one, err := first(w.viewDue(due), nil)
			return one.Subscription, err
		},
		"view of those over": func() (one billing.Subscription, _ error) {
			err := views.Over(ctx, allDue, func(s billing.Subscription) error { one = s; return nil })
			return one, err
		},
	}
	for _, ended := range []bool{false, true} {
		if ended {
			w.endPlan(noon)
		}
		for name, read := range reads {
			s, err := read()
			if w.must(err); s.PlanID != w.plan.ID || s.PlanEnding != ended {
				w.Errorf("%s: the subscription is %+v, want that its plan is being ended: %v", name, s, ended)
			}
		}
	}
}

// first returns the first item of a list, or the zero value.
func first[T any](list []T, err error) (one T, _ error) {
	if len(list) > 0 {
		one = list[0]
	}
	return one, err
}

// endPlan stores the end of the plan of w, which the owner decides.
func (w *panelWorld) endPlan(at time.Time) billing.PlanEnding {
	w.Helper()
	p, err := w.plan.Restore(at).End(at)
	w.must(err)
	e := billing.PlanEnding{PlanID: p.ID, StartedAt: at, Author: "anna", Reason: "права кончились", From: "192.0.2.1", Viewers: 3}
	w.must(w.as(w.h.Owner, func(ctx context.Context, tx ports.Repos) error {
		if err := tx.PlanEndings.Add(ctx, e); err != nil {
			return err
		}
		return tx.Plans.Save(ctx, p)
	}))
	w.plan = p
	return e
}

func (w *panelWorld) saveAsOwner(p billing.Plan) {
	w.Helper()
	w.must(w.as(w.h.Owner, func(ctx context.Context, tx ports.Repos) error { return tx.Plans.Save(ctx, p) }))
}

func (w *panelWorld) progress(e billing.PlanEnding) error {
	return w.try(func(ctx context.Context, tx ports.Repos) error { return tx.PlanEndings.Save(ctx, e) })
}

func (w *panelWorld) wantEnding(want billing.PlanEnding) {
	w.Helper()
	got, err := w.Store.Views().PlanEnding(w.Context(), want.PlanID)
	w.must(err)
	same(w.world, "the latest ending", got, want)
}

// wantOpen expects the oldest open ending, or none if e is zero.
func (w *panelWorld) wantOpen(e billing.PlanEnding, p billing.Plan) {
	w.Helper()
	w.tx(func(ctx context.Context, tx ports.Repos) error {
		got, plan, err := tx.PlanEndings.LockOpen(ctx)
		if e == (billing.PlanEnding{}) {
			w.wantErr(err, billing.ErrNotFound)
			return nil
		}
		same(w.world, "the open ending", got, e)
		same(w.world, "its plan", plan, p)
		return err
	})
}

func (w *panelWorld) wantNext(e billing.PlanEnding, limit int, want ...purchase) {
	w.Helper()
	var keys []ports.SubscriptionKey
	for _, d := range want {
		keys = append(keys, d.subKey())
	}
	w.tx(func(ctx context.Context, tx ports.Repos) error {
		got, err := tx.PlanEndings.Next(ctx, e, limit)
		sameList(w.world, "the next subscriptions", got, keys)
		return err
	})
}

func (w *panelWorld) wantRenewing(want ports.Renewing) {
	w.Helper()
	got, err := w.Store.Views().Renewing(w.Context(), w.plan.ID)
	w.must(err)
	same(w.world, "the renewing subscriptions", got, want)
}
