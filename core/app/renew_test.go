package app_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

func date(m time.Month, day int) time.Time { return time.Date(2026, m, day, 12, 0, 0, 0, time.UTC) }

func TestAMonthPasses(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.subscribed()
		w.clock.advance(month - time.Microsecond)
		w.run(app.Summary{})
		w.expectCharges(1)
		w.clock.advance(time.Microsecond)
		w.run(app.Summary{Due: 1, Renewed: 1})
		w.run(app.Summary{})
		w.expectHistory(billing.EventSubscribed, billing.EventRenewed)
		w.expectPaid([]billing.UserID{viewer}, 2)
		s := w.subscriptionOf(viewer)
		if want := (billing.Period{Start: date(4, 1), End: date(5, 1)}); s.Status != billing.StatusActive || s.Current != want || !s.NextChargeAt.Equal(want.End) {
			t.Errorf("afterwards it is %s, paid for %v, and charged next at %s", s.Status, s.Current, s.NextChargeAt)
		}
		for i, r := range w.psp.requests() {
			want := app.ChargeRequest{Key: r.Key, Token: token, Amount: price, Initiator: []billing.Initiator{billing.CustomerInitiated, billing.MerchantInitiated}[i]}
			if r != want && !same(r, want) {
				t.Errorf("charge %d is %+v, want %+v", i, r, want)
			}
		}
	})
}

func TestAYearOfMonthEnds(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.clock.advance(time.Date(2027, time.January, 31, 23, 59, 0, 0, time.UTC).Sub(w.clock.Now()))
		w.subscribed()
		ends := []int{28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 31, 29} // of February 2027 to that of 2028
		for i, day := range ends {
			due := time.Date(2027, time.Month(2+i), day, 23, 59, 0, 0, time.UTC)
			w.clock.advance(due.Sub(w.clock.Now()) - time.Minute)
			w.run(app.Summary{})
			w.clock.advance(time.Hour) // the timer is a little late, and that adds up to nothing
			w.run(app.Summary{Due: 1, Renewed: 1})
			if s := w.subscriptionOf(viewer); !s.Current.Start.Equal(due) {
				t.Errorf("renewal %d is from %s, want from %s", i+1, s.Current.Start, due)
			}
		}
		w.expectPaid([]billing.UserID{viewer}, 1+len(ends))
	})
}

func TestARenewalChargesThePriceThatWasAgreed(t *testing.T) {
	t.Parallel()
	for name, today := range map[string]int64{"dearer today": 999_00, "cheaper today": 1_00} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				w.subscribed()
				_, err := w.catalog().SetPrice(w.t.Context(), "basic", rubles(today))
				expectError(w.t, err, nil)
				w.clock.advance(month)
				w.run(app.Summary{Due: 1, Renewed: 1})
				for _, e := range w.psp.entries() {
					if e.Amount != price {
						w.t.Errorf("charged %s, want the %s that were agreed", e.Amount, price)
					}
				}
				w.expectPaid([]billing.UserID{viewer}, 2)
			})
		})
	}
	t.Run("no longer sold", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(w world) {
			w.subscribed()
			_, err := w.catalog().ArchivePlan(w.t.Context(), "basic")
			expectError(w.t, err, nil)
			w.clock.advance(month)
			w.run(app.Summary{Due: 1, Renewed: 1})
		})
	})
}

