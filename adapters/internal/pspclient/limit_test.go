package pspclient

import (
	"context"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// hold returns a handler that reports each request and waits until release is closed.
func hold() (h http.HandlerFunc, arrived chan struct{}, release func()) {
	arrived, released := make(chan struct{}, 100), make(chan struct{})
	h = func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // so that the server sees the end of the connection
		arrived <- struct{}{}
		select {
		case <-released:
		case <-r.Context().Done():
		}
	}
	return h, arrived, func() { close(released) }
}

func TestDo_BoundsRequestsAtOnce(t *testing.T) {
	t.Parallel()
	var running, most atomic.Int64
	s := serve(t, func(http.ResponseWriter, *http.Request) {
		n := running.Add(1)
		defer running.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
	})
	cfg := config(s.URL)
	cfg.MaxConcurrent = 3
	c := newClient(t, cfg)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if _, err := c.Do(t.Context(), request()); err != nil {
				t.Errorf("Do: %v", err)
			}
		})
	}
	wg.Wait()
	if n := most.Load(); n > 3 {
		t.Errorf("%d requests ran at once, want at most 3", n)
	}
}

// One request holds the only slot. A second one gives up, and a third one gets the slot.
func TestDo_ContextEndsWhileWaitingForASlot(t *testing.T) {
	t.Parallel()
	h, arrived, release := hold()
	cfg := config(serve(t, h).URL)
	cfg.MaxConcurrent = 1
	c := newClient(t, cfg)
	first := make(chan error, 1)
	go func() {
		_, err := c.Do(t.Context(), request())
		first <- err
	}()
	<-arrived
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := c.Do(ctx, request())
	expectNotSent(t, err)
	release()
	if err := <-first; err != nil {
		t.Errorf("the first Do: %v", err)
	}
	if _, err := do(t, c); err != nil {
		t.Errorf("the third Do: %v", err)
	}
}

func TestDo_BoundsTheRate(t *testing.T) {
	t.Parallel()
	var requests atomic.Int64
	s := serve(t, func(http.ResponseWriter, *http.Request) { requests.Add(1) })
	cfg := config(s.URL)
	cfg.PerSecond, cfg.Burst, cfg.MaxConcurrent = 0.001, 2, 1
	c := newClient(t, cfg)
	for range 2 {
		if _, err := do(t, c); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := c.Do(ctx, request())
	expectNotSent(t, err)
	if len(c.slots) != 0 {
		t.Error("the request that was not sent keeps its slot")
	}
	if n := requests.Load(); n != 2 {
		t.Errorf("%d requests arrived, want 2", n)
	}
}
