package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

var pageMethodCases = []testCase{
	{"gets its token later, even one that the viewer has linked", func(w *world) {
		linked := w.viewer()
		m := billing.NewPageMethod(newIDOf[billing.PaymentMethodID](), linked.UserID, system, noon)
		w.tx(func(ctx context.Context, tx ports.Repos) error { return tx.Methods.Add(ctx, m) })
		got, err := w.findMethod(m.UserID, m.ID)
		w.must(err)
		same(w, "method", got, m)
		for _, token := range []string{"tok_page", "tok_reissued"} {
			m.Token = billing.NewSecret(token)
			w.setToken(m)
			got, err := w.findMethod(m.UserID, m.ID)
			w.must(err)
			same(w, "method with a token", got, m)
		}
		twin := billing.NewPageMethod(newIDOf[billing.PaymentMethodID](), linked.UserID, system, noon)
		w.tx(func(ctx context.Context, tx ports.Repos) error { return tx.Methods.Add(ctx, twin) })
		twin.Token = linked.Token
		w.setToken(twin) // may be refused, but must not fail the transaction
		same(w, "linked method", w.link(newMethod(linked.UserID, linked.Token.Reveal())), linked)
	}},
}

var methodRemovalCases = []testCase{
	{"takes the methods of a card, and those with the same token", func(w *world) {
		c := w.card()
		saved, unsaved := w.savedMethod(c, "tok_saved"), w.cardMethod(c)
		twin, unrelated := w.link(newMethod(c.UserID, "tok_saved")), w.link(newMethod(c.UserID, "tok_mine"))
		other := newCard(c.UserID, 7)
		w.addCard(other)
		others := w.savedMethod(other, "tok_other")
		for range 2 { // a repeated removal takes the same methods
			w.wantRemoved(ofCard(c), saved, unsaved, twin)
		}
		w.wantKept(unrelated, others)
		w.setToken(saved)
		if got, err := w.findMethod(saved.UserID, saved.ID); err != nil || !got.Token.IsZero() {
			w.Errorf("a removed method got a token: %+v, %v", got, err)
		}
		fresh := newMethod(c.UserID, "tok_saved")
		same(w, "new method", w.link(fresh), fresh)
	}},
	{"takes one method, and those with the same token", func(w *world) {
		c := w.card()
		linked := w.link(newMethod(c.UserID, "tok_saved"))
		saved, unsaved := w.savedMethod(c, "tok_saved"), w.cardMethod(c)
		unrelated := w.link(newMethod(c.UserID, "tok_mine"))
		for range 2 {
			w.wantRemoved(ofMethod(linked), linked, saved)
		}
		w.wantRemoved(ofMethod(saved), linked, saved) // it was removed with the first
		w.wantKept(unsaved, unrelated)
		w.wantRemoved(ofMethod(unsaved), unsaved)
		w.wantKept(unrelated)
	}},
	{"of a card takes the methods that were removed with one of its methods", func(w *world) {
		c := w.card()
		saved, unsaved := w.savedMethod(c, "tok_saved"), w.cardMethod(c)
		twin := w.link(newMethod(c.UserID, "tok_saved"))
		w.wantRemoved(ofMethod(saved), saved, twin)
		for range 2 {
			w.wantRemoved(ofCard(c), saved, unsaved, twin)
		}
	}},
	{"leaves the same token at another payment system, and of another user", func(w *world) {
		linked := w.viewer()
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			return tx.PaymentSystems.Add(ctx, billing.PaymentSystem{Code: "other", Name: "Other", CreatedAt: noon})
		})
		elsewhere := newMethod(linked.UserID, linked.Token.Reveal())
		elsewhere.PaymentSystem = "other"
		w.tx(func(ctx context.Context, tx ports.Repos) error { return tx.Methods.Add(ctx, elsewhere) })
		theirs := w.viewer()
		w.wantRemoved(ofMethod(linked), linked)
		w.wantKept(elsewhere, theirs)
	}},
	{"takes nothing that is unknown, or another user's", func(w *world) {
		linked, other := w.viewer(), w.viewer()
		c := w.card()
		saved := w.savedMethod(c, "tok_saved")
		w.wantRemoved(ports.MethodRemoval{User: linked.UserID, Method: newIDOf[billing.PaymentMethodID]()})
		w.wantRemoved(ports.MethodRemoval{User: other.UserID, Method: linked.ID})
		w.wantRemoved(ports.MethodRemoval{User: other.UserID, Card: c.ID})
		w.wantKept(linked, other, saved)
	}},
	{"waits for a transaction that uses the method", func(w *world) {
		linked := w.viewer()
		w.must(w.wantBlocked(
			func(ctx context.Context, tx ports.Repos) error {
				_, err := tx.Methods.Find(ctx, linked.UserID, linked.ID)
				return err
			},
			func(ctx context.Context, tx ports.Repos) error {
				_, err := tx.Methods.LockForRemoval(ctx, ofMethod(linked))
				return err
			}))
	}},
	{"takes the methods with a token that it has waited for", func(w *world) {
		c := w.card()
		saved, twin := w.savedMethod(c, "tok_first"), w.link(newMethod(c.UserID, "tok_second"))
		saved.Token = twin.Token
		w.must(w.wantBlocked(
			func(ctx context.Context, tx ports.Repos) error {
				if err := tx.Methods.SetToken(ctx, saved.UserID, saved.ID, saved.Token); err != nil {
					return err
				}
				_, err := tx.Methods.Find(ctx, saved.UserID, saved.ID) // executes the change, which a store may queue until then
				return err
			},
			func(ctx context.Context, tx ports.Repos) error {
				got, err := tx.Methods.LockForRemoval(ctx, ofCard(c))
				same(w, "methods", got, []billing.PaymentMethod{saved, twin})
				return err
			}))
	}},
	{"takes the methods that the removal before it has taken", func(w *world) {
		c := w.card()
		saved, twin := w.savedMethod(c, "tok_saved"), w.link(newMethod(c.UserID, "tok_saved"))
		w.must(w.wantBlocked(
			func(ctx context.Context, tx ports.Repos) error {
				_, err := removeMethods(ctx, tx, ofMethod(saved))
				return err
			},
			func(ctx context.Context, tx ports.Repos) error {
				got, err := tx.Methods.LockForRemoval(ctx, ofMethod(twin))
				same(w, "methods", got, []billing.PaymentMethod{saved.Remove(removalTime), twin.Remove(removalTime)})
				return err
			}))
	}},
}

