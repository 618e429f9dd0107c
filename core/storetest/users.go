package storetest

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

var paymentSystemCases = []testCase{
	{"keep every field", func(w *world) {
		ps := billing.PaymentSystem{Code: "other", Name: "Другая", CreatedAt: noon}
		w.tx(func(ctx context.Context, tx ports.Repos) error { return tx.PaymentSystems.Add(ctx, ps) })
		w.wantSystem(ps)
		ps = ps.Archive(noon.Add(time.Hour))
		ps.Name = "Renamed"
		w.tx(func(ctx context.Context, tx ports.Repos) error { return tx.PaymentSystems.Save(ctx, ps) })
		w.wantSystem(ps)
		list, err := w.Store.Views().PaymentSystems(w.Context())
		w.must(err)
		if len(list) != 2 || list[0] != ps || list[1].Code != system {
			w.Errorf("the list by code is %+v", list)
		}
	}},
	{"are not found by an unknown code", func(w *world) {
		if f := w.takeOne(ports.CheckoutQuery{User: newIDOf[billing.UserID](), PaymentSystem: "unknown"}); f.PaymentSystem != nil {
			w.Errorf("found %+v, want none", f.PaymentSystem)
		}
	}},
	{"have unique codes", func(w *world) {
		err := w.try(func(ctx context.Context, tx ports.Repos) error {
			return tx.PaymentSystems.Add(ctx, billing.PaymentSystem{Code: system, Name: "Again", CreatedAt: noon})
		})
		w.wantErr(err, billing.ErrAlreadyExists)
	}},
}

func (w *world) wantSystem(want billing.PaymentSystem) {
	w.Helper()
	f := w.takeOne(ports.CheckoutQuery{User: newIDOf[billing.UserID](), PaymentSystem: want.Code})
	same(w, "payment system", f.PaymentSystem, &want)
}

