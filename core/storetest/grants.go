package storetest

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

var grantCases = []testCase{
	{"are stored", func(w *world) {
		d := w.paid()
		second, first := d.grant("march"), d.grant("february")
		first.Period.Start = first.Period.Start.Add(-time.Hour)
		first.Reason = "пять дней без картинки"
		w.must(w.addGrant(second))
		w.must(w.addGrant(first))
		same(w, "grants", w.grantsOf(d.pay.UserID), []billing.Grant{first, second})
		sameList(w, "grants of another user", w.grantsOf(newIDOf[billing.UserID]()), nil)
	}},
	{"are refused from a source that has given already", func(w *world) {
		d := w.paid()
		g := d.grant("incident 42")
		w.must(w.addGrant(g))
		w.wantErr(w.addGrant(d.grant("incident 42")), billing.ErrAlreadyGiven)
		same(w, "grants", w.grantsOf(d.pay.UserID), []billing.Grant{g})
		w.must(w.addGrant(w.paid().grant("incident 42"))) // of another viewer
	}},
	{"move the dates of their subscriptions, and nothing else", func(w *world) {
		active, held, other := w.paid(), w.paid(), w.paid()
		held.sub.Status, held.sub.Hold, held.sub.NextChargeAt = billing.StatusPastDue, billing.CardExpired, time.Time{}
		held.sub.PastDueSince, held.sub.GraceUntil = noon, noon.Add(time.Hour)
		w.save(held)
		var given []ports.Given
		for i, d := range []*purchase{&active, &held} {
			sub, g, _, err := d.sub.Give(billing.GrantRequest{
				ID: newIDOf[billing.GrantID](), Days: (1 - i) * 3, Source: "incident 42", By: "anna", Reason: "no picture",
			}, billing.Calendar{}, noon)
			w.must(err)
			given, d.sub = append(given, ports.Given{Subscription: sub, Grant: g}), sub
		}
		w.must(w.try(func(ctx context.Context, tx ports.Repos) error { return tx.Grants.Give(ctx, given...) }))
		for i, d := range []purchase{active, held} {
			same(w, "subscription", w.locked(d).sub, d.sub)
			same(w, "grants", w.grantsOf(d.sub.UserID), []billing.Grant{given[i].Grant})
		}
		same(w, "another subscription", w.locked(other).sub, other.sub)
		again := given[1]
		again.Grant.ID = newIDOf[billing.GrantID]()
		w.wantErr(w.try(func(ctx context.Context, tx ports.Repos) error { return tx.Grants.Give(ctx, again) }), billing.ErrAlreadyGiven)
		w.wantErr(w.try(func(ctx context.Context, tx ports.Repos) error {
			stranger := ports.Given{Subscription: other.sub, Grant: other.grant("incident 42")}
			stranger.Grant.SubscriptionID = newIDOf[billing.SubscriptionID]()
			return tx.Grants.Give(ctx, stranger)
		}), ports.ErrChanged)
	}},
	{"begin a subscription without a payment", func(w *world) {
		sub, events := w.given(3)
		for name, at := range map[string]time.Time{"live": noon, "over": sub.Current.End} {
			want, _ := sub.At(at)
			v, err := w.Store.Views().Subscription(w.Context(), sub.UserID, "basic")
			w.must(err)
			v.Subscription, _ = v.At(at)
			same(w, name, v, ports.SubscriptionView{Subscription: want, Features: w.plan.Features})
		}
		list, err := w.Store.Views().Subscriptions(w.Context(), sub.UserID, ports.Page{Limit: 10})
		w.must(err)
		same(w, "list", list, []ports.SubscriptionView{{Subscription: sub, Features: w.plan.Features}})
		live, err := w.Store.Views().LiveSubscriptionsOf(w.Context(), sub.UserID)
		w.must(err)
		same(w, "live subscriptions", live, []ports.LiveSubscription{{Subscription: sub, Features: w.plan.Features}})
		same(w, "locked subscription", w.lockedSub(sub), sub)
		same(w, "grants", len(w.grantsOf(sub.UserID)), 1)
		history, err := w.Store.Views().Events(w.Context(), sub.UserID, ports.Page{Limit: 10})
		w.must(err)
		same(w, "history", history, events)
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			n, err := tx.Plans.Subscribers(ctx, w.plan.ID)
			same(w, "subscribers", n, 1)
			return err
		})
	}},
	{"append time to a given subscription, and no charge", func(w *world) {
		sub, _ := w.given(3)
		more, g, _, err := sub.Give(billing.GrantRequest{ID: newIDOf[billing.GrantID](), Source: "more", By: "anna", Reason: "no picture"}, billing.Calendar{}, noon)
		w.must(err)
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			return tx.Grants.Give(ctx, ports.Given{Subscription: more, Grant: g})
		})
		same(w, "subscription", w.lockedSub(sub), more)
	}},
	{"exclude a second live subscription of the group", func(w *world) {
		sub, _ := w.given(3)
		second := sub
		second.ID = newIDOf[billing.SubscriptionID]()
		w.wantErr(w.try(func(ctx context.Context, tx ports.Repos) error { return tx.Subscriptions.Add(ctx, second) }), billing.ErrAlreadySubscribed)
	}},
	{"begin subscriptions that are never due and end when they are over", func(w *world) {
		sub, _ := w.given(3)
		longer, _ := w.given(5)
		sameList(w, "due", w.viewDue(ports.DueQuery{Now: allDue}), nil)
		over := func(now time.Time) (locked []billing.Subscription) {
			w.tx(func(ctx context.Context, tx ports.Repos) (err error) {
				due, err := tx.Due.LockDue(ctx, ports.DueQuery{Now: now, Systems: []string{"", system}, Limit: 10})
				w.must(err)
				sameList(w, "locked as due", due, nil)
				locked, err = tx.Due.LockOver(ctx, now, 10)
				return err
			})
			var viewed []billing.Subscription
			w.must(w.Store.Views().Over(w.Context(), now, func(s billing.Subscription) error { viewed = append(viewed, s); return nil }))
			sameList(w, "viewed and locked", viewed, locked)
			return locked
		}
		sameList(w, "a moment before the end", over(sub.Current.End.Add(-time.Microsecond)), nil)
		sameList(w, "at the end", over(sub.Current.End), []billing.Subscription{sub})
		sub, _ = sub.At(sub.Current.End)
		w.tx(func(ctx context.Context, tx ports.Repos) error { return tx.Subscriptions.Save(ctx, sub) })
		sameList(w, "later", over(longer.Current.End), []billing.Subscription{longer})
	}},
	{"tell which users have one from a source", func(w *world) {
		with, without := w.paid(), w.paid()
		w.must(w.addGrant(with.grant("incident 42")))
		w.must(w.addGrant(without.grant("incident 43")))
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			got, err := tx.Grants.GivenTo(ctx, "incident 42", with.sub.UserID, without.sub.UserID, newIDOf[billing.UserID]())
			sameList(w, "users", got, []billing.UserID{with.sub.UserID})
			return err
		})
	}},
	{"have the live subscriptions of a plan as candidates, by user", func(w *world) {
		var want []ports.GrantCandidate
		for range 5 {
			want = append(want, ports.GrantCandidate{Subscription: w.paid().sub})
		}
		w.subscribeFor(w.viewer(), w.addPlan("plus"), 0)
		w.settle(w.subscribe(0), billing.PaymentDeclined, noon) // has ended
		want[1].Given = true
		w.must(w.addGrant(purchase{sub: want[1].Subscription, pay: billing.Payment{UserID: want[1].UserID}}.grant("incident 42")))
		slices.SortFunc(want, func(a, b ports.GrantCandidate) int { return cmp.Compare(a.UserID, b.UserID) })
		q := ports.GrantQuery{Plan: w.plan.ID, Source: "incident 42", Within: billing.Period{Start: noon, End: noon.Add(time.Hour)}, Limit: 10}
		same(w, "all", w.candidates(q), want)
		q.Limit = 2
		same(w, "first page", w.candidates(q), want[:2])
		q.After = want[1].UserID
		same(w, "second page", w.candidates(q), want[2:4])
		q.After = want[4].UserID
		sameList(w, "after the last", w.candidates(q), nil)
	}},
	{"say of a candidate whether an earlier subscription gave access", func(w *world) {
		d := w.paid()
		d.sub.Status, d.sub.NextChargeAt, d.sub.EndedAt = billing.StatusEnded, time.Time{}, noon.Add(2*time.Hour)
		w.save(d)
		m := w.viewer()
		m.ID, m.UserID = d.sub.MethodID, d.sub.UserID
		again := w.subscribeFor(m, w.plan, 0)
		for name, c := range map[string]struct {
			from, to time.Duration
			want     bool
		}{
			"before its start": {-time.Hour, 0, false},
			"at its start":     {-time.Hour, time.Second, true},
			"at its end":       {2*time.Hour - time.Second, 3 * time.Hour, true},
			"after its end":    {2 * time.Hour, 3 * time.Hour, false},
		} {
			within := billing.Period{Start: noon.Add(c.from), End: noon.Add(c.to)}
			got := w.candidates(ports.GrantQuery{Plan: w.plan.ID, Source: "x", Within: within, Limit: 10})
			same(w, name, got, []ports.GrantCandidate{{Subscription: again.sub, Earlier: c.want}})
			same(w, name+", by the rule", d.sub.AccessWithin(within, time.Hour), c.want)
		}
	}},
}

