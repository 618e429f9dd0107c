package memory

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// epoch is the only epoch of a store.
const epoch = "memory"

// FeedPage implements [ports.Feed].
func (s *Store) FeedPage(_ context.Context, q ports.FeedQuery) (ports.FeedPage, error) {
	s.mustBeOutside("FeedPage")
	st := s.committed.Load()
	end := ports.FeedPlace{Xact: int64(st.version) + 1}
	if q.Epoch != "" && (q.Epoch != epoch || comparePlaces(q.After, end) > 0) {
		return ports.FeedPage{}, ports.ErrFeedEpoch
	}
	page := ports.FeedPage{Epoch: epoch, Next: end}
	places := slices.SortedFunc(slices.Values(st.feed), comparePlaces)
	for _, place := range places {
		e := st.events[place.ID]
		if q.Epoch != "" && comparePlaces(place, q.After) <= 0 || !selects(q, e) {
			continue
		}
		page.Events = append(page.Events, ports.FeedEvent{Event: e, Subject: st.users[e.UserID].Subject, Xact: place.Xact})
		if len(page.Events) == q.Limit {
			page.Next = place
			break
		}
	}
	return page, nil
}

func comparePlaces(a, b ports.FeedPlace) int {
	return cmp.Or(cmp.Compare(a.Xact, b.Xact), cmp.Compare(a.ID, b.ID))
}

func selects(q ports.FeedQuery, e billing.Event) bool {
	recorded, _ := billing.IDTime(string(e.ID))
	return (len(q.Types) == 0 || slices.Contains(q.Types, e.Type)) && (!e.At.Before(q.Since) || !recorded.Before(q.Since))
}

// FeedLag implements [ports.Feed]. Transactions run one after the other, so every event that
// is recorded is in the feed.
func (s *Store) FeedLag(context.Context) (time.Duration, error) { return 0, nil }
