package postgres_test

import (
	"testing"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/adapters/postgres/pgtest"
	"github.com/online-cinema/billing/core/app/storetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) storetest.Harness {
		s := postgres.NewStore(pgtest.New(t))
		return storetest.Harness{Store: s, Books: s}
	})
}
