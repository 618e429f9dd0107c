package viewers_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

func subscribePlus() viewers.Subscribe {
	cmd := billingtest.SubscribeBasic()
	cmd.Plan = "plus"
	return cmd
}

func TestSubscribe_RefusesSecondPlanOfGroup(t *testing.T) {
	t.Parallel()
	for _, m := range []billingtest.Fault{billingtest.NoFault, billingtest.ResponseLost, billingtest.NeedsConfirmation} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.AddPlanTo("basic", "plus")
			w.Provider.SetFault(m)
			basic := w.MustSubscribe()
			_, err := w.ProcessOver(w.Store, cannotCancel{w.Provider}).Subscribe(t.Context(), subscribePlus())
			var taken *billing.PlanGroupTakenError
			if !errors.As(err, &taken) || taken.Live.ID != basic.ID || taken.Plan != "plus" {
				t.Errorf("got the error %v, want one that names %s", err, basic.ID)
			}
			if n := len(w.Provider.Requests()); n != 1 {
				t.Errorf("%d charges were sent, want one", n)
			}
			if subs := w.Subscriptions(); len(subs) != 1 {
				t.Errorf("the subscriptions are %+v, want one", subs)
			}
		})
	}
	t.Run("after a cancel", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.AddPlanTo("basic", "plus")
		w.MustSubscribe()
		cancel := func(at billing.CancelAt) {
			_, err := w.Process().Cancel(t.Context(), viewers.Cancel{User: billingtest.Viewer, Ref: "basic", At: at})
			billingtest.ExpectError(t, err, nil)
		}
		cancel(billing.AtPeriodEnd)
		_, err := w.Process().Subscribe(t.Context(), subscribePlus())
		billingtest.ExpectError(t, err, billing.ErrPlanGroupTaken)
		cancel(billing.AtOnce)
		_, err = w.Process().Subscribe(t.Context(), subscribePlus())
		billingtest.ExpectError(t, err, nil)
		w.ExpectCharges(2)
		w.ExpectReconciled()
	})
}

// Two subscriptions of the group are cancelled and over, but stored as live: one from
// before the plans had a group in common.
func TestSubscribe_EndsOtherPlansOfGroup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	gold := w.AddPlan("gold")
	w.AddPlanTo("basic", "plus")
	w.MustSubscribe()
	cmd := billingtest.SubscribeBasic()
	cmd.Plan = "gold"
	_, err := w.Process().Subscribe(t.Context(), cmd)
	billingtest.ExpectError(t, err, nil)
	gold.Group = "basic"
	w.InTx(func(ctx context.Context, tx ports.Repos) error { return tx.Plans.Save(ctx, gold) })
	for _, ref := range []string{"basic", "gold"} {
		_, err := w.Process().Cancel(t.Context(), viewers.Cancel{User: billingtest.Viewer, Ref: ref, At: billing.AtPeriodEnd})
		billingtest.ExpectError(t, err, nil)
	}
	w.Clock.Advance(40 * 24 * time.Hour)
	_, err = w.Process().Subscribe(t.Context(), subscribePlus())
	billingtest.ExpectError(t, err, nil)
	w.ExpectHistory(billing.EventSubscribed, billing.EventSubscribed, billing.EventCancelRequested, billing.EventCancelRequested,
		billing.EventEnded, billing.EventEnded, billing.EventSubscribed)
	w.ExpectReconciled()
}

// Requests for two plans of a group charge once. In the second case the transactions do
// not see each other's subscriptions, so that only the unique index refuses.
func TestSubscribe_ConcurrentPlansOfGroup(t *testing.T) {
	t.Parallel()
	for name, store := range map[string]func(ports.Store) ports.Store{
		"seen": func(s ports.Store) ports.Store { return s }, "unseen": func(s ports.Store) ports.Store { return blindStore{s} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.AddPlanTo("basic", "plus")
			cmds := []viewers.Subscribe{billingtest.SubscribeBasic(), subscribePlus()}
			errs := billingtest.Concurrently(50, func(i int) error {
				_, err := w.ProcessOver(store(w.Store), w.Provider).Subscribe(t.Context(), cmds[i%2])
				return err
			})
			won, taken := 0, 0
			for _, err := range errs {
				switch {
				case err == nil:
					won++
				case errors.Is(err, billing.ErrPlanGroupTaken):
					taken++
				default:
					billingtest.ExpectError(t, err, billing.ErrAlreadySubscribed)
				}
			}
			if won != 1 || taken != 25 {
				t.Errorf("%d requests succeeded and the group was taken for %d, want one and 25", won, taken)
			}
			w.ExpectCharges(1)
			w.ExpectReconciled()
		})
	}
}
