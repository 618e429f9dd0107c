package providertest_test

import (
	"testing"

	"github.com/online-cinema/billing/core/providertest"
)

// The example's sandbox passes the suite, so the example is a correct adapter.
func TestRun_Example(t *testing.T) {
	t.Parallel()
	providertest.Run(t, newSandbox)
}
