package memory

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

type reminders struct{ *tx }

type reminderKey struct {
	subscription billing.SubscriptionID
	reason       billing.ReminderReason
}

type reminder struct{ due, made time.Time }

func (r reminders) Add(ctx context.Context, q ports.ReminderQuery) (ports.ReminderBatch, error) {
	var batch ports.ReminderBatch
	for _, e := range r.toRemind(q) {
		if batch.Due == len(q.IDs) {
			break
		}
		s := r.subscriptions[e.SubscriptionID]
		r.reminders[reminderKey{s.ID, q.Reason}] = reminder{s.Current.End, q.Now}
		e.ID = q.IDs[batch.Due]
		batch.Due, batch.Made, batch.Last = batch.Due+1, batch.Made+1, s.NextChargeAt
		if err := events(r).Append(ctx, e); err != nil {
			return batch, err
		}
	}
	return batch, nil
}

// toRemind returns the reminders of q, the earliest next charge first. It ignores the number
// of ids.
func (s *state) toRemind(q ports.ReminderQuery) []billing.Event {
	var due []billing.Subscription
	events := make(map[billing.SubscriptionID]billing.Event)
	for _, sub := range s.subscriptions {
		e, remind := s.withPlan(sub).Remind(q.Reason, q.Rules, s.remindersOf(sub, q.Reason), q.Now)
		if remind && !sub.NextChargeAt.Before(q.From) {
			due, events[sub.ID] = append(due, sub), e
		}
	}
	slices.SortFunc(due, func(a, b billing.Subscription) int {
		return cmp.Or(a.NextChargeAt.Compare(b.NextChargeAt), cmp.Compare(a.ID, b.ID))
	})
	return mapSlice(due, func(sub billing.Subscription) billing.Event { return events[sub.ID] })
}

func (s *state) remindersOf(sub billing.Subscription, reason billing.ReminderReason) billing.Reminders {
	var has billing.Reminders
	for _, g := range s.grants {
		has.Given = has.Given || g.SubscriptionID == sub.ID && g.Period.End.Equal(sub.NextChargeAt)
	}
	for key, r := range s.reminders {
		same := key.subscription == sub.ID && (key.reason == reason || reason == billing.ReminderLaw)
		has.Reminded = has.Reminded || same && r.due.Equal(sub.Current.End)
	}
	return has
}

// waits reports whether the renewal of a subscription has no reminder of by or earlier.
// Nothing waits if by is zero.
func (s *state) waits(sub billing.Subscription, by time.Time) bool {
	if by.IsZero() || !sub.Renews() {
		return false
	}
	for key, r := range s.reminders {
		if key.subscription == sub.ID && r.due.Equal(sub.Current.End) && !r.made.After(by) {
			return false
		}
	}
	return true
}

func (v views) Waiting(_ context.Context, q ports.DueQuery, each func(billing.Subscription) error) error {
	st := v.state()
	for _, d := range st.due(ports.DueQuery{Now: q.Now, Systems: q.Systems}) {
		if !st.waits(d.Subscription, q.NoticeBy) {
			continue
		}
		if err := each(d.Subscription); err != nil {
			return err
		}
	}
	return nil
}
