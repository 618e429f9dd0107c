package storetest

import (
	"cmp"
	"context"
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
