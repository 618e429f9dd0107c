package postgres_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/adapters/postgres/pgtest"
)

// The servers of tests archive nothing. The rights of the API are enough to see that.
func TestArchive_Off(t *testing.T) {
	t.Parallel()
	got, err := postgres.NewStore(pgtest.New(t)).Archive(t.Context())
	if diff := cmp.Diff(postgres.Archive{}, got); diff != "" || err != nil {
		t.Errorf("state %v (-want +got):\n%s", err, diff)
	}
}
