package viewers_test

import (
	"slices"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/viewers"
)

func TestEntitlements_UnionOfLivePlans(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.AddPlan("sport", "live", "hd")
	first := w.Clock.Now()
	month := func(from time.Time) time.Time { return billing.Calendar{}.AddMonths(from, 1) }
	renewed := func(from time.Time) time.Time { return month(from).Add(billingtest.RenewalGrace) }

	w.expectEntitled(time.Time{})
	w.MustSubscribe()
	w.expectEntitled(renewed(first), "hd", "offline")

	w.Clock.Advance(10 * 24 * time.Hour)
	second := w.Clock.Now()
	cmd := billingtest.SubscribeBasic()
	cmd.Plan = "sport"
	w.Provider.SetFault(billingtest.ResponseLost)
	_, err := w.Process().Subscribe(t.Context(), cmd)
	billingtest.ExpectError(t, err, nil)
	w.expectEntitled(renewed(first), "hd", "offline") // unchanged until it is paid
	w.ExpectSweep(1, 0)
	w.expectEntitled(renewed(first), "hd", "live", "offline")

	w.cancel("basic", billing.AtPeriodEnd)
	w.expectEntitled(month(first), "hd", "live", "offline")
	w.Clock.Advance(month(first).Sub(second))
	w.expectEntitled(renewed(second), "hd", "live")
	w.cancel("sport", billing.AtOnce)
	w.expectEntitled(time.Time{})
}

// The subscription begins on 1 March, and its period ends on 1 April.
func TestEntitlements_LastUntilTheirEnd(t *testing.T) {
	t.Parallel()
	const lastRetry = 168 * time.Hour // after the period
	tests := []struct {
		name  string
		reach func(w world)                       // brings the subscription into its state
		lasts func(periodEnd time.Time) time.Time // zero for no access
	}{
		{"no subscription", func(world) {}, never},
		{"first payment pending", func(w world) {
			w.Provider.SetFault(billingtest.NeedsConfirmation)
			w.MustSubscribe()
		}, never},
		{"renews", func(w world) { w.MustSubscribe() }, after(billingtest.RenewalGrace)},
		{"renewal pending", func(w world) {
			w.MustSubscribe()
			w.renew(billingtest.RequestLost)
		}, after(billingtest.RenewalGrace)},
		{"renewed", func(w world) {
			w.MustSubscribe()
			w.renew(billingtest.NoFault)
		}, after(30*24*time.Hour + billingtest.RenewalGrace)},
		{"renewal declined", func(w world) {
			w.MustSubscribe()
			w.renew(billingtest.Decline)
		}, after(lastRetry)},
		{"cancelled", func(w world) {
			w.MustSubscribe()
			w.cancel("basic", billing.AtPeriodEnd)
		}, after(0)},
		{"cancelled after a declined renewal", func(w world) {
			w.MustSubscribe()
			w.renew(billingtest.Decline)
			w.cancel("basic", billing.AtPeriodEnd)
		}, never},
		{"ended at once", func(w world) {
			w.MustSubscribe()
			w.cancel("basic", billing.AtOnce)
		}, never},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			billingtest.InBubble(t, func(bubble billingtest.World) {
				w := world{bubble}
				end := w.Clock.Now().Add(billingtest.Month)
				tt.reach(w)
				until := tt.lasts(end)
				if until.IsZero() {
					w.expectEntitled(time.Time{})
					return
				}
				w.expectEntitled(until, "hd", "offline")
				w.Clock.Advance(until.Add(-time.Microsecond).Sub(w.Clock.Now()))
				w.expectEntitled(until, "hd", "offline")
				w.Clock.Advance(time.Microsecond)
				w.expectEntitled(time.Time{})
			})
		})
	}
}

func after(d time.Duration) func(time.Time) time.Time {
	return func(periodEnd time.Time) time.Time { return periodEnd.Add(d) }
}

func never(time.Time) time.Time { return time.Time{} }

// renew makes a run at the end of the period.
func (w world) renew(f billingtest.Fault) {
	w.T.Helper()
	w.Clock.Advance(billingtest.Month)
	w.Provider.SetFault(f)
	if _, err := w.Renewer().Run(w.T.Context()); err != nil {
		w.T.Fatal(err)
	}
}

func (w world) cancel(ref string, at billing.CancelAt) {
	w.T.Helper()
	_, err := w.Process().Cancel(w.T.Context(), viewers.Cancel{User: billingtest.Viewer, Ref: ref, At: at})
	billingtest.ExpectError(w.T, err, nil)
}

func (w world) expectEntitled(until time.Time, features ...string) {
	w.T.Helper()
	e, err := w.Queries().Entitlements(w.T.Context(), billingtest.Viewer)
	if err != nil || !slices.Equal(e.Features, features) || !e.Until.Equal(until) || !e.At.Equal(w.Clock.Now()) {
		w.T.Errorf("entitled to %v until %s, %v, want %v until %s", e.Features, e.Until, err, features, until)
	}
}