var chargeableMethodCases = []testCase{
	{"have a pending payment in its send window, or with an action", func(w *world) {
		for name, c := range map[string]struct {
			send            time.Duration
			action, settled bool
			want            bool
		}{
			"in its send window":            {send: time.Hour, want: true},
			"settled":                       {send: time.Hour, settled: true},
			"send window over":              {},
			"send window over, an action":   {action: true, want: true},
			"settled after an action":       {action: true, settled: true},
			"in its send window, an action": {send: time.Hour, action: true, want: true},
		} {
			m := w.viewer()
			d := w.subscribeWith(m, c.send, noon)
			if c.action {
				d = w.settle(d, billing.PaymentPending, noon)
			}
			if c.settled {
				w.settle(d, billing.PaymentDeclined, noon)
			}
			for range 2 { // the second time with the method removed
				same(w, name, w.mayBeCharged(m.UserID, newIDOf[billing.PaymentMethodID](), m.ID), c.want)
				w.wantRemoved(ofMethod(m), m)
			}
		}
	}},
	{"are those of the payment and of its user only", func(w *world) {
		m, other := w.viewer(), w.viewer()
		unused := w.link(newMethod(m.UserID, "tok_unused"))
		w.subscribeWith(m, time.Hour, noon)
		same(w, "the method of the payment", w.mayBeCharged(m.UserID, m.ID), true)
		same(w, "another method", w.mayBeCharged(m.UserID, unused.ID), false)
		same(w, "another user", w.mayBeCharged(other.UserID, m.ID, other.ID), false)
		same(w, "no method", w.mayBeCharged(m.UserID), false)
	}},
}

var methodViewCases = []testCase{
	{"show the card, a pending payment, and no removed method", func(w *world) {
		c := w.card()
		pending, settled, saved := w.cardMethod(c), w.cardMethod(c), w.savedMethod(c, "tok_saved")
		linked, gone := w.link(newMethod(c.UserID, "tok_mine")), w.link(newMethod(c.UserID, "tok_gone"))
		w.subscribeWith(pending, 0, noon)
		w.settle(w.subscribeWith(settled, 0, noon), billing.PaymentDeclined, noon)
		w.subscribeWith(linked, time.Hour, noon)
		w.wantRemoved(ofMethod(gone), gone)
		w.wantMethods(c.UserID, ports.Page{Limit: 10},
			ports.MethodView{PaymentMethod: linked, Charging: true},
			ports.MethodView{PaymentMethod: saved, Brand: c.Brand, Last4: c.Last4},
			ports.MethodView{PaymentMethod: settled, Brand: c.Brand, Last4: c.Last4},
			ports.MethodView{PaymentMethod: pending, Brand: c.Brand, Last4: c.Last4, Charging: true},
			ports.MethodView{PaymentMethod: w.firstMethod(c)})
	}},
	{"come in pages, newest first, of one user", func(w *world) {
		gone, other := w.viewer(), w.viewer()
		user := gone.UserID
		var all []ports.MethodView
		w.wantRemoved(ofMethod(gone), gone)
		for i := range 5 {
			all = append(all, ports.MethodView{PaymentMethod: w.link(newMethod(user, fmt.Sprint("tok_new_", i)))})
		}
		slices.Reverse(all)
		w.wantMethods(user, ports.Page{Limit: 10}, all...)
		w.wantMethods(user, ports.Page{Limit: 2}, all[:2]...)
		w.wantMethods(user, ports.Page{Limit: 2, Before: string(all[1].ID)}, all[2:4]...)
		w.wantMethods(user, ports.Page{Limit: 2, Before: string(all[4].ID)})
		w.wantMethods(other.UserID, ports.Page{Limit: 2}, ports.MethodView{PaymentMethod: other})
	}},
}

