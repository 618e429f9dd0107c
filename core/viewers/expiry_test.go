package viewers_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

// Steps go through all users, page by page, and then begin again.
func TestExpiry_Step(t *testing.T) {
	t.Parallel()
	w := billingtest.NewWorld(t)
	register := func(from, to int) {
		w.InTx(func(ctx context.Context, tx ports.Repos) error {
			for i := from; i < to; i++ {
				id := billing.UserID(fmt.Sprintf("viewer-%04d", i))
				if err := tx.Users.Identify(ctx, w.Clock.Now(), billing.User{ID: id, Subject: "subject of " + string(id)}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	register(0, 1500)
	keep := billing.KeepingTimes{Subject: 24 * time.Hour}
	x := &viewers.Expiry{Store: w.Store, Clock: w.Clock, Keep: keep}
	expect := func(names ...int) {
		t.Helper()
		for _, want := range names {
			got, err := x.Step(t.Context())
			if err != nil || got.Names != want {
				t.Errorf("a step erased %d names, %v; want %d", got.Names, err, want)
			}
		}
	}
	expect(0, 0)
	w.Clock.Advance(25 * time.Hour)
	register(0, 1) // is seen again
	expect(999, 500, 0, 0)
	w.Clock.Advance(25 * time.Hour)
	expect(1)
}

func TestExpiry_ForEver(t *testing.T) {
	t.Parallel()
	x := &viewers.Expiry{} // needs no store
	if got, err := x.Step(t.Context()); got != (ports.Expired{}) || err != nil {
		t.Errorf("a step erased %+v, %v; want nothing", got, err)
	}
}
