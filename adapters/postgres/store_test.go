package postgres_test

import (
	"testing"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/adapters/postgres/pgtest"
	"github.com/online-cinema/billing/adapters/vault"
	"github.com/online-cinema/billing/core/storetest"
)

func newVault(t *testing.T) *vault.Vault {
	t.Helper()
	v, err := vault.InMemory()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) storetest.Harness {
		s := postgres.NewStore(pgtest.New(t), postgres.WithVault(newVault(t)))
		return storetest.Harness{Store: s, Payments: s, Refunds: s, Feed: s}
	})
}

func TestStore_WithoutVault(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) storetest.Harness {
		s := postgres.NewStore(pgtest.New(t))
		return storetest.Harness{Store: s, Payments: s, Refunds: s, Feed: s}
	})
}