func TestWhatIsNotWantedAnyMoreEndsUncharged(t *testing.T) {
	t.Parallel()
	t.Run("cancelled", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(w world) {
			w.subscribed()
			expectError(w.t, w.cancel(viewer, billing.AtPeriodEnd), nil)
			w.clock.advance(month + time.Hour)
			w.run(app.Summary{Ended: 1})
			w.run(app.Summary{})
			w.expectHistory(billing.EventSubscribed, billing.EventCancelRequested, billing.EventEnded)
			w.expectCharges(1)
			if s := w.expectOne(billing.StatusEnded, billing.PaymentSucceeded); !s.EndedAt.Equal(date(4, 1)) {
				w.t.Errorf("ended at %s, want at the period's end", s.EndedAt)
			}
		})
	})
	t.Run("cancelled, and the cancel taken back", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(w world) {
			w.subscribed()
			expectError(w.t, w.cancel(viewer, billing.AtPeriodEnd), nil)
			_, err := w.process().Resume(w.t.Context(), app.Resume{User: viewer, Ref: "basic"})
			expectError(w.t, err, nil)
			w.clock.advance(month)
			w.run(app.Summary{Due: 1, Renewed: 1})
		})
	})
	t.Run("payment method removed", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(w world) {
			s := w.subscribed()
			store := w.removals()
			store.remove(s.MethodID)
			w.clock.advance(month)
			w.expectRun(w.renewerOver(store, w.psp), app.Summary{Ended: 1}, nil)
			w.expectHistory(billing.EventSubscribed, billing.EventEnded)
			if e := w.history(viewer)[1]; e.DeclineCode != billing.MethodRemoved {
				w.t.Errorf("it ended for %q", e.DeclineCode)
			}
			w.expectCharges(1)
		})
	})
}

func TestMissedMonthsAreWaived(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.subscribed()
		w.clock.advance(date(7, 10).Sub(w.clock.Now())) // three renewals were missed, and a few days
		w.run(app.Summary{Due: 1, Renewed: 1})
		w.run(app.Summary{})
		w.expectHistory(billing.EventSubscribed, billing.EventRenewed, billing.EventPeriodsWaived)
		w.expectPaid([]billing.UserID{viewer}, 2)
		if s := w.subscriptionOf(viewer); s.Current != (billing.Period{Start: date(7, 1), End: date(8, 1)}) {
			t.Errorf("paid for %v, want the month that is now", s.Current)
		}
	})
}

// mixed is one of each sort of subscription, of which all but the last are due.
func mixed(w world) app.Store {
	gone := w.through("gone")
	cancelled, removed := w.join(1), w.join(1)
	gone.join(3)
	w.join(3)
	expectError(w.t, w.cancel(cancelled[0], billing.AtPeriodEnd), nil)
	store := w.removals()
	store.remove(w.subscriptionOf(removed[0]).MethodID)

	w.clock.advance(-time.Hour)
	late := w.join(2)
	w.clock.advance(month)
	w.psp.suffers(declines)
	w.run(app.Summary{Due: 2, Declined: 2})
	w.psp.suffers(fine)
	w.expectAll(late, billing.StatusPastDue)
	w.clock.advance(24 * time.Hour)
	w.join(1)
	return store
}

func TestTheDryRunTellsWhatTheRunDoes(t *testing.T) {
	t.Parallel()
	for name, limit := range map[string]int{"without limit": 0, "limit 1": 1, "limit 3": 3, "limit 5": 5, "limit beyond": 100} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) { dryRun(w, mixed(w), limit) })
		})
	}
}

func dryRun(w world, store app.Store, limit int) {
	r := w.renewerOver(store, w.psp)
	r.Limit = limit
	before, asked := w.everything(), len(w.psp.requests())
	r.Collector.Providers = map[string]app.Provider{system: forbidden{w.t}}
	var plan []app.Decision
	if err := r.Plan(w.t.Context(), func(d app.Decision) error { plan = append(plan, d); return nil }); err != nil {
		w.t.Error(err)
	}
	if diff := cmp.Diff(before, w.everything(), cmp.AllowUnexported(billing.Secret{})); diff != "" || len(w.psp.requests()) != asked {
		w.t.Errorf("the dry run changed something: %s", diff)
	}
	due, err := r.Due(w.t.Context())
	expectError(w.t, err, nil)

	r.Collector.Providers = map[string]app.Provider{system: w.psp}
	var want app.Summary
	for _, d := range plan {
		if d.NoAdapter {
			want.Due, want.Failed = want.Due+1, want.Failed+1
		} else if due--; d.Billed {
			want.Due, want.Renewed = want.Due+1, want.Renewed+1
		} else {
			want.Ended++
		}
	}
	if due != 0 {
		w.t.Errorf("the plan takes up %d fewer than the run says that it would", due)
	}
	w.expectRun(r, want, nil)
	after := w.everything()
	for _, d := range plan {
		now := after[d.ID]
		switch {
		case d.NoAdapter:
			if now != before[d.ID] {
				w.t.Errorf("%s has no adapter, but is changed", d.ID)
			}
		case d.Billed:
			p := now.Latest
			if p.Amount != d.Payment.Amount || p.Period != d.Payment.Period || p.MethodID != d.Payment.MethodID || p.Status != billing.PaymentSucceeded {
				w.t.Errorf("%s was to be charged %+v, but was %+v", d.ID, d.Payment, p)
			}
		case now.Status != billing.StatusEnded || now.Status != d.After.Status || !now.EndedAt.Equal(d.After.EndedAt):
			w.t.Errorf("%s was to end at %s, but is %s, %s", d.ID, d.After.EndedAt, now.Status, now.EndedAt)
		}
	}
	changed := 0
	for id, s := range after {
		if s != before[id] {
			changed++
		}
	}
	if planned := len(plan) - want.Failed; changed != planned {
		w.t.Errorf("the run changed %d subscriptions, but planned %d", changed, planned)
	}
}