var linkedMethodCases = []testCase{
	{"are counted by the time they were added, removed ones too", func(w *world) {
		c := w.card()
		w.cardMethod(c)
		var times []time.Time
		for i := range 4 {
			m := newMethod(c.UserID, fmt.Sprint("tok_new_", i))
			m.CreatedAt = noon.Add(time.Duration(i+1) * time.Minute)
			w.link(m)
			if i == 2 {
				w.wantRemoved(ofMethod(m), m)
			}
			times = append([]time.Time{m.CreatedAt}, times...)
		}
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			got, err := tx.CardLimits.Linked(ctx, c.UserID, times[3], 10)
			sameList(w, "later than the first", got, times[:3])
			two, err2 := tx.CardLimits.Linked(ctx, c.UserID, noon.Add(-time.Second), 2)
			sameList(w, "the newest two", two, times[:2])
			none, err3 := tx.CardLimits.Linked(ctx, newIDOf[billing.UserID](), noon.Add(-time.Second), 2)
			sameList(w, "of another user", none, nil)
			return errors.Join(err, err2, err3)
		})
	}},
}

func ofCard(c billing.Card) ports.MethodRemoval {
	return ports.MethodRemoval{User: c.UserID, Card: c.ID}
}

func ofMethod(m billing.PaymentMethod) ports.MethodRemoval {
	return ports.MethodRemoval{User: m.UserID, Method: m.ID}
}

// removalTime is when the methods are removed.
var removalTime = noon.Add(time.Hour)

// removeMethods removes methods and returns them as LockForRemoval did.
func removeMethods(ctx context.Context, tx ports.Repos, r ports.MethodRemoval) ([]billing.PaymentMethod, error) {
	list, err := tx.Methods.LockForRemoval(ctx, r)
	if err != nil {
		return nil, err
	}
	var removed []billing.PaymentMethod
	for _, m := range list {
		if m.RemovedAt.IsZero() {
			removed = append(removed, m.Remove(removalTime))
		}
	}
	return list, tx.Methods.Remove(ctx, r, removed...)
}

// wantRemoved removes methods. It expects that they are these methods, and that they have
// no token afterwards.
func (w *world) wantRemoved(r ports.MethodRemoval, want ...billing.PaymentMethod) {
	w.Helper()
	var got, ids []billing.PaymentMethodID
	w.tx(func(ctx context.Context, tx ports.Repos) error {
		list, err := removeMethods(ctx, tx, r)
		for _, m := range list {
			got = append(got, m.ID)
		}
		return err
	})
	for _, m := range want {
		ids = append(ids, m.ID)
		stored, err := w.findMethod(m.UserID, m.ID)
		w.must(err)
		same(w, "removed method", stored, m.Remove(removalTime))
	}
	slices.Sort(ids) // ids grow with time
	sameList(w, "removed methods", got, ids)
}

// firstMethod returns the method that the card's viewer had before the card.
func (w *world) firstMethod(c billing.Card) billing.PaymentMethod {
	w.Helper()
	return w.link(newMethod(c.UserID, "tok_1"))
}

func (w *world) wantMethods(user billing.UserID, p ports.Page, want ...ports.MethodView) {
	w.Helper()
	got, err := w.Store.Views().Methods(w.Context(), user, p)
	w.must(err)
	sameList(w, "methods", got, want)
}

// wantKept expects that the methods are stored unchanged.
func (w *world) wantKept(methods ...billing.PaymentMethod) {
	w.Helper()
	for _, m := range methods {
		stored, err := w.findMethod(m.UserID, m.ID)
		w.must(err)
		same(w, "kept method", stored, m)
	}
}

// savedMethod stores a method of a card, with a token.
func (w *world) savedMethod(c billing.Card, token string) billing.PaymentMethod {
	w.Helper()
	m := w.cardMethod(c)
	m.Token = billing.NewSecret(token)
	w.setToken(m)
	return m
}

func (w *world) mayBeCharged(user billing.UserID, ids ...billing.PaymentMethodID) (may bool) {
	w.Helper()
	w.tx(func(ctx context.Context, tx ports.Repos) (err error) {
		may, err = tx.Methods.MayBeCharged(ctx, user, ids...)
		return err
	})
	return may
}
