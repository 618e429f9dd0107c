package app_test

import (
	"slices"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

func TestEntitlementsAreTheUnionOfLivePlans(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sell("sport", "live", "hd")
	first := w.clock.Now()
	month := func(from time.Time) time.Time { return billing.Calendar{}.AddMonths(from, 1) }

	w.expectEntitled(time.Time{})
	w.subscribed()
	w.expectEntitled(month(first), "hd", "offline")

	w.clock.advance(10 * 24 * time.Hour)
	second := w.clock.Now()
	cmd := toBasic()
	cmd.Plan = "sport"
	w.psp.suffers(lostAfter)
	_, err := w.process().Subscribe(t.Context(), cmd)
	expectError(t, err, nil)
	w.expectEntitled(month(first), "hd", "offline") // not before it is paid
	w.sweep(1, 0)
	w.expectEntitled(month(first), "hd", "live", "offline")

	w.cancelled("basic", billing.AtPeriodEnd)
	w.expectEntitled(month(first), "hd", "live", "offline")
	w.clock.advance(month(first).Sub(second))
	w.expectEntitled(month(second), "hd", "live")
	w.cancelled("sport", billing.AtOnce)
	w.expectEntitled(time.Time{})
}

func (w world) cancelled(ref string, at billing.CancelAt) {
	w.t.Helper()
	_, err := w.process().Cancel(w.t.Context(), app.Cancel{User: viewer, Ref: ref, At: at})
	expectError(w.t, err, nil)
}

func (w world) expectEntitled(until time.Time, features ...string) {
	w.t.Helper()
	e, err := w.viewer().Entitlements(w.t.Context(), viewer)
	if err != nil || !slices.Equal(e.Features, features) || !e.Until.Equal(until) {
		w.t.Errorf("entitled to %v until %s, %v, want %v until %s", e.Features, e.Until, err, features, until)
	}
}

func TestWhatIsOverHasEndedForWhoeverLooks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.subscribed()
	w.cancelled("basic", billing.AtPeriodEnd)
	w.clock.advance(40 * 24 * time.Hour)
	w.expectOne(billing.StatusEnded, billing.PaymentSucceeded)
	v, err := w.viewer().Subscription(t.Context(), viewer, "basic")
	if err != nil || v.Status != billing.StatusEnded {
		t.Errorf("it is %s, %v", v.Status, err)
	}
	_, err = w.process().Resume(t.Context(), app.Resume{User: viewer, Ref: "basic"})
	expectError(t, err, billing.ErrInvalidTransition)
}

func TestCancelAndResumeRefuse(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		cmd  app.Cancel
		want error
	}{
		{"another viewer's", app.Cancel{User: "other", Ref: "basic", At: billing.AtOnce}, billing.ErrNotFound},
		{"no such plan", app.Cancel{User: viewer, Ref: "gold", At: billing.AtOnce}, billing.ErrNotFound},
		{"another token", app.Cancel{User: viewer, Ref: "basic", At: billing.AtOnce, Token: billing.NewSecret("tok_other")}, billing.ErrPaymentTokenUnknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.subscribed()
			r := w.request()
			tt.cmd.Request = &r
			_, err := w.process().Cancel(t.Context(), tt.cmd)
			expectError(t, err, tt.want)
			w.expectUnclaimed(r)
			_, err = w.process().Resume(t.Context(), app.Resume{User: tt.cmd.User, Ref: tt.cmd.Ref})
			if tt.cmd.Token.IsZero() {
				expectError(t, err, tt.want)
			}
			w.expectOne(billing.StatusActive, billing.PaymentSucceeded)
			w.expectHistory(billing.EventSubscribed)
		})
	}
	t.Run("the right token is let in", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.subscribed()
		_, err := w.process().Cancel(t.Context(), app.Cancel{User: viewer, Ref: "basic", At: billing.AtOnce, Token: token})
		expectError(t, err, nil)
		w.expectOne(billing.StatusEnded, billing.PaymentSucceeded)
	})
}

func TestTheCatalogueShowsWhatIsSold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sell("old")
	_, err := w.catalog().ArchivePlan(t.Context(), "old")
	expectError(t, err, nil)
	plans, err := w.viewer().Plans(t.Context())
	if err != nil || len(plans) != 1 || plans[0].Code != "basic" {
		t.Errorf("sold are %+v, %v", plans, err)
	}
	all, err := w.catalog().Plans(t.Context())
	if err != nil || len(all) != 2 {
		t.Errorf("all are %+v, %v", all, err)
	}
	_, err = w.catalog().ArchivePaymentSystem(t.Context(), system)
	expectError(t, err, nil)
	open, err := w.viewer().PaymentSystems(t.Context())
	if err != nil || len(open) != 0 {
		t.Errorf("open are %+v, %v", open, err)
	}
	systems, err := w.catalog().PaymentSystems(t.Context())
	if err != nil || len(systems) != 1 {
		t.Errorf("all are %+v, %v", systems, err)
	}
}
