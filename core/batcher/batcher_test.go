package batcher_test

import (
	"errors"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/online-cinema/billing/core/batcher"
)

func double(batch []int) ([]int, error) {
	var results []int
	for _, n := range batch {
		results = append(results, 2*n)
	}
	return results, nil
}

// TestDo_BatchSizes makes the first call, and the others while its batch runs.
func TestDo_BatchSizes(t *testing.T) {
	for _, c := range []struct {
		name        string
		target, max int
		calls       int
		want        []int // sizes of the batches
	}{
		{"one call", 0, 0, 1, []int{1}},
		{"whole queue", 0, 0, 10, []int{1, 9}},
		{"at most Max", 0, 4, 10, []int{1, 4, 4, 1}},
		{"Target", 4, 0, 12, []int{1, 4, 4, 3}},
		{"half of a long queue", 2, 0, 24, []int{1, 2, 2, 4, 8, 7}},
		{"half of a long queue, at most Max", 2, 5, 24, []int{1, 2, 2, 4, 5, 5, 5}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := batcher.Batcher[int, int]{Target: c.target, Max: c.max}
				var mu sync.Mutex
				var sizes []int
				gate := make(chan bool)
				var calls sync.WaitGroup
				for i := range c.calls {
					if i == 1 {
						synctest.Wait() // the first batch is running
					}
					calls.Go(func() {
						got, err := b.Do(i, func(batch []int) ([]int, error) {
							mu.Lock()
							sizes = append(sizes, len(batch))
							mu.Unlock()
							<-gate
							return double(batch)
						})
						if got != 2*i || err != nil {
							t.Errorf("Do(%d) = %d, %v; want %d", i, got, err, 2*i)
						}
					})
				}
				synctest.Wait() // every call is running or queued
				close(gate)
				calls.Wait()
				if !slices.Equal(sizes, c.want) {
					t.Errorf("batches of %v, want %v", sizes, c.want)
				}
			})
		})
	}
}

// TestDo_SimultaneousCallsShareBatch makes calls at the same time while no batch
// is running. The scheduler may run one call before the others start, so the test
// requires a full batch only in half of the rounds.
func TestDo_SimultaneousCallsShareBatch(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // no call runs before all goroutines exist
	const rounds, calls = 100, 10
	full := 0
	for range rounds {
		var b batcher.Batcher[int, int]
		var round sync.WaitGroup
		for i := range calls {
			round.Go(func() {
				_, _ = b.Do(i, func(batch []int) ([]int, error) {
					if len(batch) == calls {
						full++
					}
					return double(batch)
				})
			})
		}
		round.Wait()
	}
	if full < rounds/2 {
		t.Errorf("all calls shared a batch in %d of %d rounds, want at least half", full, rounds)
	}
}

// TestDo_BatchStartsAfterCall makes a call while a batch is running. The call
// joins the next batch, which sees the state at the time of the call.
func TestDo_BatchStartsAfterCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b batcher.Batcher[int, int]
		state, gate := 1, make(chan bool)
		read := func(batch []int) ([]int, error) {
			now := state
			<-gate
			return slices.Repeat([]int{now}, len(batch)), nil
		}
		go func() { _, _ = b.Do(0, read) }()
		synctest.Wait()
		state = 2
		close(gate)
		if got, _ := b.Do(0, read); got != 2 {
			t.Errorf("Do = %d, the state before the call; want 2", got)
		}
	})
}

func TestDo_Error(t *testing.T) {
	var b batcher.Batcher[int, int]
	bad := errors.New("bad")
	if _, err := b.Do(1, func([]int) ([]int, error) { return nil, bad }); !errors.Is(err, bad) {
		t.Errorf("Do = %v, want %v", err, bad)
	}
	if got, err := b.Do(1, double); got != 2 || err != nil {
		t.Errorf("Do after an error = %d, %v; want 2", got, err)
	}
}

// TestDo_Panic verifies that a panic reaches one caller, that the other calls of
// the batch return ErrPanicked, and that the next call succeeds.
func TestDo_Panic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b batcher.Batcher[int, int]
		gate := make(chan bool)
		go func() { _, _ = b.Do(0, func(batch []int) ([]int, error) { <-gate; return double(batch) }) }()
		synctest.Wait()
		panics, errs := make(chan any, 2), make(chan error, 2)
		for range 2 {
			go func() {
				defer func() {
					if p := recover(); p != nil {
						panics <- p
					}
				}()
				_, err := b.Do(1, func([]int) ([]int, error) { panic("oh") })
				errs <- err
			}()
		}
		synctest.Wait()
		close(gate)
		if p := <-panics; p != "oh" {
			t.Errorf("panic(%v), want oh", p)
		}
		if err := <-errs; !errors.Is(err, batcher.ErrPanicked) {
			t.Errorf("the other call returned %v, want ErrPanicked", err)
		}
		if got, err := b.Do(1, double); got != 2 || err != nil {
			t.Errorf("Do after a panic = %d, %v; want 2", got, err)
		}
	})
}

// TestDo_SingleCallAllocations: a single call allocates the batch and its items,
// but no channel.
func TestDo_SingleCallAllocations(t *testing.T) {
	var b batcher.Batcher[int, int]
	results := []int{1}
	allocs := testing.AllocsPerRun(100, func() {
		_, _ = b.Do(1, func([]int) ([]int, error) { return results, nil })
	})
	if allocs > 2 {
		t.Errorf("%v allocations, want at most 2", allocs)
	}
}
