package renewals_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/renewals"
	"github.com/online-cinema/billing/core/viewers"
)

func date(m time.Month, day int) time.Time { return time.Date(2026, m, day, 12, 0, 0, 0, time.UTC) }

func TestRun_RenewsAfterOneMonth(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.MustSubscribe()
		w.Clock.Advance(billingtest.Month - time.Microsecond)
		w.expectRun(ports.Summary{})
		w.ExpectCharges(1)
		w.Clock.Advance(time.Microsecond)
		w.expectRun(ports.Summary{Due: 1, Renewed: 1})
		w.expectRun(ports.Summary{})
		w.ExpectHistory(billing.EventSubscribed, billing.EventRenewed)
		w.expectPaid([]billing.UserID{billingtest.Viewer}, 2)
		s := w.subscriptionOf(billingtest.Viewer)
		if want := (billing.Period{Start: date(4, 1), End: date(5, 1)}); s.Status != billing.StatusActive || s.Current != want || !s.NextChargeAt.Equal(want.End) {
			t.Errorf("after the run it is %s for %v, next charge at %s", s.Status, s.Current, s.NextChargeAt)
		}
		for i, r := range w.Provider.Requests() {
			want := ports.ChargeRequest{Key: r.Key, Token: billingtest.Token, Amount: billingtest.Price, Initiator: []billing.Initiator{billing.CustomerInitiated, billing.MerchantInitiated}[i]}
			if r != want && !billingtest.SameCharge(r, want) {
				t.Errorf("charge %d is %+v, want %+v", i, r, want)
			}
		}
	})
}

func TestRun_MonthEndAnchor(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.Clock.Advance(time.Date(2027, time.January, 31, 23, 59, 0, 0, time.UTC).Sub(w.Clock.Now()))
		w.MustSubscribe()
		ends := []int{28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 31, 29} // from February 2027 to February 2028
		for i, day := range ends {
			due := time.Date(2027, time.Month(2+i), day, 23, 59, 0, 0, time.UTC)
			w.Clock.Advance(due.Sub(w.Clock.Now()) - time.Minute)
			w.expectRun(ports.Summary{})
			w.Clock.Advance(time.Hour) // a late timer must not move the next period
			w.expectRun(ports.Summary{Due: 1, Renewed: 1})
			if s := w.subscriptionOf(billingtest.Viewer); !s.Current.Start.Equal(due) {
				t.Errorf("renewal %d starts at %s, want %s", i+1, s.Current.Start, due)
			}
		}
		w.expectPaid([]billing.UserID{billingtest.Viewer}, 1+len(ends))
	})
}

func TestRun_ChargesAgreedPrice(t *testing.T) {
	t.Parallel()
	for name, today := range map[string]int64{"price went up": 999_00, "price went down": 1_00} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				w.MustSubscribe()
				_, err := w.Catalog().SetPrice(w.T.Context(), "basic", billingtest.Rubles(today))
				billingtest.ExpectError(w.T, err, nil)
				w.Clock.Advance(billingtest.Month)
				w.expectRun(ports.Summary{Due: 1, Renewed: 1})
				for _, e := range w.Provider.Entries() {
					if e.Amount != billingtest.Price {
						w.T.Errorf("charged %s, want the agreed %s", e.Amount, billingtest.Price)
					}
				}
				w.expectPaid([]billing.UserID{billingtest.Viewer}, 2)
			})
		})
	}
	t.Run("plan archived", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(w world) {
			w.MustSubscribe()
			_, err := w.Catalog().ArchivePlan(w.T.Context(), "basic")
			billingtest.ExpectError(w.T, err, nil)
			w.Clock.Advance(billingtest.Month)
			w.expectRun(ports.Summary{Due: 1, Renewed: 1})
		})
	})
}

