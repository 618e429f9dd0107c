// Package gather serves together those who wait together.
package gather

import (
	"errors"
	"sync"
)

// Group does a thing for many at a time: who comes while it is busy waits, and
// all who wait are served at once, by a batch that begins after they came.
// Nobody waits for others to come: under little load a batch is of one.
type Group[T, R any] struct {
	Most int // how many in a batch; 0 is any number

	mu      sync.Mutex
	busy    bool // a batch is under way
	waiting []*call[T, R]
}

type call[T, R any] struct {
	item   T
	turn   chan []*call[T, R] // of a call that waits: a batch to serve, this call the first; nil when served
	result R
	err    error
}

// ErrFailed is for those whose batch was served by another caller, and panicked
// there.
var ErrFailed = errors.New("gather: the batch panicked")

// Do has item served with others and returns its result. f serves a batch for
// all of its callers, so it must not depend on one of them: it returns one result
// for each item, in their order, or an error, which is everybody's.
func (g *Group[T, R]) Do(item T, f func([]T) ([]R, error)) (R, error) {
	c := &call[T, R]{item: item}
	if batch := g.await(c); batch != nil {
		g.serve(batch, f)
	}
	return c.result, c.err
}

// await returns the batch that c is to serve, or nil when another has served c.
func (g *Group[T, R]) await(c *call[T, R]) []*call[T, R] {
	g.mu.Lock()
	if !g.busy { // and so nobody waits
		g.busy = true
		g.mu.Unlock()
		return []*call[T, R]{c}
	}
	c.turn = make(chan []*call[T, R], 1)
	g.waiting = append(g.waiting, c)
	g.mu.Unlock()
	return <-c.turn
}

func (g *Group[T, R]) serve(batch []*call[T, R], f func([]T) ([]R, error)) {
	items := make([]T, len(batch))
	for i, c := range batch {
		items[i], c.err = c.item, ErrFailed
	}
	defer func() {
		for _, c := range batch[1:] {
			c.turn <- nil
		}
		g.next() // last, because whoever is woken last runs first, and others wait for this one
	}()
	results, err := f(items)
	for i, c := range batch {
		if c.err = err; err == nil {
			c.result = results[i]
		}
	}
}

// next gives the turn to those who wait.
func (g *Group[T, R]) next() {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := len(g.waiting)
	if n == 0 {
		g.busy = false
		return
	}
	if g.Most > 0 {
		n = min(n, g.Most)
	}
	batch := g.waiting[:n:n]
	g.waiting = g.waiting[n:]
	batch[0].turn <- batch
}
