package operators_test

import (
	"testing"

	"github.com/online-cinema/billing/core/billingtest"
)

type world struct{ billingtest.World }

func newWorld(t *testing.T) world {
	t.Helper()
	return world{billingtest.NewWorld(t)}
}
