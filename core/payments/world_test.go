package payments_test

import (
	"testing"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/payments"
)

type world struct{ billingtest.World }

func newWorld(t *testing.T) world {
	t.Helper()
	return world{billingtest.NewWorld(t)}
}

func inBubble(t *testing.T, f func(w world)) {
	t.Helper()
	billingtest.InBubble(t, func(w billingtest.World) { f(world{w}) })
}

// attempt is the first attempt to charge a payment that another process stored.
func attempt(c *payments.Collector, p billing.Payment) payments.Attempt {
	return payments.Attempt{Payment: &p, Deadline: c.SendDeadline()}
}
