package operators

import (
	"context"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// HistoryPage is a page of the events of all users.
type HistoryPage struct {
	Events []billing.Event
	Next   HistoryCursor
}

// HistoryCursor is the position after a page of events. It is zero on the last
// page.
type HistoryCursor struct {
	Until time.Time // older events have not been searched
	// BeforeAt and BeforeID name the last event on the page. They are zero if the
	// search stopped before the page was full.
	BeforeAt time.Time
	BeforeID billing.EventID
}

// History searches backwards, in windows that grow from firstWindow by
// windowGrowth. It thus reads few more events than it returns, even right after a
// renewal run has appended hundreds of thousands. A search for rare events stops
// after [Panel.SearchTime]; the cursor says how far it came.
const (
	firstWindow       = 15 * time.Second
	windowGrowth      = 4
	defaultSearchTime = 50 * time.Millisecond
)

// History returns a page of the events of all users between q.Since and q.Until,
// newest first. A zero bound means no bound. The page can have fewer than q.Limit
// events, or none, although older ones exist.
func (p Panel) History(ctx context.Context, by Operator, q ports.EventQuery) (HistoryPage, error) {
	if err := by.mayRead(); err != nil {
		return HistoryPage{}, err
	}
	oldest, err := p.Views.History.Oldest(ctx)
	if err != nil || oldest.IsZero() {
		return HistoryPage{}, err
	}
	since := latest(q.Since, oldest)
	if end := p.Clock.Now().Add(time.Minute); q.Until.IsZero() || q.Until.After(end) {
		q.Until = end
	}
	var page HistoryPage
	timer, stop := searchTimer(ctx, p.searchTime())
	defer stop()
	for window := firstWindow; q.Until.After(since); window *= windowGrowth {
		q.Since = latest(since, q.Until.Add(-window))
		found, err := p.Views.History.Events(ctx, q)
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
		if q.Until.After(since) && timer.Err() != nil {
			page.Next = HistoryCursor{Until: q.Until}
			break
		}
	}
	return page, addAuthors(ctx, p.Store.Views(), page.Events)
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
