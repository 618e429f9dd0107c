package payments_test

import (
	"testing"

	"github.com/online-cinema/billing/core/billingtest"
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
