package storetest

import (
	"context"
	"errors"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

var cardCases = []testCase{
	{"keep every field", func(w *world) {
		c := w.card()
		same(w, "card", w.findCard(c), c)
		same(w, "card by fingerprint", w.sameCard(c), c)
		list, err := w.Store.Views().Cards(w.Context(), c.UserID, ports.Page{Limit: 10})
		w.must(err)
		sameList(w, "cards", list, []billing.Card{c})
	}},
	{"are found by their own user only", func(w *world) {
		c, otherUser := w.card(), w.viewer().UserID
		for _, key := range []ports.SubscriptionKey{{User: otherUser, ID: billing.SubscriptionID(c.ID)}, {User: c.UserID, ID: newIDOf[billing.SubscriptionID]()}} {
			err := w.try(func(ctx context.Context, tx ports.Repos) error {
				_, err := tx.Cards.Find(ctx, key.User, billing.CardID(key.ID))
				_, err2 := tx.Cards.Lock(ctx, key.User, billing.CardID(key.ID))
				return errors.Join(err, err2)
			})
			w.wantErr(err, billing.ErrCardNotFound)
		}
		err := w.try(func(ctx context.Context, tx ports.Repos) error {
			_, err := tx.Cards.Same(ctx, otherUser, c.Fingerprint)
			return err
		})
		w.wantErr(err, billing.ErrNotFound)
		list, err := w.Store.Views().Cards(w.Context(), otherUser, ports.Page{Limit: 10})
		w.must(err)
		sameList(w, "another user's cards", list, nil)
	}},
	{"are unique per number and user", func(w *world) {
		c := w.card()
		twin := newCard(c.UserID, c.Fingerprint[0])
		w.wantErr(w.try(func(ctx context.Context, tx ports.Repos) error { return tx.Cards.Add(ctx, twin) }), billing.ErrAlreadyExists)
		w.addCard(newCard(w.viewer().UserID, c.Fingerprint[0]))
		w.saveCard(removed(c))
		w.addCard(twin) // a removed card does not count
	}},
	{"lose number and fingerprint on removal, nothing else", func(w *world) {
		c := w.card()
		gone := removed(c)
		gone.Number = billing.Encrypted{Ciphertext: []byte("still here"), KeyID: 1} // the store must erase it
		w.saveCard(gone)
		same(w, "card", w.findCard(c), removed(c))
		list, err := w.Store.Views().Cards(w.Context(), c.UserID, ports.Page{Limit: 10})
		w.must(err)
		sameList(w, "cards", list, nil)
	}},
	{"take a new expiry and holder, but no new number", func(w *world) {
		c := w.card()
		changed := c
		changed.ExpMonth, changed.ExpYear, changed.Holder = 1, 2040, "НОВОЕ ИМЯ"
		want := changed
		changed.Number, changed.Fingerprint = billing.Encrypted{Ciphertext: []byte("other"), KeyID: 2}, billing.Fingerprint{9}
		w.saveCard(changed)
		same(w, "card", w.findCard(c), want)
	}},
	{"are counted by the time they were added, removed ones too", func(w *world) {
		user := w.viewer().UserID
		var times []time.Time
		for i := range 4 {
			c := newCard(user, byte(i+1))
			c.CreatedAt = noon.Add(time.Duration(i) * time.Minute)
			w.addCard(c)
			if i == 2 {
				w.saveCard(removed(c))
			}
			times = append([]time.Time{c.CreatedAt}, times...)
		}
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			got, err := tx.CardLimits.Added(ctx, user, noon, 10)
			sameList(w, "later than the first", got, times[:3])
			two, err2 := tx.CardLimits.Added(ctx, user, noon.Add(-time.Second), 2)
			sameList(w, "the newest two", two, times[:2])
			return errors.Join(err, err2)
		})
	}},
	{"are counted by their declined and pending payments", func(w *world) {
		c := w.card()
		var want []time.Time
		for i, status := range []billing.PaymentStatus{
			billing.PaymentDeclined, billing.PaymentSucceeded, billing.PaymentAbandoned, billing.PaymentPending,
		} {
			at := noon.Add(time.Duration(i) * time.Minute)
			d := w.subscribeWith(w.cardMethod(c), time.Hour, at)
			if status != billing.PaymentPending {
				w.settle(d, status, at)
			}
			if status == billing.PaymentDeclined || status == billing.PaymentPending {
				want = append([]time.Time{at}, want...)
			}
		}
		byToken := newMethod(c.UserID, "tok_other")
		w.link(byToken)
		w.settle(w.subscribeWith(byToken, time.Hour, noon.Add(time.Hour)), billing.PaymentDeclined, noon)
		want = append([]time.Time{noon.Add(time.Hour)}, want...)
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			got, err := tx.CardLimits.Declined(ctx, c.UserID, noon.Add(-time.Second), 10)
			sameList(w, "declined or pending", got, want)
			return err
		})
	}},
}

var cardMethodCases = []testCase{
	{"have no token until one is set, and take another", func(w *world) {
		c := w.card()
		m := w.cardMethod(c)
		for _, token := range []string{"", "tok_saved", "tok_reissued"} {
			if token != "" {
				m.Token = billing.NewSecret(token)
				w.setToken(m)
			}
			got, err := w.findMethod(m.UserID, m.ID)
			w.must(err)
			same(w, "method", got, m)
		}
	}},
	{"may share a token, and are not found by token", func(w *world) {
		c := w.card()
		for range 2 {
			m := w.cardMethod(c)
			m.Token = billing.NewSecret("tok_saved")
			w.setToken(m)
		}
		linked := newMethod(c.UserID, "tok_saved")
		same(w, "linked", w.link(linked), linked)
	}},
	{"get a token, methods without a card do not", func(w *world) {
		m := w.viewer()
		other := m
		other.Token = billing.NewSecret("tok_stolen")
		w.setToken(other)
		got, err := w.findMethod(m.UserID, m.ID)
		w.must(err)
		same(w, "method without a card", got, m)
	}},
}

