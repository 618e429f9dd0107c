package feed

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/online-cinema/billing/adapters/memory"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// record stores an event of noon plus n minutes in a transaction of its own.
func record(t *testing.T, s *memory.Store, n int, eventType billing.EventType) billing.EventID {
	t.Helper()
	at := noon.Add(time.Duration(n) * time.Minute)
	hex := fmt.Sprintf("%012x", at.UnixMilli())
	e := billing.Event{ID: billing.EventID(hex[:8] + "-" + hex[8:] + "-7000-8000-000000000001"), UserID: "u", Type: eventType, At: at}
	if err := s.InTx(t.Context(), func(tx ports.Repos) error { return tx.Events.Append(t.Context(), e) }); err != nil {
		t.Fatal(err)
	}
	return e.ID
}

func idsOf(p Page) (ids []billing.EventID) {
	for _, e := range p.Events {
		ids = append(ids, e.ID)
	}
	return ids
}

func TestPage_FollowsFeed(t *testing.T) {
	t.Parallel()
	store := memory.New()
	f := Feed{Store: store}
	page := func(q Query, want ...billing.EventID) Page {
		t.Helper()
		p, err := f.Page(t.Context(), q)
		if diff := cmp.Diff(want, idsOf(p)); diff != "" || err != nil || p.Next == "" {
			t.Fatalf("%v; next cursor %q; events (-want +got):\n%s", err, p.Next, diff)
		}
		return p
	}
	empty := page(Query{Limit: 2})
	a, b, c := record(t, store, 0, billing.EventSubscribed), record(t, store, 1, billing.EventEnded), record(t, store, 2, billing.EventSubscribed)
	first := page(Query{Limit: 2, After: empty.Next}, a, b)
	second := page(Query{Limit: 2, After: first.Next}, c)
	last := page(Query{Limit: 2, After: second.Next})
	d := record(t, store, 3, billing.EventEnded)
	page(Query{Limit: 2, After: last.Next}, d)
	page(Query{Limit: 2, After: first.Next}, c, d) // a cursor stays valid
	page(Query{Limit: 9, Types: []billing.EventType{billing.EventEnded}}, b, d)
	since := page(Query{Limit: 1, Since: noon.Add(time.Minute)}, b)
	page(Query{Limit: 9, After: since.Next}, c, d)
}

// A cursor keeps the time at which it began.
func TestPage_SinceHoldsForLaterPages(t *testing.T) {
	t.Parallel()
	store := memory.New()
	later, earlier := record(t, store, 5, billing.EventSubscribed), record(t, store, 0, billing.EventEnded)
	f := Feed{Store: store}
	p, err := f.Page(t.Context(), Query{Limit: 1, Since: noon.Add(time.Minute)})
	if diff := cmp.Diff([]billing.EventID{later}, idsOf(p)); diff != "" || err != nil {
		t.Fatalf("%v; (-want +got):\n%s", err, diff)
	}
	if p, err = f.Page(t.Context(), Query{Limit: 1, After: p.Next}); len(p.Events) != 0 || err != nil {
		t.Errorf("got %v, %v; want no events: %s is from before", idsOf(p), err, earlier)
	}
}

func TestPage_CursorExpired(t *testing.T) {
	t.Parallel()
	f := Feed{Store: memory.New()}
	for name, c := range map[string]cursor{
		"another epoch": {epoch: "other"},
		"the future":    {epoch: "memory", place: ports.FeedPlace{Xact: 1000}},
	} {
		if _, err := f.Page(t.Context(), Query{Limit: 1, After: c.String()}); !errors.Is(err, billing.ErrCursorExpired) {
			t.Errorf("%s: got the error %v, want %v", name, err, billing.ErrCursorExpired)
		}
	}
}

type failing struct{ ports.Feed }

func (failing) FeedPage(context.Context, ports.FeedQuery) (ports.FeedPage, error) {
	return ports.FeedPage{}, billing.ErrUnavailable
}

func TestPage_Unavailable(t *testing.T) {
	t.Parallel()
	if _, err := (Feed{Store: failing{}}).Page(t.Context(), Query{Limit: 1}); !errors.Is(err, billing.Unavailable) {
		t.Errorf("got the error %v, want %v", err, billing.Unavailable)
	}
}

func TestPage_InvalidCursors(t *testing.T) {
	t.Parallel()
	f := Feed{Store: memory.New()}
	valid := cursor{epoch: "e", place: ports.FeedPlace{Xact: 1, ID: "0193b1a0-7f6e-7c3a-9b1e-2f4d5c6b7a80"}}.String()
	for _, text := range []string{"x", "a b", valid + "A", valid[1:], valid + "=", cursor{}.String(), cursor{epoch: "a:b"}.String()} {
		_, err := f.Page(t.Context(), Query{Limit: 1, After: text})
		if !errors.Is(err, billing.Invalid) {
			t.Errorf("%q: got the error %v, want %v", text, err, billing.Invalid)
		}
	}
}

func TestCursor_IsReadAsWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := cursor{
			epoch: rapid.StringMatching(`[0-9a-f-]{1,40}`).Draw(t, "epoch"),
			place: ports.FeedPlace{
				Xact: rapid.Int64().Draw(t, "xact"),
				ID:   billing.EventID(rapid.StringMatching(`|[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`).Draw(t, "id")),
			},
		}
		if us := rapid.Int64Range(-1<<50, 1<<55).Draw(t, "since"); us != 0 {
			want.since = time.UnixMicro(us).UTC()
		}
		if got, ok := parseCursor(want.String()); !ok || got != want {
			t.Fatalf("got %+v, %t; want %+v", got, ok, want)
		}
	})
}
