package ports

import (
	"context"
	"errors"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// Run is one run of the renewal job.
type Run struct {
	ID         string
	StartedAt  time.Time
	FinishedAt time.Time // zero while the run goes on, and after it was killed
	Summary    Summary
	Error      string // why the run stopped early, or empty
	GaveUp     bool   // the run gave up a payment system
}

// OK reports whether a finished run processed every subscription.
func (r Run) OK() bool { return r.Error == "" && !r.Summary.Trouble() }

// Runs stores the runs of the renewal job.
type Runs interface {
	// Put adds or replaces a run.
	Put(ctx context.Context, r Run) error
}

// Backlog is the work that waits, and the last run.
type Backlog struct {
	Pending           int                         // pending payments
	OldestPending     time.Time                   // when the oldest of them was made that waits neither for its viewer nor for a person; zero if there is none
	InReview          int                         // of Pending: only a person can settle them
	Refunds           int                         // pending refunds
	OldestRefund      time.Time                   // when the oldest of them was made that waits for no person; zero if there is none
	RefundReview      int                         // of Refunds: only a person can settle them
	Receipts          int                         // pending receipts
	OldestReceipt     time.Time                   // when the oldest of them was made; zero if there is none
	Instructions      int                         // open instructions
	OldestInstruction time.Time                   // when the oldest of them was made; zero if there is none
	Approvals         int                         // instructions that wait for another person
	OldestApproval    time.Time                   // when the oldest of them was made; zero if there is none
	OldestPlanEnding  time.Time                   // when the oldest end of a plan began that is not done; zero if there is none
	Due               int                         // due subscriptions; counted up to a limit
	OldestDue         time.Time                   // due time of the first of them; zero if there is none
	Held              map[billing.DeclineCode]int // subscriptions on hold, by reason; each counted up to a limit
	LastRun           Run                         // the last finished run; zero if there is none
}

// Summary counts the results of a run.
type Summary struct {
	Settled  int // pending payments of earlier runs or of viewers that were settled
	Due      int // subscriptions that were charged or could not be
	Renewed  int // of Due: paid
	Declined int // of Due: declined
	Held     int // of Declined: on hold until the viewer acts
	Unknown  int // payments whose outcome is unknown
	Ended    int // subscriptions that ended
	Failed   int // of Due: not charged because of a fault on our side or the payment system's
	Waiting  int // payments that wait for a person, see [billing.Payment.NeedsReview], and renewals that wait for their notice
}

// Trouble reports whether a person must look at the run, or another run should
// follow soon. A payment that waits for a person has an alert of its own, and a notice needs
// only time.
func (s Summary) Trouble() bool { return s.Unknown > 0 || s.Failed > 0 }

// ErrGaveUp reports that a run stopped calling a payment system that rejects our
// credentials, does not respond, or refuses most charges alike. No subscription becomes
// past due because of it. The next run calls the payment system again.
var ErrGaveUp = errors.New("gave up on a payment system")