var recordedEventCases = []testCase{
	{"are found from a time on", func(w *world) {
		c := w.card()
		e := c.AddedEvent()
		e.ID = newIDOf[billing.EventID]()
		w.tx(func(ctx context.Context, tx ports.Repos) error { return tx.Events.Append(ctx, e) })
		for since, want := range map[time.Time]bool{
			e.At: true, e.At.Add(-time.Hour): true, e.At.Add(time.Microsecond): false,
		} {
			w.tx(func(ctx context.Context, tx ports.Repos) error {
				got, err := tx.Events.Times(ctx, c.UserID, billing.EventCardAdded, since, 1)
				same(w, "recorded", len(got) == 1, want)
				other, err2 := tx.Events.Times(ctx, c.UserID, billing.EventCardRemoved, since, 1)
				same(w, "another type recorded", len(other) == 1, false)
				return errors.Join(err, err2)
			})
		}
		list, err := w.Store.Views().Events(w.Context(), c.UserID, ports.Page{Limit: 10})
		w.must(err)
		sameList(w, "events", list, []billing.Event{e})
	}},
	{"are listed with the newest first, up to the limit", func(w *world) {
		c := w.card()
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			for _, minutes := range []int{1, 3, 2} {
				e := c.AddedEvent()
				e.ID, e.At = newIDOf[billing.EventID](), noon.Add(time.Duration(minutes)*time.Minute)
				if err := tx.Events.Append(ctx, e); err != nil {
					return err
				}
			}
			return nil
		})
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			got, err := tx.Events.Times(ctx, c.UserID, billing.EventCardAdded, noon.Add(time.Minute), 2)
			sameList(w, "times", got, []time.Time{noon.Add(3 * time.Minute), noon.Add(2 * time.Minute)})
			return err
		})
	}},
}

func newCard(user billing.UserID, fingerprint byte) billing.Card {
	return billing.Card{
		ID: newIDOf[billing.CardID](), UserID: user, Brand: billing.Mir, Last4: "0053", ExpMonth: 12, ExpYear: 2031,
		Holder: "ИВАН ПЕТРОВ", Number: billing.Encrypted{Ciphertext: []byte("sealed \x00\xff"), KeyID: 1<<32 - 1},
		Fingerprint: billing.Fingerprint{fingerprint, 31: 1}, CreatedAt: noon,
	}
}

func removed(c billing.Card) billing.Card {
	c, _ = c.Remove(noon.Add(time.Hour))
	return c
}

// card stores a card of a new viewer.
func (w *world) card() billing.Card {
	w.Helper()
	c := newCard(w.viewer().UserID, 1)
	w.addCard(c)
	return c
}

func (w *world) addCard(c billing.Card) {
	w.Helper()
	w.tx(func(ctx context.Context, tx ports.Repos) error { return tx.Cards.Add(ctx, c) })
}

func (w *world) saveCard(c billing.Card) {
	w.Helper()
	w.tx(func(ctx context.Context, tx ports.Repos) error {
		if _, err := tx.Cards.Lock(ctx, c.UserID, c.ID); err != nil {
			return err
		}
		return tx.Cards.Save(ctx, c)
	})
}

func (w *world) findCard(c billing.Card) (got billing.Card) {
	w.Helper()
	w.tx(func(ctx context.Context, tx ports.Repos) (err error) {
		got, err = tx.Cards.Find(ctx, c.UserID, c.ID)
		return err
	})
	return got
}

func (w *world) sameCard(c billing.Card) (got billing.Card) {
	w.Helper()
	w.tx(func(ctx context.Context, tx ports.Repos) (err error) {
		got, err = tx.Cards.Same(ctx, c.UserID, c.Fingerprint)
		return err
	})
	return got
}

func (w *world) cardMethod(c billing.Card) billing.PaymentMethod {
	w.Helper()
	m := billing.NewCardMethod(newIDOf[billing.PaymentMethodID](), c, system, noon)
	w.tx(func(ctx context.Context, tx ports.Repos) error { return tx.Methods.Add(ctx, m) })
	return m
}

func (w *world) setToken(m billing.PaymentMethod) {
	w.Helper()
	w.tx(func(ctx context.Context, tx ports.Repos) error {
		return tx.Methods.SetToken(ctx, m.UserID, m.ID, m.Token)
	})
}

// subscribeWith stores a subscription to a new plan, with its first payment by m.
func (w *world) subscribeWith(m billing.PaymentMethod, send time.Duration, at time.Time) purchase {
	w.Helper()
	p := w.addPlan("plan-" + newIDOf[string]()[24:])
	o := billing.Order{
		Subscription: newIDOf[billing.SubscriptionID](), Payment: newIDOf[billing.PaymentID](),
		Plan: p, Method: m, Shown: p.Price,
	}
	sub, pay, _, err := o.Start(at, billing.Calendar{})
	w.must(err)
	d := purchase{sub, pay}
	w.tx(func(ctx context.Context, tx ports.Repos) error { return d.add(ctx, tx, send) })
	return d
}
