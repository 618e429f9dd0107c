package memory

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/online-cinema/billing/core/ports"
)

// Store keeps everything in maps. Any number of goroutines may use it.
type Store struct {
	wall  func() time.Time
	turn  chan struct{}         // holds one while a transaction runs
	owner atomic.Uint64         // goroutine of the transaction that runs; 0 when none does
	kept  atomic.Pointer[state] // never changed once it is here
}

var (
	_ ports.Store         = (*Store)(nil)
	_ ports.PaymentReader = (*Store)(nil)
)

// Option changes how a store behaves.
type Option func(*Store)

// WithWall sets the wall clock that leases and the age of answers are measured
// on, instead of time.Now.
func WithWall(wall func() time.Time) Option {
	return func(s *Store) { s.wall = wall }
}

// New returns an empty store.
func New(options ...Option) *Store {
	s := &Store{wall: time.Now, turn: make(chan struct{}, 1)}
	for _, option := range options {
		option(s)
	}
	s.kept.Store(newState())
	return s
}

// InTx implements [ports.Store]. It waits for its turn, but no longer than ctx
// lives, and keeps nothing when ctx has died meanwhile. It panics when f calls it.
func (s *Store) InTx(ctx context.Context, f func(tx ports.Repos) error) error {
	s.mustBeOutside("InTx")
	if err := s.begin(ctx); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer s.end()
	t := &tx{state: s.kept.Load().clone(), wall: s.wall}
	if err := f(t.repos()); err != nil {
		return err
	}
	if t.refused != nil {
		return fmt.Errorf("commit: the transaction carried on after it was refused something: %w", t.refused)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("commit: %w", context.Cause(ctx))
	}
	s.kept.Store(t.state)
	return nil
}

func (s *Store) begin(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	select {
	case s.turn <- struct{}{}:
		s.owner.Store(goroutine())
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *Store) end() {
	s.owner.Store(0)
	<-s.turn
}

// InTransaction reports whether the goroutine that asks is inside f of
// [Store.InTx]: a fake payment system fails the test then. Goroutines that f
// started count as outside.
func (s *Store) InTransaction() bool { return s.owner.Load() == goroutine() }

func (s *Store) mustBeOutside(what string) {
	if s.InTransaction() {
		panic("memory: " + what + " inside a transaction: use tx")
	}
}
