package ports

import (
	"context"
	"errors"
	"strings"
	"time"
)

// Run is one run of the renewal job.
type Run struct {
	ID         string
	StartedAt  time.Time
	FinishedAt time.Time // zero while it runs, or when it was killed
	Summary    Summary
	Error      string // why it stopped early, if it did
}

// Runs keeps the runs of the renewal job, for people to look at.
type Runs interface {
	// Put adds a run, or replaces what was kept of it.
	Put(ctx context.Context, r Run) error
}

// Backlog is what waits to be done, and what was done last.
type Backlog struct {
	Pending       int       // payments that are not settled
	OldestPending time.Time // when the first of them was made; zero when there is none
	Due           int       // subscriptions that a run would take up now, as far as they were counted
	OldestDue     time.Time // since when the first of them is due; zero when there is none
	LastRun       Run       // that ended; zero when none did
}

// Summary counts what a run did.
type Summary struct {
	Settled  int // payments that an earlier run, or a viewer, had left unsettled
	Due      int // subscriptions that were charged, or tried to be
	Renewed  int // of those: paid
	Declined int // of those: declined
	Unknown  int // payments of which nobody knows what became
	Ended    int // subscriptions that ended
	Failed   int // of those due: could not be charged, through no fault of the viewer's
}

// Trouble reports whether somebody should look at the run, or it should be run
// again soon.
func (s Summary) Trouble() bool { return s.Unknown > 0 || s.Failed > 0 }

// ErrGaveUp says that a run stopped asking a payment system, which refuses our
// credentials or does not answer. Nobody is past due for it; the next run goes on.
var ErrGaveUp = errors.New("gave up on a payment system")

// OK reports whether a run that ended dealt with every item.
func (r Run) OK() bool { return r.Error == "" && !r.Summary.Trouble() }

// GaveUp reports whether a run that ended stopped asking a payment system.
func (r Run) GaveUp() bool { return strings.Contains(r.Error, ErrGaveUp.Error()) }
