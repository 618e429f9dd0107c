package storetest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/online-cinema/billing/core/ports"
)

type txFunc = func(ctx context.Context, tx ports.Repos) error

// patience is the time for which a transaction must stay blocked. A store that does
// not block finishes long before. On a very slow machine the test may miss that, but
// it never fails for a correct store.
const patience = 50 * time.Millisecond

// wantBlocked starts second in its own transaction while the transaction of first is
// open. The second must not finish before the first one has committed. wantBlocked
// returns the error of the second.
func (w *world) wantBlocked(first, second txFunc) error {
	w.Helper()
	return w.wantBlockedUntil(first, second, nil)
}

// wantBlockedUntil is wantBlocked with a first transaction that returns the error
// end. It commits if end is nil.
func (w *world) wantBlockedUntil(first, second txFunc, end error) error {
	w.Helper()
	done := make(chan error, 1)
	var once sync.Once
	err := w.try(func(ctx context.Context, tx ports.Repos) error {
		if err := first(ctx, tx); err != nil {
			return err
		}
		once.Do(func() { go func() { done <- w.try(second) }() })
		select {
		case err := <-done:
			w.Errorf("the second transaction did not wait for the first: %v", err)
			done <- err
		case <-time.After(patience):
		}
		return end
	})
	if !errors.Is(err, end) {
		w.Fatalf("the first transaction: %v, want %v", err, end)
	}
	return <-done
}

// race runs all functions at once, each in its own transaction, and returns their
// errors.
func (w *world) race(funcs ...txFunc) []error {
	errs := make([]error, len(funcs))
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i, f := range funcs {
		wg.Go(func() {
			<-start
			errs[i] = w.try(f)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

// wantOneWinner expects that one of errs is nil and the others are loser.
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
		w.Errorf("%d of %d succeeded, want one", won, len(errs))
	}
}
