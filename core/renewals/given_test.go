package renewals_test

import (
	"context"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/renewals"
)

// A run leaves a given subscription alone while it lasts, and ends it afterwards. It needs no
// payment system for that.
func TestRun_EndsGivenPlan(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		now := w.Clock.Now()
		plan := w.AddPlan("gold")
		sub, grant, events, err := plan.GiveNew("sub-1", billingtest.Viewer, nil, billing.GrantRequest{
			ID: "grant-1", Days: 3, Source: "ticket 4711", By: "anna", Reason: "no picture",
		}, billing.Calendar{}, now)
		if err != nil {
			t.Fatal(err)
		}
		ports.Identify(events, w.NewID)
		for _, step := range []func(ctx context.Context, tx ports.Repos) error{
			func(ctx context.Context, tx ports.Repos) error { return tx.Users.Seen(ctx, now, billingtest.Viewer) },
			func(ctx context.Context, tx ports.Repos) error { return tx.Subscriptions.Add(ctx, sub) },
			func(ctx context.Context, tx ports.Repos) error { return tx.Grants.Add(ctx, grant) },
			func(ctx context.Context, tx ports.Repos) error { return tx.Events.Append(ctx, events...) },
		} {
			w.InTx(step)
		}
		planned := func() (n int) {
			if err := w.Renewer().Plan(t.Context(), func(renewals.Decision) error { n++; return nil }); err != nil {
				t.Error(err)
			}
			return n
		}
		w.Clock.Advance(3*24*time.Hour - time.Microsecond)
		if n := planned(); n != 0 {
			t.Errorf("before the end, the dry run decides about %d subscriptions, want none", n)
		}
		w.expectRun(ports.Summary{})
		w.Clock.Advance(time.Microsecond)
		if n := planned(); n != 1 {
			t.Errorf("at the end, the dry run decides about %d subscriptions, want one", n)
		}
		w.expectRun(ports.Summary{Ended: 1})
		w.expectRun(ports.Summary{})
		w.ExpectHistory(billing.EventPeriodGiven, billing.EventEnded)
		if s := w.subscriptionOf(billingtest.Viewer); s.Status != billing.StatusEnded || !s.EndedAt.Equal(grant.Period.End) {
			t.Errorf("it is %s since %s, want ended at %s", s.Status, s.EndedAt, grant.Period.End)
		}
		if n := len(w.Provider.Requests()); n != 0 {
			t.Errorf("%d charges were sent, want none", n)
		}
	})
}
