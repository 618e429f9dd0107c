// Package gather serves together those who wait together.
package batcher

import (
	"errors"
	"runtime"
	"slices"
	"sync"
)

// Group does a thing for many at a time: who comes while it is busy waits, and
// those who wait are served together, by a batch that begins after they came.
// Nobody waits for others to come, but who is about to come is let in: under
// little load a batch is of one.
//
// Those who are served together often come again together, and a batch of all who
// wait gathers more of them each time, until everybody waits for everybody. Few
// keeps them apart.
type Group[T, R any] struct {
	Few  int // how many in a batch; half of those who wait if that is more; 0 is all of them
	Most int // how many in any batch; 0 is any number

	mu      sync.Mutex
	busy    bool           // it is somebody's turn
	waiting []*batch[T, R] // that have not begun; the first is the next to
	crowd   int            // how many are in those
}

// batch is served by the first who is in it.
type batch[T, R any] struct {
	items   []T
	turn    chan struct{} // closed when it may begin; nil when it need not wait
	done    chan struct{} // closed when it is served; nil when nobody waits for that
	results []R
	err     error
}

// ErrFailed is for those whose batch was served by another caller, and panicked
// there.
var ErrFailed = errors.New("batcher: the batch panicked")

// Do has item served with others and returns its result. f serves a batch for
// all of its callers, so it must not depend on one of them: it returns one result
// for each item, in their order, or an error, which is everybody's.
func (g *Group[T, R]) Do(item T, f func([]T) ([]R, error)) (result R, err error) {
	b, place := g.join(item)
	if place == 0 {
		g.serve(b, f)
	} else {
		<-b.done
	}
	if b.err == nil {
		result = b.results[place]
	}
	return result, b.err
}

// join returns the batch that the item is in, and its place there.
func (g *Group[T, R]) join(item T) (b *batch[T, R], place int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.crowd++
	last := len(g.waiting) - 1
	if last < 0 || g.full(len(g.waiting[last].items)) {
		b = &batch[T, R]{items: []T{item}}
		if g.busy {
			b.turn = make(chan struct{})
		}
		g.busy = true
		g.waiting = append(g.waiting, b)
		return b, 0
	}
	b = g.waiting[last]
	if b.done == nil {
		b.done = make(chan struct{})
	}
	b.items = append(b.items, item)
	return b, len(b.items) - 1
}

// full reports whether so many are enough for one batch.
func (g *Group[T, R]) full(n int) bool {
	return g.Few > 0 && n >= max(g.Few, g.crowd/2) || g.Most > 0 && n >= g.Most
}

// serve serves b when it is its turn.
func (g *Group[T, R]) serve(b *batch[T, R], f func([]T) ([]R, error)) {
	if b.turn != nil {
		<-b.turn
	}
	// Callers come in crowds: those who were just served, and those whose requests
	// came over the network at the same time. Without this the first of a crowd is
	// a batch of its own, which all others wait for.
	runtime.Gosched()
	g.begin()
	b.err = ErrFailed
	defer func() {
		if b.done != nil {
			close(b.done)
		}
		g.next() // last, because whoever is woken last runs first, and others wait for this one
	}()
	b.results, b.err = f(b.items)
}

// begin has the batch begin whose turn it is. From then on nobody joins it.
func (g *Group[T, R]) begin() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.crowd -= len(g.waiting[0].items)
	g.waiting = slices.Delete(g.waiting, 0, 1)
}

// next gives the turn to those who wait for the longest.
func (g *Group[T, R]) next() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.busy = len(g.waiting) > 0; g.busy {
		close(g.waiting[0].turn)
	}
}