func TestQueries_OverReadsAsEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.MustSubscribe()
	w.cancel("basic", billing.AtPeriodEnd)
	w.Clock.Advance(40 * 24 * time.Hour)
	w.ExpectSubscription(billing.StatusEnded, billing.PaymentSucceeded)
	v, err := w.Queries().Subscription(t.Context(), billingtest.Viewer, "basic")
	if err != nil || v.Status != billing.StatusEnded {
		t.Errorf("the subscription is %s, %v, want ended", v.Status, err)
	}
	_, err = w.Process().Resume(t.Context(), viewers.Resume{User: billingtest.Viewer, Ref: "basic"})
	billingtest.ExpectError(t, err, billing.ErrInvalidTransition)
}

// A run may not have ended a cancelled subscription yet, although its period is over.
func TestCancel_PeriodOver(t *testing.T) {
	t.Parallel()
	for _, at := range []billing.CancelAt{billing.AtPeriodEnd, billing.AtOnce} {
		t.Run(string(at), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.MustSubscribe()
			w.cancel("basic", billing.AtPeriodEnd)
			w.Clock.Advance(billingtest.Month)
			_, err := w.Process().Cancel(t.Context(), viewers.Cancel{User: billingtest.Viewer, Ref: "basic", At: at})
			billingtest.ExpectError(t, err, billing.ErrInvalidTransition)
			w.ExpectHistory(billing.EventSubscribed, billing.EventCancelRequested)
		})
	}
}

func TestCancel_Refusals(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		cmd  viewers.Cancel
		want error
	}{
		{"another viewer's subscription", viewers.Cancel{User: "other", Ref: "basic", At: billing.AtOnce}, billing.ErrNotFound},
		{"unknown plan", viewers.Cancel{User: billingtest.Viewer, Ref: "gold", At: billing.AtOnce}, billing.ErrNotFound},
		{"another token", viewers.Cancel{User: billingtest.Viewer, Ref: "basic", At: billing.AtOnce, Token: billing.NewSecret("tok_other")}, billing.ErrPaymentTokenUnknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.MustSubscribe()
			r := w.newRequest()
			tt.cmd.Request = &r
			_, err := w.Process().Cancel(t.Context(), tt.cmd)
			billingtest.ExpectError(t, err, tt.want)
			w.expectUnclaimed(r)
			_, err = w.Process().Resume(t.Context(), viewers.Resume{User: tt.cmd.User, Ref: tt.cmd.Ref})
			if tt.cmd.Token.IsZero() {
				billingtest.ExpectError(t, err, tt.want)
			}
			w.ExpectSubscription(billing.StatusActive, billing.PaymentSucceeded)
			w.ExpectHistory(billing.EventSubscribed)
		})
	}
	t.Run("right token", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.MustSubscribe()
		_, err := w.Process().Cancel(t.Context(), viewers.Cancel{User: billingtest.Viewer, Ref: "basic", At: billing.AtOnce, Token: billingtest.Token})
		billingtest.ExpectError(t, err, nil)
		w.ExpectSubscription(billing.StatusEnded, billing.PaymentSucceeded)
	})
}

func TestQueries_HidesPaymentSystemWithoutAdapter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.Catalog().AddPaymentSystem(t.Context(), billing.PaymentSystem{Code: "planned", Name: "Planned"})
	billingtest.ExpectError(t, err, nil)
	open, err := w.Queries().PaymentSystems(t.Context())
	if err != nil || len(open) != 1 || open[0].Code != billingtest.System {
		t.Errorf("Queries.PaymentSystems = %+v, %v, want %s only", open, err, billingtest.System)
	}
}

func TestQueries_HidesArchived(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.AddPlan("old")
	_, err := w.Catalog().ArchivePlan(t.Context(), "old")
	billingtest.ExpectError(t, err, nil)
	plans, err := w.Queries().Plans(t.Context())
	if err != nil || len(plans) != 1 || plans[0].Code != "basic" {
		t.Errorf("Queries.Plans = %+v, %v, want basic only", plans, err)
	}
	all, err := w.Catalog().Plans(t.Context())
	if err != nil || len(all) != 2 {
		t.Errorf("Catalog.Plans = %+v, %v, want two", all, err)
	}
	_, err = w.Catalog().ArchivePaymentSystem(t.Context(), billingtest.System)
	billingtest.ExpectError(t, err, nil)
	open, err := w.Queries().PaymentSystems(t.Context())
	if err != nil || len(open) != 0 {
		t.Errorf("Queries.PaymentSystems = %+v, %v, want none", open, err)
	}
	systems, err := w.Catalog().PaymentSystems(t.Context())
	if err != nil || len(systems) != 1 {
		t.Errorf("Catalog.PaymentSystems = %+v, %v, want one", systems, err)
	}
}
