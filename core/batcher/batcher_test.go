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

// TestTogether has callers come while a batch is under way.
func TestTogether(t *testing.T) {
	for _, c := range []struct {
		name      string
		few, most int
		come      int
		want      []int // sizes of the batches
	}{
		{"one by one", 0, 0, 1, []int{1}},
		{"all who waited", 0, 0, 10, []int{1, 9}},
		{"no more than a batch holds", 0, 4, 10, []int{1, 4, 4, 1}},
		{"few at a time", 4, 0, 12, []int{1, 4, 4, 3}},
		{"of a crowd, half", 2, 0, 24, []int{1, 2, 2, 4, 8, 7}},
		{"of a crowd, no more than a batch holds", 2, 5, 24, []int{1, 2, 2, 4, 5, 5, 5}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := batcher.Group[int, int]{Few: c.few, Most: c.most}
				var mu sync.Mutex
				var sizes []int
				gate := make(chan bool)
				var all sync.WaitGroup
				for i := range c.come {
					if i == 1 {
						synctest.Wait() // the first batch is under way
					}
					all.Go(func() {
						got, err := g.Do(i, func(batch []int) ([]int, error) {
							mu.Lock()
							sizes = append(sizes, len(batch))
							mu.Unlock()
							<-gate
							return double(batch)
						})
						if got != 2*i || err != nil {
							t.Errorf("Do(%d) = %d, %v", i, got, err)
						}
					})
				}
				synctest.Wait() // all wait, or are under way
				close(gate)
				all.Wait()
				if !slices.Equal(sizes, c.want) {
					t.Errorf("batches of %v, want %v", sizes, c.want)
				}
			})
		})
	}
}

// TestCrowd has callers come at the same time while nothing is under way. Go's
// scheduler lets one of them go first now and then.
func TestCrowd(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // so that nobody is served while others are still made
	const rounds, crowd = 100, 10
	together := 0
	for range rounds {
		var g batcher.Group[int, int]
		var all sync.WaitGroup
		for i := range crowd {
			all.Go(func() {
				_, _ = g.Do(i, func(batch []int) ([]int, error) {
					if len(batch) == crowd {
						together++
					}
					return double(batch)
				})
			})
		}
		all.Wait()
	}
	if together < rounds/2 {
		t.Errorf("all were served together in %d of %d rounds", together, rounds)
	}
}

// TestBeginsAfter lets somebody come while a batch is under way: it is served by
// the next, which sees what was true when it came.
func TestBeginsAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g batcher.Group[int, int]
		truth, gate := 1, make(chan bool)
		read := func(batch []int) ([]int, error) {
			now := truth
			<-gate
			return slices.Repeat([]int{now}, len(batch)), nil
		}
		go func() { _, _ = g.Do(0, read) }()
		synctest.Wait()
		truth = 2
		close(gate)
		if got, _ := g.Do(0, read); got != 2 {
			t.Error("it was told what was true before it came")
		}
	})
}

func TestError(t *testing.T) {
	var g batcher.Group[int, int]
	bad := errors.New("bad")
	if _, err := g.Do(1, func([]int) ([]int, error) { return nil, bad }); !errors.Is(err, bad) {
		t.Errorf("Do = %v, want %v", err, bad)
	}
	if got, err := g.Do(1, double); got != 2 || err != nil {
		t.Errorf("Do after an error = %d, %v", got, err)
	}
}

// TestPanic leaves nobody waiting.
func TestPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g batcher.Group[int, int]
		gate := make(chan bool)
		go func() { _, _ = g.Do(0, func(batch []int) ([]int, error) { <-gate; return double(batch) }) }()
		synctest.Wait()
		panicked, told := make(chan any, 2), make(chan error, 2)
		for range 2 {
			go func() {
				defer func() {
					if p := recover(); p != nil {
						panicked <- p
					}
				}()
				_, err := g.Do(1, func([]int) ([]int, error) { panic("oh") })
				told <- err
			}()
		}
		synctest.Wait()
		close(gate)
		if p := <-panicked; p != "oh" {
			t.Errorf("panic(%v)", p)
		}
		if err := <-told; !errors.Is(err, batcher.ErrFailed) {
			t.Errorf("the other is told %v", err)
		}
		if got, err := g.Do(1, double); got != 2 || err != nil {
			t.Errorf("Do after a panic = %d, %v", got, err)
		}
	})
}

// Who comes alone pays for no channel: a batch and its items is all.
func TestAlone(t *testing.T) {
	var g batcher.Group[int, int]
	results := []int{1}
	allocs := testing.AllocsPerRun(100, func() {
		_, _ = g.Do(1, func([]int) ([]int, error) { return results, nil })
	})
	if allocs > 2 {
		t.Errorf("%v allocations", allocs)
	}
}
