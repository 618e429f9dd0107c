package storetest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/online-cinema/billing/core/ports"
)

type work = func(ctx context.Context, tx ports.Repos) error

// patience is how long a transaction is watched waiting. One that does not wait
// although it should is through long before; on a machine so slow that it is
// not, the test sees nothing wrong, but never fails without reason.
const patience = 50 * time.Millisecond

// checkWaits does first, and before that transaction ends starts second in one
// of its own, which must not get through until then. It returns what second
// said.
func (w *world) checkWaits(first, second work) error {
	w.Helper()
	return w.checkWaitsUntil(first, second, nil)
}

// checkWaitsUntil is checkWaits with a first transaction that ends with an
// error, or is kept when that is nil.
func (w *world) checkWaitsUntil(first, second work, end error) error {
	w.Helper()
	through := make(chan error, 1)
	var once sync.Once
	err := w.try(func(ctx context.Context, tx ports.Repos) error {
		if err := first(ctx, tx); err != nil {
			return err
		}
		once.Do(func() { go func() { through <- w.try(second) }() })
		select {
		case err := <-through:
			w.Errorf("the second transaction did not wait for the first; it said: %v", err)
			through <- err
		case <-time.After(patience):
		}
		return end
	})
	if !errors.Is(err, end) {
		w.Fatalf("the first transaction: %v, want %v", err, end)
	}
	return <-through
}

// race does all works at once, each in a transaction of its own, and returns
// what they said.
func (w *world) race(works ...work) []error {
	errs := make([]error, len(works))
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i, f := range works {
		wg.Go(func() {
			<-start
			errs[i] = w.try(f)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

// wantOneWinner checks that one of errs is nil and the others are loser.
func (w *world) wantOneWinner(errs []error, loser error) {
	w.Helper()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else {
			w.wantErr(err, loser)
		}
	}
	if won != 1 {
		w.Errorf("%d of %d got through, want one", won, len(errs))
	}
}
