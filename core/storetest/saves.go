package storetest

import (
	"context"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

var saveCases = []testCase{
	{"keeps what it was given", func(w *world) {
		s := w.newSave(time.Hour)
		same(w, "save", w.lockedSave(s), s)
		for _, status := range []billing.MethodStatus{billing.MethodPending, billing.MethodActive} {
			s.Status, s.ProviderRef, s.ActionURL, s.PageUntil = status, "ref", "https://pay.example/1", noon.Add(time.Hour)
			if status == billing.MethodActive {
				s.ActionURL, s.PageUntil, s.Brand, s.Last4, s.SettledAt = "", time.Time{}, billing.Visa, "4242", noon
			}
			w.updateSave(s)
			same(w, "changed save", w.lockedSave(s), s)
		}
	}},
	{"is found only for its user and method", func(w *world) {
		s, other := w.newSave(0), w.viewer()
		for _, id := range []billing.PaymentMethodID{s.MethodID, other.ID} {
			err := w.try(func(ctx context.Context, tx ports.Repos) error {
				_, err := tx.Saves.Lock(ctx, other.UserID, id)
				return err
			})
			w.wantErr(err, billing.ErrPaymentMethodNotFound)
			_, err = w.Store.Views().SavedMethod(w.Context(), other.UserID, id)
			w.wantErr(err, billing.ErrPaymentMethodNotFound)
		}
	}},
	{"is swept after its send window, or when it is released", func(w *world) {
		s, free := w.newSave(time.Hour), w.newSave(0)
		w.wantSweptSaves(time.Hour, free)
		w.wantSweptSaves(time.Hour)
		w.wantSystemsToSweepSaves()
		w.tx(func(ctx context.Context, tx ports.Repos) error { return tx.Saves.Release(ctx, s.UserID, s.MethodID) })
		w.wantSystemsToSweepSaves(system)
		w.wantSweptSaves(time.Hour, s)
	}},
	{"is not swept once it is settled", func(w *world) {
		s := w.newSave(0)
		s.Status, s.DeclineCode, s.SettledAt = billing.MethodFailed, billing.ActionExpired, noon
		w.updateSave(s)
		w.tx(func(ctx context.Context, tx ports.Repos) error { return tx.Saves.Release(ctx, s.UserID, s.MethodID) })
		w.wantSweptSaves(0)
		w.wantSystemsToSweepSaves()
		w.wantLookUpNow(system, ports.Notice{Method: s.MethodID}, false)
	}},
	{"has the times of its sending", func(w *world) {
		w.newSave(0)
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			taken, err := tx.Saves.LeaseForSweep(ctx, sweepOf(time.Hour, 10))
			if len(taken) == 1 {
				t := taken[0].Times
				if t.First.IsZero() || t.First.After(t.Until) || t.Until.After(t.Lookup) {
					w.Errorf("the times are %+v, want the first sending, then the window, then the lookup", t)
				}
			}
			return err
		})
	}},
	{"is looked up now after a notice that names it", func(w *world) {
		s := w.newSave(time.Hour)
		s.ProviderRef = "ref-1"
		w.updateSave(s)
		w.wantLookUpNow("other", ports.Notice{Method: s.MethodID}, false)
		w.wantLookUpNow(system, ports.Notice{Method: newIDOf[billing.PaymentMethodID](), ProviderRef: "ref-2"}, false)
		w.wantLookUpNow(system, ports.Notice{Method: "no id"}, false)
		w.wantSweptSaves(0)
		for _, n := range []ports.Notice{{Method: s.MethodID}, {ProviderRef: "ref-1"}} {
			w.wantLookUpNow(system, n, true)
			w.wantSweptSaves(time.Hour, s)
		}
	}},
	{"is no payment", func(w *world) {
		d := w.subscribe(time.Hour)
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			found, err := tx.Notices.LookUpNow(ctx, system, ports.Notice{Method: billing.PaymentMethodID(d.pay.ID), Key: d.pay.ID})
			same(w, "found", found, false)
			return err
		})
	}},
	{"shows in the list of methods", func(w *world) {
		s := w.newSave(0)
		s.ProviderRef, s.ActionURL, s.PageUntil = "ref", "https://pay.example/1", noon.Add(time.Hour)
		w.updateSave(s)
		m, err := w.findMethod(s.UserID, s.MethodID)
		w.must(err)
		view := ports.MethodView{PaymentMethod: m, Saving: true, ActionURL: s.ActionURL, PageUntil: s.PageUntil}
		w.wantSavedMethod(view, billing.MethodPending)
		s.Status, s.ActionURL, s.PageUntil, s.Brand, s.Last4, s.SettledAt = billing.MethodActive, "", time.Time{}, billing.Mir, "0053", noon
		w.updateSave(s)
		m.Token = billing.NewSecret("tok_saved")
		w.setToken(m)
		view = ports.MethodView{PaymentMethod: m, Brand: billing.Mir, Last4: "0053"}
		w.wantSavedMethod(view, billing.MethodActive)
		w.wantRemoved(ofMethod(m), m)
		view.PaymentMethod = m.Remove(removalTime)
		got, err := w.Store.Views().SavedMethod(w.Context(), m.UserID, m.ID)
		w.must(err)
		same(w, "removed method", got, view)
	}},
}

