package renewals

import (
	"time"

	"github.com/online-cinema/billing/core/payments"
)

// outcomes gathers what chargers find out, so that it is recorded many at a time:
// a batch is ready when it is full, or a while after its first came. Chargers wait
// while all recorders are busy.
type outcomes struct {
	filling chan []payments.Verdict // the batch that is being filled; whoever has it out may change it
	ready   chan []payments.Verdict
	empty   chan []payments.Verdict // batches that were recorded, for the next ones
	flush   *time.Timer
}

func newOutcomes() *outcomes {
	o := &outcomes{
		filling: make(chan []payments.Verdict, 1), ready: make(chan []payments.Verdict), empty: make(chan []payments.Verdict, recorders+1),
	}
	for range cap(o.empty) {
		o.empty <- nil // room for them is made when there is something to record
	}
	o.filling <- <-o.empty
	o.flush = time.AfterFunc(flushAfter, func() { o.filling <- o.pass(<-o.filling) })
	return o
}

func (o *outcomes) add(v *payments.Verdict) {
	batch := append(<-o.filling, *v)
	switch len(batch) {
	case 1:
		o.flush.Reset(flushAfter)
	case payments.MaxBatch:
		batch = o.pass(batch)
	}
	o.filling <- batch
}

// pass gives a batch to the recorders and returns an empty one.
func (o *outcomes) pass(batch []payments.Verdict) []payments.Verdict {
	if len(batch) == 0 {
		return batch
	}
	o.ready <- batch
	return <-o.empty
}

// done takes a batch back that was recorded.
func (o *outcomes) done(batch []payments.Verdict) {
	clear(batch)
	o.empty <- batch[:0]
}

// close passes on what there is. Nothing may be added any more.
func (o *outcomes) close() {
	o.flush.Stop()
	o.filling <- o.pass(<-o.filling)
	close(o.ready)
}
