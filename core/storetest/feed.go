package storetest

import (
	"context"
	"slices"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

var feedCases = []testCase{
	{"has the events of all viewers, in the order of their transactions", func(w *world) {
		a, b := w.subscribe(0), w.subscribe(0)
		before := w.feed(ports.FeedQuery{Limit: 100})
		first, second, third := b.event(billing.EventSubscribed), a.event(billing.EventSubscribed), b.event(billing.EventEnded)
		w.append(third) // recorded first, although its id is greater
		w.append(second, first)
		w.wantFeed(w.feed(after(before, 10)), third, first, second)
		w.wantFeed(w.feed(after(before, 1)), third)
		w.wantFeed(w.feed(after(w.feed(after(before, 1)), 10)), first, second)
		w.wantFeed(w.feed(after(w.feed(after(before, 2)), 10)), second)
	}},
	{"begins with the oldest event, and is caught up when it is empty", func(w *world) {
		w.wantFeed(w.feed(ports.FeedQuery{Limit: 1}))
		d := w.subscribe(0)
		e, later := d.event(billing.EventSubscribed), d.event(billing.EventRenewed)
		w.append(e)
		all := w.feed(ports.FeedQuery{Limit: 100})
		w.wantFeed(all, e)
		caughtUp := w.feed(after(all, 100))
		w.wantFeed(caughtUp)
		w.append(later)
		w.wantFeed(w.feed(after(caughtUp, 100)), later)
		w.wantFeed(w.feed(after(all, 100)), later)
	}},
	{"leaves out other types", func(w *world) {
		d := w.subscribe(0)
		subscribed, renewed, ended := d.event(billing.EventSubscribed), d.event(billing.EventRenewed), d.event(billing.EventEnded)
		w.append(subscribed, renewed)
		w.append(ended)
		w.wantFeed(w.feed(ports.FeedQuery{Limit: 100, Types: []billing.EventType{billing.EventEnded, billing.EventSubscribed}}), subscribed, ended)
		w.wantFeed(w.feed(ports.FeedQuery{Limit: 100, Types: []billing.EventType{"unknown"}}))
	}},
	{"begins at a time", func(w *world) {
		d := w.subscribe(0)
		old, other, atSince, recordedLater := d.event(billing.EventSubscribed), d.event(billing.EventRenewed), d.event(billing.EventRenewed), d.event(billing.EventEnded)
		since := noon.Add(time.Hour)
		old.ID, other.ID, atSince.ID, recordedLater.ID = idOf(since.Add(-3*time.Minute)), idOf(since.Add(-2*time.Minute)), idOf(since.Add(-time.Minute)), idOf(since.Add(time.Minute))
		old.At, other.At, atSince.At, recordedLater.At = noon, noon, since, noon
		w.append(old)
		w.append(other, atSince)
		w.append(recordedLater)
		w.wantFeed(w.feed(ports.FeedQuery{Limit: 100, Since: since}), atSince, recordedLater)
		first := w.feed(ports.FeedQuery{Limit: 1, Since: since})
		w.wantFeed(first, atSince)
		rest := after(first, 100)
		rest.Since = since
		w.wantFeed(w.feed(rest), recordedLater)
		none := w.feed(ports.FeedQuery{Limit: 100, Since: time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)})
		w.wantFeed(none)
		w.append(d.event(billing.EventCancelRequested))
		w.wantFeed(w.feed(ports.FeedQuery{Limit: 1, Since: time.Date(1960, 1, 1, 0, 0, 0, 0, time.UTC)}), old)
	}},
	{"has the subject of each viewer", func(w *world) {
		d, unknown := w.subscribe(0), w.subscribe(0)
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			return tx.Users.Identify(ctx, noon, billing.User{ID: d.sub.UserID, Subject: "auth0|17"})
		})
		w.append(d.event(billing.EventSubscribed))
		w.append(unknown.event(billing.EventSubscribed))
		var subjects []string
		for _, e := range w.feed(ports.FeedQuery{Limit: 100}).Events {
			subjects = append(subjects, e.Subject)
		}
		same(w, "subjects", subjects, []string{"auth0|17", ""})
	}},
	{"refuses places of another epoch", func(w *world) {
		page := w.feed(ports.FeedQuery{Limit: 1})
		_, err := w.Feed.FeedPage(w.Context(), ports.FeedQuery{Epoch: page.Epoch + "x", After: page.Next, Limit: 1})
		w.wantErr(err, ports.ErrFeedEpoch)
		page.Next.Xact += 1 << 40 // a return to a snapshot of the disk
		_, err = w.Feed.FeedPage(w.Context(), after(page, 1))
		w.wantErr(err, ports.ErrFeedEpoch)
	}},
}

// feed returns a page of the feed, after all recorded events are in it. Transactions of
// other tests delay them, if the databases are on one server.
func (w *world) feed(q ports.FeedQuery) ports.FeedPage {
	w.Helper()
	for lag := time.Duration(1); lag > 0; {
		var err error
		lag, err = w.Feed.FeedLag(w.Context())
		w.must(err)
	}
	page, err := w.Feed.FeedPage(w.Context(), q)
	w.must(err)
	return page
}

// after returns the query for the page that follows.
func after(page ports.FeedPage, limit int) ports.FeedQuery {
	return ports.FeedQuery{Epoch: page.Epoch, After: page.Next, Limit: limit}
}

func (w *world) wantFeed(page ports.FeedPage, want ...billing.Event) {
	w.Helper()
	var got []billing.Event
	for _, e := range page.Events {
		got = append(got, e.Event)
	}
	same(w, "events of the feed", got, slices.Clip(want))
}
