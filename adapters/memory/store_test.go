package memory_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/memory"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/storetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(*testing.T) storetest.Harness {
		s := memory.New()
		return storetest.Harness{Store: s, Payments: s, Refunds: s, Feed: s}
	})
}

func TestStore_Panel(t *testing.T) {
	t.Parallel()
	storetest.RunPanel(t, func(*testing.T) storetest.PanelHarness {
		s := memory.New()
		return storetest.PanelHarness{Harness: storetest.Harness{Store: s, Payments: s, Refunds: s, Feed: s}, Panel: s, Owner: s}
	})
}

func TestStore_UsedInTransaction(t *testing.T) {
	t.Parallel()
	s := memory.New()
	for name, misuse := range map[string]func(context.Context){
		"another transaction": func(ctx context.Context) { _ = s.InTx(ctx, func(ports.Repos) error { return nil }) },
		"views":               func(ctx context.Context) { _, _ = s.Views().Plans(ctx) },
		"payment reader": func(ctx context.Context) {
			_ = s.Paid(ctx, "", "", func(ports.PaidPayment) error { return nil })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				if recover() == nil {
					t.Error("no panic, want one")
				}
			}()
			_ = s.InTx(t.Context(), func(ports.Repos) error { misuse(t.Context()); return nil })
		})
	}
}

func TestInTransaction(t *testing.T) {
	t.Parallel()
	s := memory.New()
	err := s.InTx(t.Context(), func(ports.Repos) error {
		outside := make(chan bool)
		go func() { outside <- s.InTransaction() }()
		if !s.InTransaction() || <-outside {
			t.Error("InTransaction is wrong inside f or in a goroutine that f started")
		}
		return nil
	})
	if err != nil || s.InTransaction() {
		t.Errorf("after InTx: error %v, InTransaction %t; want nil, false", err, s.InTransaction())
	}
}

func TestInTx_ContinuesAfterError(t *testing.T) {
	t.Parallel()
	s := memory.New()
	err := s.InTx(t.Context(), func(tx ports.Repos) error {
		ps := billing.PaymentSystem{Code: "twice"}
		_ = tx.PaymentSystems.Add(t.Context(), ps)
		_ = tx.PaymentSystems.Add(t.Context(), ps)
		return nil
	})
	if !errors.Is(err, billing.ErrAlreadyExists) {
		t.Errorf("error %v, want ErrAlreadyExists", err)
	}
	if kept, _ := s.Views().PaymentSystems(t.Context()); len(kept) > 0 {
		t.Errorf("committed %v, want nothing", kept)
	}
}

func TestWithWall(t *testing.T) {
	t.Parallel()
	wall := time.Date(2026, time.March, 1, 0, 0, 0, 0, time.UTC)
	s := memory.New(memory.WithWall(func() time.Time { return wall }))
	prune := func() (n int) {
		err := s.InTx(t.Context(), func(tx ports.Repos) (err error) {
			n, err = tx.IdempotencyKeys.Prune(t.Context(), time.Hour, time.Hour, 10)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	err := s.InTx(t.Context(), func(tx ports.Repos) error {
		return tx.IdempotencyKeys.Claim(t.Context(), ports.KeyedRequest{Key: "key"}, "")
	})
	if n := prune(); err != nil || n != 0 {
		t.Errorf("before the hour: pruned %d, %v; want 0", n, err)
	}
	wall = wall.Add(time.Hour)
	if n := prune(); n != 1 {
		t.Errorf("after the hour: pruned %d, want 1", n)
	}
}
