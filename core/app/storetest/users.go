package storetest

import (
	"context"
	"errors"
	"time"

	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

var systemPromises = []promise{
	{"keep every field", func(w *world) {
		ps := billing.PaymentSystem{Code: "other", Name: "Другая", CreatedAt: noon}
		w.tx(func(ctx context.Context, tx app.Repos) error { return tx.PaymentSystems.Add(ctx, ps) })
		w.wantSystem(ps)
		ps = ps.Archive(noon.Add(time.Hour))
		ps.Name = "Renamed"
		w.tx(func(ctx context.Context, tx app.Repos) error { return tx.PaymentSystems.Save(ctx, ps) })
		w.wantSystem(ps)
		list, err := w.Store.Views().PaymentSystems(w.Context())
		w.must(err)
		if len(list) != 2 || list[0] != ps || list[1].Code != system {
			w.Errorf("listed, by code: %+v", list)
		}
	}},
	{"that are unknown are not found", func(w *world) {
		err := w.try(func(ctx context.Context, tx app.Repos) error {
			_, err := tx.PaymentSystems.Find(ctx, "nobody")
			return err
		})
		w.wantErr(err, billing.ErrPaymentSystemNotFound)
	}},
	{"cannot take the code of another", func(w *world) {
		err := w.try(func(ctx context.Context, tx app.Repos) error {
			return tx.PaymentSystems.Add(ctx, billing.PaymentSystem{Code: system, Name: "Again", CreatedAt: noon})
		})
		w.wantErr(err, billing.ErrAlreadyExists)
	}},
}

func (w *world) wantSystem(want billing.PaymentSystem) {
	w.Helper()
	w.tx(func(ctx context.Context, tx app.Repos) error {
		got, err := tx.PaymentSystems.Find(ctx, want.Code)
		same(w, "payment system", got, want)
		return err
	})
}

var userPromises = []promise{
	{"may be seen again, and out of order", func(w *world) {
		user := newIDOf[billing.UserID]()
		for _, at := range []time.Time{noon, noon.Add(time.Hour), noon.Add(-time.Hour)} {
			w.tx(func(ctx context.Context, tx app.Repos) error { return tx.Users.Seen(ctx, user, at) })
		}
	}},
	{"may be seen for the first time twice at once", func(w *world) {
		user := newIDOf[billing.UserID]()
		seen := func(ctx context.Context, tx app.Repos) error { return tx.Users.Seen(ctx, user, noon) }
		w.must(errors.Join(w.race(seen, seen)...))
	}},
	{"have one method for each token", func(w *world) {
		m := w.viewer()
		same(w, "same token", w.link(newMethod(m.UserID, "tok_1")), m)
		other := newMethod(m.UserID, "tok_2")
		same(w, "another token", w.link(other), other)
		theirs := newMethod(w.viewer().UserID, "tok_2")
		same(w, "another user's token", w.link(theirs), theirs)
	}},
	{"have one method when a token comes twice at once", func(w *world) {
		user := w.viewer().UserID
		var got [2]billing.PaymentMethod
		link := func(i int) work {
			return func(ctx context.Context, tx app.Repos) (err error) {
				got[i], err = tx.Methods.Link(ctx, newMethod(user, "tok_new"))
				return err
			}
		}
		w.must(errors.Join(w.race(link(0), link(1))...))
		same(w, "methods", got[0], got[1])
	}},
	{"find their own methods only", func(w *world) {
		m := w.viewer()
		got, err := w.findMethod(m.UserID, m.ID)
		w.must(err)
		same(w, "method", got, m)
		_, err = w.findMethod(w.viewer().UserID, m.ID)
		w.wantErr(err, billing.ErrNotFound)
		_, err = w.findMethod(m.UserID, newIDOf[billing.PaymentMethodID]())
		w.wantErr(err, billing.ErrNotFound)
	}},
}

func (w *world) link(m billing.PaymentMethod) (got billing.PaymentMethod) {
	w.Helper()
	w.tx(func(ctx context.Context, tx app.Repos) (err error) {
		got, err = tx.Methods.Link(ctx, m)
		return err
	})
	return got
}

func (w *world) findMethod(user billing.UserID, id billing.PaymentMethodID) (m billing.PaymentMethod, err error) {
	err = w.try(func(ctx context.Context, tx app.Repos) (err error) {
		m, err = tx.Methods.Find(ctx, user, id)
		return err
	})
	return m, err
}
