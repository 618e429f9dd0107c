package feed

import (
	"context"
	"errors"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Feed reads the events of all viewers.
type Feed struct {
	Store ports.Feed
}

// Query selects a page. At most one of After and Since is set.
type Query struct {
	After string    // Next of an earlier page; empty to begin
	Since time.Time // begin with events that were recorded, or happened, at or after it; zero for the oldest event
	Types []billing.EventType
	Limit int // at least 1
}

// Page is a page of the feed. Without events, nothing follows yet.
type Page struct {
	Events []ports.FeedEvent
	Next   string // cursor; never empty
}

// Page returns the events that q selects, in the order of the feed. It returns
// [billing.ErrCursorExpired] for a cursor of another epoch, and a [billing.InvalidError] for
// a text that is no cursor.
func (f Feed) Page(ctx context.Context, q Query) (Page, error) {
	at := cursor{since: q.Since}
	if q.After != "" {
		var ok bool
		if at, ok = parseCursor(q.After); !ok {
			return Page{}, &billing.InvalidError{Faults: []billing.Fault{
				{Field: "after", Message: "is not a next_cursor of this list; leave it out to begin with the oldest event"},
			}}
		}
	}
	page, err := f.Store.FeedPage(ctx, ports.FeedQuery{
		Epoch: at.epoch, After: at.place, Since: at.since, Types: q.Types, Limit: q.Limit,
	})
	if errors.Is(err, ports.ErrFeedEpoch) {
		return Page{}, billing.ErrCursorExpired
	}
	next := cursor{epoch: page.Epoch, place: page.Next, since: at.since}
	return Page{Events: page.Events, Next: next.String()}, err
}