func TestRun_EndsWithoutCharge(t *testing.T) {
	t.Parallel()
	t.Run("cancelled", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(w world) {
			w.MustSubscribe()
			billingtest.ExpectError(w.T, w.cancel(billingtest.Viewer, billing.AtPeriodEnd), nil)
			w.Clock.Advance(billingtest.Month + time.Hour)
			w.expectRun(ports.Summary{Ended: 1})
			w.expectRun(ports.Summary{})
			w.ExpectHistory(billing.EventSubscribed, billing.EventCancelRequested, billing.EventEnded)
			w.ExpectCharges(1)
			if s := w.ExpectSubscription(billing.StatusEnded, billing.PaymentSucceeded); !s.EndedAt.Equal(date(4, 1)) {
				w.T.Errorf("ended at %s, want the end of the period", s.EndedAt)
			}
		})
	})
	t.Run("cancelled and resumed", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(w world) {
			w.MustSubscribe()
			billingtest.ExpectError(w.T, w.cancel(billingtest.Viewer, billing.AtPeriodEnd), nil)
			_, err := w.Process().Resume(w.T.Context(), viewers.Resume{User: billingtest.Viewer, Ref: "basic"})
			billingtest.ExpectError(w.T, err, nil)
			w.Clock.Advance(billingtest.Month)
			w.expectRun(ports.Summary{Due: 1, Renewed: 1})
		})
	})
	t.Run("payment method removed", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(w world) {
			s := w.MustSubscribe()
			store := w.removedMethods()
			store.remove(s.MethodID)
			w.Clock.Advance(billingtest.Month)
			w.expectRunOf(w.RenewerOver(store, w.Provider), ports.Summary{Ended: 1}, nil)
			w.ExpectHistory(billing.EventSubscribed, billing.EventEnded)
			if e := w.history(billingtest.Viewer)[1]; e.DeclineCode != billing.MethodRemoved {
				w.T.Errorf("it ended with code %q, want %q", e.DeclineCode, billing.MethodRemoved)
			}
			w.ExpectCharges(1)
		})
	})
}

func TestRun_WaivesMissedPeriods(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.MustSubscribe()
		w.Clock.Advance(date(7, 10).Sub(w.Clock.Now())) // three renewals and a few days late
		w.expectRun(ports.Summary{Due: 1, Renewed: 1})
		w.expectRun(ports.Summary{})
		w.ExpectHistory(billing.EventSubscribed, billing.EventRenewed, billing.EventPeriodsWaived)
		w.expectPaid([]billing.UserID{billingtest.Viewer}, 2)
		if s := w.subscriptionOf(billingtest.Viewer); s.Current != (billing.Period{Start: date(7, 1), End: date(8, 1)}) {
			t.Errorf("paid for %v, want the current month", s.Current)
		}
	})
}

// mixed makes subscriptions of every kind that a run distinguishes. All but the
// last are due.
func mixed(w world) ports.Store {
	gone := w.withProvider("gone")
	cancelled, removed := w.addSubscribers(1), w.addSubscribers(1)
	gone.addSubscribers(3)
	w.addSubscribers(3)
	billingtest.ExpectError(w.T, w.cancel(cancelled[0], billing.AtPeriodEnd), nil)
	store := w.removedMethods()
	store.remove(w.subscriptionOf(removed[0]).MethodID)

	w.Clock.Advance(-time.Hour)
	late := w.addSubscribers(2)
	w.Clock.Advance(billingtest.Month)
	w.Provider.SetFault(billingtest.Decline)
	w.expectRun(ports.Summary{Due: 2, Declined: 2})
	w.Provider.SetFault(billingtest.NoFault)
	w.expectAll(late, billing.StatusPastDue)
	w.Clock.Advance(24 * time.Hour)
	w.addSubscribers(1)
	return store
}

func TestPlan_MatchesRun(t *testing.T) {
	t.Parallel()
	for name, limit := range map[string]int{"without limit": 0, "limit 1": 1, "limit 3": 3, "limit 5": 5, "limit beyond": 100} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) { dryRun(w, mixed(w), limit) })
		})
	}
}

