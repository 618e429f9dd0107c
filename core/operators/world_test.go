package operators_test

import (
	"context"
	"testing"

	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
)

type world struct{ billingtest.World }

func newWorld(t *testing.T) world {
	t.Helper()
	return world{billingtest.NewWorld(t)}
}

// changedStore is a store whose transactions see changed repositories.
type changedStore struct {
	ports.Store
	change func(*ports.Repos)
}

func (s changedStore) InTx(ctx context.Context, f func(ports.Repos) error) error {
	return s.Store.InTx(ctx, func(tx ports.Repos) error {
		s.change(&tx)
		return f(tx)
	})
}