// forbidden is a payment system that must not be asked.
type forbidden struct{ t *testing.T }

func (f forbidden) Charge(context.Context, app.ChargeRequest) (billing.Outcome, error) {
	f.t.Error("it asks the payment system")
	return billing.Outcome{}, errLost
}

func (f forbidden) Find(context.Context, billing.PaymentID) (billing.Outcome, error) {
	f.t.Error("it looks at the payment system")
	return billing.Outcome{}, errLost
}

// whole is a subscription and its latest payment.
type whole struct {
	billing.Subscription
	Latest billing.Payment
}

// everything returns all subscriptions of all viewers whose ids newID made.
func (w world) everything() map[billing.SubscriptionID]whole {
	all := make(map[billing.SubscriptionID]whole)
	for _, u := range w.users() {
		list, err := w.store.Views().Subscriptions(w.t.Context(), u, app.Page{Limit: 1000}) // as they are kept
		expectError(w.t, err, nil)
		for _, s := range list {
			all[s.ID] = whole{s.Subscription, s.Latest}
		}
	}
	return all
}

func (w world) users() []billing.UserID {
	var list []billing.UserID
	for _, system := range []string{system, "gone"} {
		err := w.store.Paid(w.t.Context(), system, time.Time{}, func(p billing.Payment) error {
			list = append(list, p.UserID)
			return nil
		})
		expectError(w.t, err, nil)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func TestThePlanSaysWhyItIsNotBilled(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		r := w.renewerOver(mixed(w), w.psp)
		var noAdapter, billed, ended int
		last := time.Time{}
		err := r.Plan(w.t.Context(), func(d app.Decision) error {
			switch {
			case d.NoAdapter:
				noAdapter++
				return nil
			case d.Billed:
				billed++
			case d.After.Status == billing.StatusEnded:
				ended++
			}
			if d.NextChargeAt.Before(last) {
				t.Errorf("%s is due at %s, after one that is due at %s", d.ID, d.NextChargeAt, last)
			}
			last = d.NextChargeAt
			return nil
		})
		if err != nil || noAdapter != 3 || billed != 5 || ended != 2 {
			t.Errorf("%d without adapter, %d billed, %d ended, %v; want 3, 5, 2", noAdapter, billed, ended, err)
		}
	})
}

func TestThePlanStopsWhenItIsTold(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.join(3)
		w.clock.advance(month)
		calls := 0
		err := w.renewer().Plan(w.t.Context(), func(app.Decision) error { calls++; return errLost })
		expectError(t, err, errLost)
		if calls != 1 {
			t.Errorf("it called %d times, want once", calls)
		}
	})
}

func TestARunWithoutAnyAdapter(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.join(2)
		w.clock.advance(month)
		r := w.renewer()
		r.Collector.Providers = nil
		if n, err := r.Due(w.t.Context()); n != 0 || err != nil {
			t.Errorf("a run would take up %d, %v, want none", n, err)
		}
		w.expectRun(r, app.Summary{Due: 2, Failed: 2}, nil)
		w.run(app.Summary{Due: 2, Renewed: 2})
	})
}
