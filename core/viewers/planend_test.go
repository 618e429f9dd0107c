package viewers_test

import (
	"context"
	"errors"
	"testing"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

// No request of a viewer is charged for a plan that is being ended, and none turns renewals on
// again.
func TestPlanEnding_Refuses(t *testing.T) {
	t.Parallel()
	token := viewers.Source{PaymentSystem: billingtest.System, Token: billing.NewSecret("tok_new")}
	for name, c := range map[string]struct {
		before  func(w world)
		viewers int // whose subscriptions renew
		request func(w world) error
		want    error
	}{
		"subscribe": {func(world) {}, 0, func(w world) error {
			_, err := w.Process().Subscribe(w.T.Context(), billingtest.SubscribeBasic())
			return err
		}, billing.ErrPlanNotFound},
		"resume": {func(w world) { w.MustSubscribe(); w.cancel("basic", billing.AtPeriodEnd) }, 0, func(w world) error {
			_, err := w.Process().Resume(w.T.Context(), viewers.Resume{User: billingtest.Viewer, Ref: "basic"})
			return err
		}, billing.ErrInvalidTransition},
		"pay": {world.pastDue, 1, func(w world) error {
			_, err := w.Process().Pay(w.T.Context(), viewers.Pay{User: billingtest.Viewer, Ref: "basic", Price: billingtest.Price, Source: token})
			return err
		}, billing.ErrInvalidTransition},
		"replace the method": {world.pastDue, 1, func(w world) error {
			_, err := w.Process().Replace(w.T.Context(), viewers.Replace{User: billingtest.Viewer, Ref: "basic", Source: token})
			return err
		}, billing.ErrInvalidTransition},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.before(w)
			charges, before := len(w.Provider.Requests()), w.Subscriptions()
			if _, err := w.Catalog().EndPlan(t.Context(), "basic", "x", c.viewers); err != nil {
				t.Fatal(err)
			}
			if err := c.request(w); !errors.Is(err, c.want) {
				t.Errorf("the request returns %v, want %v", err, c.want)
			}
			if n := len(w.Provider.Requests()) - charges; n != 0 {
				t.Errorf("%d charges were sent", n)
			}
			for i, after := range w.Subscriptions() {
				if after.PlanEnding = false; after.Subscription != before[i].Subscription {
					t.Errorf("the subscription changed from %+v to %+v", before[i], after)
				}
			}
		})
	}
}

// A request whose statement began before the end of the plan, and that waited for the
// subscription since, sees the end before it stores anything.
func TestPlanEnding_SeenAfterWaiting(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before  func(w world)
		viewers int // whose subscriptions renew
		request func(w world, p process) error
	}{
		"resume": {func(w world) { w.MustSubscribe(); w.cancel("basic", billing.AtPeriodEnd) }, 0, func(w world, p process) error {
			_, err := p.Resume(w.T.Context(), viewers.Resume{User: billingtest.Viewer, Ref: "basic"})
			return err
		}},
		"pay": {world.pastDue, 1, func(w world, p process) error {
			_, err := p.Pay(w.T.Context(), viewers.Pay{User: billingtest.Viewer, Ref: "basic", Price: billingtest.Price})
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.before(w)
			charges := len(w.Provider.Requests())
			if _, err := w.Catalog().EndPlan(t.Context(), "basic", "x", c.viewers); err != nil {
				t.Fatal(err)
			}
			if err := c.request(w, w.ProcessOver(waitingStore{w.Store}, w.Provider)); !errors.Is(err, billing.ErrInvalidTransition) {
				t.Errorf("the request returns %v, want ErrInvalidTransition", err)
			}
			if n := len(w.Provider.Requests()) - charges; n != 0 {
				t.Errorf("%d charges were sent", n)
			}
		})
	}
}

// waitingStore finds subscriptions by statements that began before the end of their plans.
type waitingStore struct{ ports.Store }

func (s waitingStore) InTx(ctx context.Context, f func(ports.Repos) error) error {
	return s.Store.InTx(ctx, func(tx ports.Repos) error {
		tx.Subscriptions = waitingSubscriptions{tx.Subscriptions}
		return f(tx)
	})
}

type waitingSubscriptions struct{ ports.Subscriptions }

func (r waitingSubscriptions) Named(ctx context.Context, user billing.UserID, ref string) (billing.Subscription, error) {
	s, err := r.Subscriptions.Named(ctx, user, ref)
	s.PlanEnding = false
	return s, err
}
