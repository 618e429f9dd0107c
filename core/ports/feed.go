package ports

import (
	"context"
	"errors"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// ErrFeedEpoch means that a place in the feed belongs to another epoch: the database was
// restored since, or another server took over. Events may be lost or repeated there, so the
// place has no meaning any more.
var ErrFeedEpoch = errors.New("the place in the feed belongs to another epoch")

// Feed reads the events of all viewers in one order that never changes. An event is in the
// feed only when no transaction that is still running can add one before it. So a reader
// that continues after the last event misses none. An open transaction of any program delays
// the events of the time after it began. The events of a viewer are in the order of
// recording.
type Feed interface {
	// FeedPage returns the events after a place that q selects. It
	// returns [ErrFeedEpoch] if the place belongs to another epoch.
	FeedPage(ctx context.Context, q FeedQuery) (FeedPage, error)
	// FeedLag returns the age of the oldest event that is recorded but not in the feed yet,
	// or 0. It counts from the time in the event's id.
	FeedLag(ctx context.Context) (time.Duration, error)
}

// FeedPlace is a place in the feed: after the event with this number and id. The zero value
// is the beginning.
type FeedPlace struct {
	Xact int64
	ID   billing.EventID
}

// FeedQuery selects a page of the feed.
type FeedQuery struct {
	Epoch string    // of After; empty if After is not used
	After FeedPlace // used with an Epoch
	Since time.Time // leaves out events that were recorded, and happened, before; zero for none
	Types []billing.EventType
	Limit int // at least 1
}

// FeedPage is a page of the feed. Without events, nothing follows yet.
type FeedPage struct {
	Epoch  string
	Events []FeedEvent
	Next   FeedPlace // after the page; it may be behind its last event
}

// FeedEvent is an event with the subject of its viewer.
type FeedEvent struct {
	billing.Event
	Subject string // empty if not known
	Xact    int64  // of its place
}
