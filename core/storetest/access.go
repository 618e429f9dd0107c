package storetest

import (
	"cmp"
	"context"
	"slices"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

var accessCases = []testCase{
	{"has the live subscriptions of the users, with their subjects", func(w *world) {
		a, b := w.subscribePaid(), w.subscribePaid()
		w.subscribePaid() // of another user
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			return tx.Users.Identify(ctx, noon, billing.User{ID: a.sub.UserID, Subject: "auth0|1"})
		})
		unknown := newIDOf[billing.UserID]()
		list, err := w.Store.Views().LiveSubscriptionsOf(w.Context(), b.sub.UserID, unknown, a.sub.UserID, b.sub.UserID)
		w.must(err)
		slices.SortFunc(list, func(x, y ports.LiveSubscription) int { return cmp.Compare(x.ID, y.ID) })
		want := func(d purchase, subject string) ports.LiveSubscription {
			live, err := w.Store.Views().LiveSubscriptions(w.Context(), d.sub.UserID)
			w.must(err)
			return ports.LiveSubscription{Subscription: live[0].Subscription, Features: live[0].Features, Subject: subject}
		}
		same(w, "live subscriptions", list, []ports.LiveSubscription{want(a, "auth0|1"), want(b, "")})
		none, err := w.Store.Views().LiveSubscriptionsOf(w.Context(), unknown)
		w.must(err)
		same(w, "subscriptions of an unknown user", len(none), 0)
	}},
	{"knows the subjects of registered users", func(w *world) {
		d, bare := w.subscribe(0), w.subscribe(0)
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			return tx.Users.Identify(ctx, noon, billing.User{ID: d.sub.UserID, Subject: "auth0|1"})
		})
		for user, want := range map[billing.UserID]string{d.sub.UserID: "auth0|1", bare.sub.UserID: ""} {
			subject, err := w.Store.Views().Subject(w.Context(), user)
			w.must(err)
			same(w, "subject", subject, want)
		}
		_, err := w.Store.Views().Subject(w.Context(), newIDOf[billing.UserID]())
		w.wantErr(err, billing.ErrNotFound)
	}},
}
