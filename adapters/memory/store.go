package memory

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/online-cinema/billing/core/ports"
)

// Store stores all data in maps. It is safe for concurrent use.
type Store struct {
	wall      func() time.Time
	running   chan struct{}         // holds an element while a transaction runs
	owner     atomic.Uint64         // goroutine of the running transaction; 0 if none runs
	committed atomic.Pointer[state] // immutable
}

var (
	_ ports.Store         = (*Store)(nil)
	_ ports.PaymentReader = (*Store)(nil)
	_ ports.RefundReader  = (*Store)(nil)
	_ ports.Feed          = (*Store)(nil)
)

// Option is an option of [New].
type Option func(*Store)

// WithWall replaces time.Now as the clock of leases and of the age of idempotency keys.
func WithWall(wall func() time.Time) Option {
	return func(s *Store) { s.wall = wall }
}

// New returns an empty store.
func New(options ...Option) *Store {
	s := &Store{wall: time.Now, running: make(chan struct{}, 1)}
	for _, option := range options {
		option(s)
	}
	s.committed.Store(newState())
	return s
}

// InTx implements [ports.Store]. It waits until no other transaction runs, or ctx ends. If
// ctx ends before the commit, InTx changes nothing. It panics if f calls it.
func (s *Store) InTx(ctx context.Context, f func(tx ports.Repos) error) error {
	s.mustBeOutside("InTx")
	if err := s.begin(ctx); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer s.end()
	t := &tx{state: s.committed.Load().clone(), wall: s.wall}
	if err := f(t.repos()); err != nil {
		return err
	}
	if t.abortedBy != nil {
		return fmt.Errorf("commit: the transaction continued after an error: %w", t.abortedBy)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("commit: %w", context.Cause(ctx))
	}
	s.committed.Store(t.state)
	return nil
}

func (s *Store) begin(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	select {
	case s.running <- struct{}{}:
		s.owner.Store(goroutine())
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *Store) end() {
	s.owner.Store(0)
	<-s.running
}

// InTransaction reports whether the calling goroutine is inside f of [Store.InTx]. Fake
// payment systems use it to fail tests that charge in a transaction. Goroutines that f
// started are outside.
func (s *Store) InTransaction() bool {
	owner := s.owner.Load()
	return owner != 0 && owner == goroutine() // goroutine is slow
}

func (s *Store) mustBeOutside(method string) {
	if s.InTransaction() {
		panic("memory: " + method + " called inside a transaction: use tx")
	}
}
