package operators

import (
	"context"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// HistoryPage is part of the history of all users.
type HistoryPage struct {
	Events []billing.Event
	Next   HistoryCursor
}

// HistoryCursor is where a page of the history ended, and the next one begins;
// zero when there is nothing older.
type HistoryCursor struct {
	Until    time.Time // how far back it was looked
	BeforeAt time.Time // and the last event that was shown, if it ended there
	BeforeID billing.EventID
}

// A look at the history goes back step by step, each longer than the one before,
// so that it never reads much more than it shows, even when a renewal run has
// just written hundreds of thousands of events. It gives up after a while: for
// something rare the page says how far it looked.
const (
	firstStep   = 15 * time.Second
	stepGrowth  = 4
	lookingTime = 50 * time.Millisecond
)

// History lists what happened to all users, newest first, between since and
// until: zero is no bound.
func (p Panel) History(ctx context.Context, by Operator, q ports.EventQuery) (HistoryPage, error) {
	if err := by.mayLook(); err != nil {
		return HistoryPage{}, err
	}
	oldest, err := p.Views.Oldest(ctx)
	if err != nil || oldest.IsZero() {
		return HistoryPage{}, err
	}
	since := later(q.Since, oldest)
	if end := p.Clock.Now().Add(time.Minute); q.Until.IsZero() || q.Until.After(end) {
		q.Until = end
	}
	var page HistoryPage
	began := time.Now() // how long it takes is no matter of billing's clock
	for step := firstStep; q.Until.After(since); step *= stepGrowth {
		q.Since = later(since, q.Until.Add(-step))
		found, err := p.Views.Events(ctx, q)
		if err != nil {
			return HistoryPage{}, err
		}
		page.Events = append(page.Events, found...)
		if q.Limit -= len(found); q.Limit <= 0 {
			last := page.Events[len(page.Events)-1]
			page.Next = HistoryCursor{last.At.Add(time.Microsecond), last.At, last.ID}
			break
		}
		q.Until = q.Since
		if q.Until.After(since) && time.Since(began) > lookingTime {
			page.Next = HistoryCursor{Until: q.Until}
			break
		}
	}
	return page, nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
