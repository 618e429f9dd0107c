package storetest

import (
	"context"
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
