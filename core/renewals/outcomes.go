package renewals

import (
	"time"

	"github.com/online-cinema/billing/core/payments"
)

// flushAfter bounds how long an outcome waits for others to be recorded with.
const flushAfter = 20 * time.Millisecond

// outcomes collects charged intents into batches for the recorders. A batch is
// ready when it is full, or flushAfter its first outcome. add blocks while all
// recorders are busy.
type outcomes struct {
	filling chan []payments.Attempt // holds the open batch; its receiver may change it
	ready   chan []payments.Attempt
	empty   chan []payments.Attempt // recorded batches, for reuse
	flush   *time.Timer
}

func newOutcomes() *outcomes {
	o := &outcomes{
		filling: make(chan []payments.Attempt, 1), ready: make(chan []payments.Attempt), empty: make(chan []payments.Attempt, recorders+1),
	}
	for range cap(o.empty) {
		o.empty <- nil // allocated at first use
	}
	o.filling <- <-o.empty
	o.flush = time.AfterFunc(flushAfter, func() { o.filling <- o.pass(<-o.filling) })
	return o
}

func (o *outcomes) add(a *payments.Attempt) {
	batch := append(<-o.filling, *a)
	switch len(batch) {
	case 1:
		o.flush.Reset(flushAfter)
	case payments.MaxBatch:
		batch = o.pass(batch)
	}
	o.filling <- batch
}

// pass hands a batch to the recorders and returns an empty one.
func (o *outcomes) pass(batch []payments.Attempt) []payments.Attempt {
	if len(batch) == 0 {
		return batch
	}
	o.ready <- batch
	return <-o.empty
}

// recycle takes back a batch that was recorded.
func (o *outcomes) recycle(batch []payments.Attempt) {
	clear(batch)
	o.empty <- batch[:0]
}

// close passes on the last batch. add must not be called afterwards.
func (o *outcomes) close() {
	o.flush.Stop()
	o.filling <- o.pass(<-o.filling)
	close(o.ready)
}