func dryRun(w world, store ports.Store, limit int) {
	r := w.RenewerOver(store, w.Provider)
	r.Limit = limit
	before, asked := w.snapshots(), len(w.Provider.Requests())
	r.Collector.Providers = map[string]ports.Provider{billingtest.System: forbidden{w.T}}
	var plan []renewals.Decision
	if err := r.Plan(w.T.Context(), func(d renewals.Decision) error { plan = append(plan, d); return nil }); err != nil {
		w.T.Error(err)
	}
	if diff := cmp.Diff(before, w.snapshots(), cmp.AllowUnexported(billing.Secret{})); diff != "" || len(w.Provider.Requests()) != asked {
		w.T.Errorf("the dry run changed stored data or sent a charge: %s", diff)
	}
	due, err := r.Due(w.T.Context())
	billingtest.ExpectError(w.T, err, nil)

	r.Collector.Providers = map[string]ports.Provider{billingtest.System: w.Provider}
	var want ports.Summary
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
		w.T.Errorf("the plan has %d subscriptions fewer than Due reports", due)
	}
	w.expectRunOf(r, want, nil)
	after := w.snapshots()
	for _, d := range plan {
		now := after[d.ID]
		switch {
		case d.NoAdapter:
			if now != before[d.ID] {
				w.T.Errorf("%s changed, although it has no adapter", d.ID)
			}
		case d.Billed:
			p := now.Latest
			if p.Amount != d.Payment.Amount || p.Period != d.Payment.Period || p.MethodID != d.Payment.MethodID || p.Status != billing.PaymentSucceeded {
				w.T.Errorf("%s: the plan has payment %+v, the run made %+v", d.ID, d.Payment, p)
			}
		case now.Status != billing.StatusEnded || now.Status != d.After.Status || !now.EndedAt.Equal(d.After.EndedAt):
			w.T.Errorf("%s: the plan ends it at %s, the run left it %s, ended at %s", d.ID, d.After.EndedAt, now.Status, now.EndedAt)
		}
	}
	changed := 0
	for id, s := range after {
		if s != before[id] {
			changed++
		}
	}
	if planned := len(plan) - want.Failed; changed != planned {
		w.T.Errorf("the run changed %d subscriptions, the plan has %d", changed, planned)
	}
}

// forbidden is a payment system that fails the test when it is called.
type forbidden struct{ t *testing.T }

func (f forbidden) Charge(context.Context, ports.ChargeRequest) (billing.Outcome, error) {
	f.t.Error("a charge was sent")
	return billing.Outcome{}, billingtest.ErrLost
}

func (f forbidden) Capabilities() ports.Capabilities {
	return ports.Capabilities{Accepts: []ports.Means{ports.ByToken}}
}

func (f forbidden) Find(context.Context, ports.ChargeQuery) (billing.Outcome, error) {
	f.t.Error("a lookup was sent")
	return billing.Outcome{}, billingtest.ErrLost
}

// snapshot is a subscription and its latest payment.
type snapshot struct {
	billing.Subscription
	Latest billing.Payment
}

// snapshots returns all subscriptions of all viewers.
func (w world) snapshots() map[billing.SubscriptionID]snapshot {
	all := make(map[billing.SubscriptionID]snapshot)
	for _, u := range w.users() {
		list, err := w.Store.Views().Subscriptions(w.T.Context(), u, ports.Page{Limit: 1000}) // as stored
		billingtest.ExpectError(w.T, err, nil)
		for _, s := range list {
			all[s.ID] = snapshot{s.Subscription, s.Latest}
		}
	}
	return all
}

// users returns the viewers with a payment, sorted.
func (w world) users() []billing.UserID {
	var list []billing.UserID
	for _, system := range []string{billingtest.System, "gone"} {
		err := w.Store.Paid(w.T.Context(), system, "", func(p ports.PaidPayment) error {
			list = append(list, p.UserID)
			return nil
		})
		billingtest.ExpectError(w.T, err, nil)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func TestPlan_ReportsReason(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		r := w.RenewerOver(mixed(w), w.Provider)
		var noAdapter, billed, ended int
		last := time.Time{}
		err := r.Plan(w.T.Context(), func(d renewals.Decision) error {
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
				t.Errorf("%s, due at %s, comes after one due at %s", d.ID, d.NextChargeAt, last)
			}
			last = d.NextChargeAt
			return nil
		})
		if err != nil || noAdapter != 3 || billed != 5 || ended != 2 {
			t.Errorf("%d without adapter, %d billed, %d ended, %v; want 3, 5, 2", noAdapter, billed, ended, err)
		}
	})
}

func TestPlan_StopsOnCallbackError(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.addSubscribers(3)
		w.Clock.Advance(billingtest.Month)
		calls := 0
		err := w.Renewer().Plan(w.T.Context(), func(renewals.Decision) error { calls++; return billingtest.ErrLost })
		billingtest.ExpectError(t, err, billingtest.ErrLost)
		if calls != 1 {
			t.Errorf("Plan called back %d times, want once", calls)
		}
	})
}

func TestRun_WithoutProviders(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.addSubscribers(2)
		w.Clock.Advance(billingtest.Month)
		r := w.Renewer()
		r.Collector.Providers = nil
		if n, err := r.Due(w.T.Context()); n != 0 || err != nil {
			t.Errorf("Due = %d, %v, want 0", n, err)
		}
		w.expectRunOf(r, ports.Summary{Due: 2, Failed: 2}, nil)
		w.expectRun(ports.Summary{Due: 2, Renewed: 2})
	})
}