// given gives the plan of the world to a new user.
func (w *world) given(days int) (billing.Subscription, []billing.Event) {
	w.Helper()
	user := newIDOf[billing.UserID]()
	sub, g, events, err := w.plan.GiveNew(newIDOf[billing.SubscriptionID](), user, nil, billing.GrantRequest{
		ID: newIDOf[billing.GrantID](), Days: days, Source: "ticket 4711", By: "anna", Reason: "no picture",
	}, billing.Calendar{}, noon)
	w.must(err)
	ports.Identify(events, newID)
	w.tx(func(ctx context.Context, tx ports.Repos) error {
		return errors.Join(tx.Users.Seen(ctx, noon, user), tx.Subscriptions.Add(ctx, sub), tx.Grants.Add(ctx, g), tx.Events.Append(ctx, events...))
	})
	return sub, events
}

// lockedSub returns the stored subscription.
func (w *world) lockedSub(s billing.Subscription) billing.Subscription {
	w.Helper()
	var list []billing.Subscription
	w.tx(func(ctx context.Context, tx ports.Repos) (err error) {
		list, err = tx.Subscriptions.Lock(ctx, ports.SubscriptionKey{User: s.UserID, ID: s.ID})
		return err
	})
	if len(list) != 1 {
		w.Fatalf("found %d subscriptions, want one", len(list))
	}
	return list[0]
}

func (w *world) candidates(q ports.GrantQuery) []ports.GrantCandidate {
	w.Helper()
	list, err := w.Store.Views().GrantCandidates(w.Context(), q)
	w.must(err)
	return list
}

func (d purchase) grant(source string) billing.Grant {
	return billing.Grant{
		ID: newIDOf[billing.GrantID](), UserID: d.pay.UserID, SubscriptionID: d.sub.ID,
		Period: billing.Period{Start: noon, End: noon.Add(24 * time.Hour)},
		Source: source, By: "anna", Reason: "no picture", CreatedAt: noon,
	}
}

func (w *world) addGrant(g billing.Grant) error {
	return w.Store.InTx(w.Context(), func(tx ports.Repos) error { return tx.Grants.Add(w.Context(), g) })
}

func (w *world) grantsOf(user billing.UserID) (list []billing.Grant) {
	w.tx(func(ctx context.Context, tx ports.Repos) (err error) {
		list, err = tx.Grants.Of(ctx, user)
		return err
	})
	return list
}