var tokenRemovalCases = []testCase{
	{"are leased until they are done", func(w *world) {
		m := w.viewer()
		none := w.cardMethod(w.card())
		w.addRemovals(m, none, m) // the second has no token, the third is there already
		want := ports.TokenRemoval{User: m.UserID, Method: m.ID, PaymentSystem: system, Token: m.Token}
		w.wantLeased(-time.Hour, want)
		w.wantLeased(time.Hour, want)
		w.wantLeased(time.Hour)
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			return tx.TokenRemovals.Done(ctx, newIDOf[billing.UserID](), m.ID) // another user's
		})
		w.addRemovals(m)
		w.wantLeased(time.Hour)
		w.tx(func(ctx context.Context, tx ports.Repos) error { return tx.TokenRemovals.Done(ctx, m.UserID, m.ID) })
		w.addRemovals(m)
		w.wantLeased(time.Hour, want)
	}},
	{"are rolled back with the removal", func(w *world) {
		m := w.viewer()
		w.wantErr(w.try(func(ctx context.Context, tx ports.Repos) error {
			if err := tx.TokenRemovals.Add(ctx, m); err != nil {
				return err
			}
			return errOnPurpose
		}), errOnPurpose)
		w.wantLeased(0)
	}},
	{"know whether another method has the token", func(w *world) {
		m := w.viewer()
		removed := ports.TokenRemoval{User: m.UserID, Method: newIDOf[billing.PaymentMethodID](), PaymentSystem: system, Token: m.Token}
		w.wantInUse(removed, true)
		for name, change := range map[string]func(*ports.TokenRemoval){
			"another token":  func(r *ports.TokenRemoval) { r.Token = billing.NewSecret("tok_other") },
			"another user":   func(r *ports.TokenRemoval) { r.User = newIDOf[billing.UserID]() },
			"another system": func(r *ports.TokenRemoval) { r.PaymentSystem = "other" },
		} {
			other := removed
			change(&other)
			w.Log(name)
			w.wantInUse(other, false)
		}
		page := billing.NewPageMethod(newIDOf[billing.PaymentMethodID](), m.UserID, system, noon)
		w.tx(func(ctx context.Context, tx ports.Repos) error { return tx.Methods.Add(ctx, page) })
		page.Token = billing.NewSecret("tok_page") // such a method has no fingerprint
		w.setToken(page)
		w.wantInUse(ports.TokenRemoval{User: m.UserID, PaymentSystem: system, Token: page.Token}, true)
		w.wantRemoved(ofMethod(m), m)
		w.wantInUse(removed, false)
	}},
}