var userCases = []testCase{
	{"may be seen repeatedly and out of order", func(w *world) {
		user := newIDOf[billing.UserID]()
		for _, at := range []time.Time{noon, noon.Add(time.Hour), noon.Add(-time.Hour)} {
			w.tx(func(ctx context.Context, tx ports.Repos) error { return tx.Users.Seen(ctx, at, user) })
		}
	}},
	{"may be seen for the first time by two transactions", func(w *world) {
		user := newIDOf[billing.UserID]()
		seen := func(ctx context.Context, tx ports.Repos) error { return tx.Users.Seen(ctx, noon, user) }
		w.must(errors.Join(w.race(seen, seen)...))
	}},
	{"are seen in batches", func(w *world) {
		users := []billing.UserID{newIDOf[billing.UserID](), newIDOf[billing.UserID]()}
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			return errors.Join(tx.Users.Seen(ctx, noon), tx.Users.Seen(ctx, noon, users...), tx.Users.Seen(ctx, noon.Add(time.Hour), users...))
		})
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			return tx.Methods.Add(ctx, newMethod(users[0], "tok_1"), newMethod(users[1], "tok_1"))
		})
	}},
	{"have tokens of up to 4,096 characters", func(w *world) {
		m := w.viewer()
		long := newMethod(m.UserID, randomToken(4096))
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			added, err := linked(ctx, tx, long)
			same(w, "the token is unchanged", added.Token.Reveal() == long.Token.Reveal(), true)
			return err
		})
		again := newMethod(m.UserID, long.Token.Reveal())
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			found, err := linked(ctx, tx, again)
			same(w, "the method of the same token", found.ID, long.ID)
			return err
		})
	}},
	{"belong to the subject that is identified first", func(w *world) {
		user := newIDOf[billing.UserID]()
		w.must(w.identify(noon, user, "viewer-17"))
		for _, at := range []time.Time{noon, noon.Add(time.Hour), noon.Add(-time.Hour)} {
			w.must(w.identify(at, user, "viewer-17"))
			w.wantErr(w.identify(at, user, string(user)), ports.ErrOtherSubject)
		}
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			return tx.Users.Seen(ctx, noon.Add(2*time.Hour), user)
		})
		w.must(w.identify(noon.Add(2*time.Hour), user, "viewer-17"))
		w.must(w.identify(noon, newIDOf[billing.UserID](), "viewer-17")) // subjects need not be unique
	}},
	{"without a subject get one when they are identified", func(w *world) {
		user := newIDOf[billing.UserID]()
		w.tx(func(ctx context.Context, tx ports.Repos) error { return tx.Users.Seen(ctx, noon, user) })
		w.must(w.identify(noon, user, "o'brien, sean")) // Seen skips a user that was seen in the last minute
		w.wantErr(w.identify(noon, user, "viewer-17"), ports.ErrOtherSubject)
	}},
	{"belong to one subject when two are identified at once", func(w *world) {
		user := newIDOf[billing.UserID]()
		as := func(subject string) txFunc {
			return func(ctx context.Context, tx ports.Repos) error {
				return tx.Users.Identify(ctx, noon, billing.User{ID: user, Subject: subject})
			}
		}
		w.wantErr(w.wantBlocked(as("first"), as("second")), ports.ErrOtherSubject)
		w.must(w.identify(noon, user, "first"))
		w.wantOneWinner(w.race(as("second"), as("first")), ports.ErrOtherSubject)
	}},
	{"have one method per token", func(w *world) {
		m := w.viewer()
		same(w, "same token", w.link(newMethod(m.UserID, "tok_1")), m)
		other := newMethod(m.UserID, "tok_2")
		same(w, "another token", w.link(other), other)
		theirs := newMethod(w.viewer().UserID, "tok_2")
		same(w, "another user's token", w.link(theirs), theirs)
		err := w.try(func(ctx context.Context, tx ports.Repos) error {
			return tx.Methods.Add(ctx, newMethod(m.UserID, "tok_2"))
		})
		if err == nil {
			w.Error("a second method with the same token was added")
		}
	}},
	{"have one method per token in a race", func(w *world) {
		user := w.viewer().UserID
		var got [2]billing.PaymentMethod
		link := func(i int) txFunc {
			return func(ctx context.Context, tx ports.Repos) (err error) {
				got[i], err = linked(ctx, tx, newMethod(user, "tok_new"))
				return err
			}
		}
		w.must(w.wantBlocked(link(0), link(1)))
		same(w, "methods", got[0], got[1])
	}},
	{"find only their own methods", func(w *world) {
		m := w.viewer()
		got, err := w.findMethod(m.UserID, m.ID)
		w.must(err)
		same(w, "method", got, m)
		_, err = w.findMethod(w.viewer().UserID, m.ID)
		w.wantErr(err, billing.ErrPaymentMethodNotFound)
		_, err = w.findMethod(m.UserID, newIDOf[billing.PaymentMethodID]())
		w.wantErr(err, billing.ErrPaymentMethodNotFound)
	}},
}

func (w *world) identify(at time.Time, user billing.UserID, subject string) error {
	return w.try(func(ctx context.Context, tx ports.Repos) error {
		return tx.Users.Identify(ctx, at, billing.User{ID: user, Subject: subject})
	})
}

func (w *world) link(m billing.PaymentMethod) (got billing.PaymentMethod) {
	w.Helper()
	w.tx(func(ctx context.Context, tx ports.Repos) (err error) {
		got, err = linked(ctx, tx, m)
		return err
	})
	return got
}

// linked returns the user's method with the token of m. It adds m if the user has
// none, like a subscribe does.
func linked(ctx context.Context, tx ports.Repos, m billing.PaymentMethod) (billing.PaymentMethod, error) {
	facts, err := tx.Checkout.Take(ctx, ports.CheckoutQuery{User: m.UserID, PaymentSystem: m.PaymentSystem, Token: m.Token})
	if err != nil {
		return m, err
	}
	if facts[0].Method != nil {
		return *facts[0].Method, nil
	}
	if err := tx.Methods.Add(ctx, m); err != nil {
		return m, err
	}
	return tx.Methods.Find(ctx, m.UserID, m.ID)
}

func (w *world) findMethod(user billing.UserID, id billing.PaymentMethodID) (m billing.PaymentMethod, err error) {
	err = w.try(func(ctx context.Context, tx ports.Repos) (err error) {
		m, err = tx.Methods.Find(ctx, user, id)
		return err
	})
	return m, err
}

// randomToken returns a token that a database cannot compress, with a backslash.
func randomToken(length int) string {
	random := make([]byte, length)
	_, _ = rand.Read(random)
	return `\x` + base64.RawURLEncoding.EncodeToString(random)[:length-2]
}
