package renewals_test

import (
	"testing"

	"github.com/online-cinema/billing/core/billingtest"
)

type world struct{ billingtest.World }

func inBubble(t *testing.T, f func(w world)) {
	t.Helper()
	billingtest.InBubble(t, func(w billingtest.World) { f(world{w}) })
}