// newSave stores a pending save of a new viewer.
func (w *world) newSave(send time.Duration) billing.MethodSave {
	w.Helper()
	user := w.viewer().UserID
	m := billing.NewPageMethod(newIDOf[billing.PaymentMethodID](), user, system, noon)
	s := billing.NewSave(m, "https://cinema.example/done")
	w.tx(func(ctx context.Context, tx ports.Repos) error {
		if err := tx.Methods.Add(ctx, m); err != nil {
			return err
		}
		return tx.Saves.Add(ctx, send, s)
	})
	return s
}

func (w *world) lockedSave(s billing.MethodSave) (got billing.MethodSave) {
	w.Helper()
	w.tx(func(ctx context.Context, tx ports.Repos) (err error) {
		got, err = tx.Saves.Lock(ctx, s.UserID, s.MethodID)
		return err
	})
	return got
}

func (w *world) updateSave(s billing.MethodSave) {
	w.Helper()
	w.tx(func(ctx context.Context, tx ports.Repos) error {
		if _, err := tx.Saves.Lock(ctx, s.UserID, s.MethodID); err != nil {
			return err
		}
		return tx.Saves.Save(ctx, s)
	})
}

func (w *world) wantSweptSaves(lease time.Duration, want ...billing.MethodSave) {
	w.Helper()
	var got []billing.MethodSave
	w.tx(func(ctx context.Context, tx ports.Repos) error {
		got = nil
		taken, err := tx.Saves.LeaseForSweep(ctx, sweepOf(lease, 10))
		for _, u := range taken {
			got = append(got, u.MethodSave)
		}
		return err
	})
	sameList(w, "swept saves", got, want)
}

func (w *world) wantSystemsToSweepSaves(want ...string) {
	w.Helper()
	got, err := w.Store.Views().SystemsToSweepSaves(w.Context())
	w.must(err)
	sameList(w, "payment systems", got, want)
}

func (w *world) wantLookUpNow(system string, n ports.Notice, want bool) {
	w.Helper()
	w.tx(func(ctx context.Context, tx ports.Repos) error {
		found, err := tx.Saves.LookUpNow(ctx, system, n)
		same(w, "found", found, want)
		return err
	})
}

// wantSavedMethod expects the view in the list and alone, with the status.
func (w *world) wantSavedMethod(want ports.MethodView, status billing.MethodStatus) {
	w.Helper()
	list, err := w.Store.Views().Methods(w.Context(), want.UserID, ports.Page{Limit: 1})
	w.must(err)
	sameList(w, "methods", list, []ports.MethodView{want})
	got, err := w.Store.Views().SavedMethod(w.Context(), want.UserID, want.ID)
	w.must(err)
	same(w, "method", got, want)
	same(w, "status", got.Status(), status)
}

func (w *world) addRemovals(m ...billing.PaymentMethod) {
	w.Helper()
	w.tx(func(ctx context.Context, tx ports.Repos) error { return tx.TokenRemovals.Add(ctx, m...) })
}

func (w *world) wantLeased(lease time.Duration, want ...ports.TokenRemoval) {
	w.Helper()
	w.tx(func(ctx context.Context, tx ports.Repos) error {
		got, err := tx.TokenRemovals.Lease(ctx, billing.LookupInterval{Min: lease, Max: lease}, 10)
		for i := range got {
			if got[i].Age < 0 {
				w.Errorf("the age is %s", got[i].Age)
			}
			got[i].Age = 0
		}
		sameList(w, "leased", got, want)
		return err
	})
}

func (w *world) wantInUse(r ports.TokenRemoval, want bool) {
	w.Helper()
	w.tx(func(ctx context.Context, tx ports.Repos) error {
		got, err := tx.TokenRemovals.InUse(ctx, r)
		same(w, "in use", got, want)
		return err
	})
}
