package viewers_test

import (
	"errors"
	"testing"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
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
