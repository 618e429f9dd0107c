package ports

import (
	"context"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// Reminders stores the reminders of renewals.
type Reminders interface {
	// Add stores the reminders of q with their events: see [billing.Subscription.Remind]. It
	// skips subscriptions that another transaction has locked. A second reminder for the
	// same reason and due date is not stored, even by concurrent transactions.
	Add(ctx context.Context, q ReminderQuery) (ReminderBatch, error)
}

// ReminderQuery selects the subscriptions that are to be reminded for one reason, the
// earliest next charge first.
type ReminderQuery struct {
	Reason billing.ReminderReason
	Rules  billing.ReminderRules
	Now    time.Time
	From   time.Time         // lower bound of the next charge; zero for none
	IDs    []billing.EventID // for the events; their number limits the batch
}

// ReminderBatch is the result of a [ReminderQuery].
type ReminderBatch struct {
	Due  int       // subscriptions that were found
	Made int       // of Due: reminded
	Last time.Time // the latest next charge of Due; zero if none were found
}

// NoticeViews reads the renewals that wait for their notice.
type NoticeViews interface {
	// Waiting calls each for the renewals that q leaves out because of its NoticeBy, the
	// earliest first. It ignores the limit and the lower bound of q.
	Waiting(ctx context.Context, q DueQuery, each func(billing.Subscription) error) error
}
