package feed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Leasing an endpoint costs more than sending an event.
func TestPusher_EventsGatherForABatch(t *testing.T) {
	t.Parallel()
	w := newPushWorld(t, t.Context())
	w.record("anna")
	lease := func() (l Leased, ok bool) {
		t.Helper()
		l, ok, err := w.pusher.Lease(t.Context())
		w.must(err)
		return l, ok
	}
	l, _ := lease()
	w.must(w.pusher.Push(t.Context(), l))
	all := w.record(slices.Repeat([]string{"anna"}, batchSize+1)...)
	if _, ok := lease(); ok {
		t.Error("an endpoint that has received everything is leased again at once")
	}
	w.advance(time.Second)
	l, _ = lease()
	w.must(w.pusher.Push(t.Context(), l))
	if l, ok := lease(); !ok {
		t.Error("an endpoint waits although it has more events than a batch")
	} else {
		w.must(w.pusher.Push(t.Context(), l))
	}
	if n := len(w.received); n != 1+len(all) {
		t.Errorf("received %d of %d events", n, 1+len(all))
	}
}

func TestPusher_DeliversInOrderOfViewer(t *testing.T) {
	t.Parallel()
	w := newPushWorld(t, t.Context())
	w.push()
	var viewers []string
	for i := range 3 * batchSize {
		viewers = append(viewers, fmt.Sprint("viewer", i%70))
	}
	all := w.record(viewers...)
	w.advance(time.Second)
	w.push()
	w.wantReceived(all)
	w.advance(time.Second)
	w.push()
	all = append(all, w.record("viewer1", "viewer2", "viewer1")...)
	w.advance(time.Second)
	w.push()
	w.wantReceived(all)
	if e := w.endpoint(); e.LastStatus != "200" || e.Tries != 0 {
		t.Errorf("endpoint: %+v", e)
	}
	if w.watched[billing.WebhookDelivered] != len(all) {
		t.Errorf("watched %v, want %d delivered", w.watched, len(all))
	}
}

// An event that the receiver refuses delays its viewer only.
func TestPusher_RefusedEventDelaysItsViewer(t *testing.T) {
	t.Parallel()
	w := newPushWorld(t, t.Context())
	first, others := w.record("anna", "anna"), w.record("boris", "vera")
	w.respond = func(event string) billing.WebhookResponse {
		if event == first[0] {
			return billing.WebhookResponse{Status: 500}
		}
		return billing.WebhookResponse{Status: 204}
	}
	w.push()
	w.wantReceived(others)
	later := w.record("anna", "boris")
	w.advance(time.Second)
	w.push()
	w.wantReceived(append(others, later[1]))
	w.respond = nil
	w.advance(5 * time.Second)
	w.push()
	w.wantReceived(append(append(append(first, later[0]), others...), later[1]))
	if n := w.asked - len(w.received); n != 1 {
		t.Errorf("%d requests failed, want 1: the events behind a refused one are not sent", n)
	}
}

// A receiver that is down for days loses nothing, and its cursor stands meanwhile.
func TestPusher_EndpointDownForDays(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]billing.WebhookResponse{
		"status 500":         {Status: 500},
		"status 503":         {Status: 503},
		"connection refused": {Failure: billing.WebhookNotConnected},
		"redirect":           {Status: 307},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newPushWorld(t, t.Context())
			w.respond = func(string) billing.WebhookResponse { return r }
			var all []string
			for day := range 4 {
				for i := range 40 {
					all = append(all, w.record(fmt.Sprint("viewer", i%20))...)
				}
				for range 24 {
					w.advance(time.Hour)
					w.push()
				}
				if e := w.endpoint(); e.FailingSince.IsZero() || e.LastStatus != r.String() {
					t.Fatalf("after %d days: %+v", day+1, e)
				}
			}
			tries := w.endpoint().Tries
			if tries < 5 || tries > 10 || w.asked > tries*probeSize+batchSize {
				t.Errorf("%d tries with %d requests, want about 8 of the schedule", tries, w.asked)
			}
			w.respond = nil
			w.advance(27 * time.Hour)
			w.push()
			w.wantReceived(all)
			if e := w.endpoint(); e.Tries != 0 || !e.FailingSince.IsZero() {
				t.Errorf("after the recovery: %+v", e)
			}
		})
	}
}

func TestPusher_RetryAfterSlowsEndpoint(t *testing.T) {
	t.Parallel()
	w := newPushWorld(t, t.Context())
	all := w.record("anna", "boris", "vera")
	w.respond = func(string) billing.WebhookResponse {
		return billing.WebhookResponse{Status: 429, RetryAfter: 10 * time.Minute}
	}
	w.push()
	w.respond = nil
	w.advance(9 * time.Minute)
	w.push()
	w.wantReceived(nil)
	w.advance(2 * time.Minute)
	w.push()
	w.wantReceived(all)
}

func TestPusher_GoneDisablesEndpoint(t *testing.T) {
	t.Parallel()
	w := newPushWorld(t, t.Context())
	all := w.record("anna", "boris")
	w.respond = status(410)
	w.push()
	if e := w.endpoint(); e.DisabledAt.IsZero() || e.LastStatus != "410" {
		t.Fatalf("endpoint: %+v", e)
	}
	w.respond = nil
	w.advance(48 * time.Hour)
	w.push()
	w.wantReceived(nil)
	w.change(billing.Endpoint.Enable)
	w.push()
	w.wantReceived(all)
}

func TestPusher_ReplaysFromTime(t *testing.T) {
	t.Parallel()
	w := newPushWorld(t, t.Context())
	old := w.record("anna")
	w.advance(24 * time.Hour)
	since := w.clock.Now()
	again := w.record("anna", "boris")
	w.push()
	w.change(func(e billing.Endpoint) billing.Endpoint { return e.Replay(since) })
	w.advance(time.Second)
	w.push()
	w.wantReceived(append(append(old, again...), again...))
	if e := w.endpoint(); !e.ReplayFrom.IsZero() {
		t.Errorf("the request for a replay stays: %+v", e)
	}
	last := w.record("anna")
	w.advance(time.Minute)
	w.push()
	w.wantReceived(append(append(append(old, again...), again...), last...))
}

// A replay from a time that the endpoint has not reached skips nothing.
func TestPusher_ReplaySkipsNothing(t *testing.T) {
	t.Parallel()
	w := newPushWorld(t, t.Context())
	w.respond = status(503)
	all := w.record("anna")
	w.push()
	w.advance(48 * time.Hour)
	all = append(all, w.record("anna", "boris")...)
	w.respond = nil
	w.change(func(e billing.Endpoint) billing.Endpoint { return e.Replay(w.clock.Now().Add(24 * time.Hour)) })
	w.push()
	w.wantReceived(all)
	if e := w.endpoint(); !e.ReplayFrom.IsZero() {
		t.Errorf("the request for a replay stays: %+v", e)
	}
}

// slowFeed takes longer than the time of a batch.
type slowFeed struct {
	ports.Feed
	advance func(time.Duration)
}

func (f slowFeed) FeedPage(ctx context.Context, q ports.FeedQuery) (ports.FeedPage, error) {
	f.advance(sendFor + time.Second)
	return f.Feed.FeedPage(ctx, q)
}

func TestPusher_SlowFeed(t *testing.T) {
	t.Parallel()
	w := newPushWorld(t, t.Context())
	w.pusher.Feed = slowFeed{w.store, w.advance}
	var all []string
	for range 3 {
		all = append(all, w.record("anna", "boris", "anna")...)
		for range 3 {
			l, ok, err := w.pusher.Lease(w.ctx)
			w.must(err)
			if ok {
				w.must(w.pusher.Push(w.ctx, l))
			}
			w.advance(time.Minute)
		}
	}
	w.pusher.Feed = w.store
	w.push()
	w.wantReceived(all)
	if w.asked != len(all) {
		t.Errorf("%d requests for %d events", w.asked, len(all))
	}
}

func TestPusher_ResendsEventsOfViewer(t *testing.T) {
	t.Parallel()
	w := newPushWorld(t, t.Context())
	anna, boris := w.record("anna", "anna"), w.record("boris")
	w.push()
	w.tx(func(tx ports.Repos) error {
		n, err := tx.Endpoints.Resend(w.ctx, w.id, ports.Resend{User: "anna", Now: w.clock.Now()})
		if n != 2 {
			t.Errorf("%d events are sent again, want 2", n)
		}
		return err
	})
	w.advance(time.Minute)
	w.push()
	w.wantReceived(append(append(anna, anna...), boris...))
}

// newEpoch is a feed that was restored: it refuses the places of the old epoch.
type newEpoch struct {
	ports.Feed
	epoch *string
}

func (f newEpoch) FeedPage(ctx context.Context, q ports.FeedQuery) (ports.FeedPage, error) {
	if q.Epoch != "" && q.Epoch != *f.epoch {
		return ports.FeedPage{}, ports.ErrFeedEpoch
	}
	if q.Epoch != "" {
		q.Epoch = "memory"
	}
	page, err := f.Feed.FeedPage(ctx, q)
	page.Epoch = *f.epoch
	return page, err
}

// After a restore the delivery continues a little before the last event.
func TestPusher_NewEpoch(t *testing.T) {
	t.Parallel()
	w := newPushWorld(t, t.Context())
	epoch := "first"
	w.pusher.Feed = newEpoch{w.store, &epoch}
	old := w.record("anna")
	w.advance(time.Hour)
	recent := w.record("anna")
	w.push()
	epoch = "second"
	last := w.record("anna")
	w.advance(time.Minute)
	w.push()
	w.wantReceived(append(append(append(old, recent...), recent...), last...))
}

func TestPusher_OneProcessAtATime(t *testing.T) {
	t.Parallel()
	w := newPushWorld(t, t.Context())
	w.record("anna")
	first, ok, err := w.pusher.Lease(w.ctx)
	if !ok || err != nil {
		t.Fatalf("leased %t, %v", ok, err)
	}
	if _, ok, _ := w.pusher.Lease(w.ctx); ok {
		t.Error("another process got the lease")
	}
	w.advance(leaseFor)
	second, ok, err := w.pusher.Lease(w.ctx)
	if !ok || err != nil {
		t.Fatalf("after the lease is over: leased %t, %v", ok, err)
	}
	if err := w.pusher.Push(w.ctx, first); !errors.Is(err, ports.ErrLeaseLost) || w.asked > 0 {
		t.Errorf("the first process sent %d requests, %v; want none and %v", w.asked, err, ports.ErrLeaseLost)
	}
	w.must(w.pusher.Push(w.ctx, second))
	if w.asked != 1 {
		t.Errorf("%d requests, want 1", w.asked)
	}
}

func TestPusher_Test(t *testing.T) {
	t.Parallel()
	w := newPushWorld(t, t.Context())
	w.change(func(e billing.Endpoint) billing.Endpoint { return e.Disable(noon).AskForTest(noon) })
	events := w.record("anna")
	w.push()
	if e := w.endpoint(); e.TestStatus != "200" || !e.TestAskedAt.IsZero() || w.asked != 1 {
		t.Errorf("after the test: %d requests, %+v", w.asked, e)
	}
	if want := []string{string(testUser) + " test"}; !cmp.Equal(want, w.received) {
		t.Errorf("received %v, want %v", w.received, want)
	}
	w.received = nil
	w.change(billing.Endpoint.Enable)
	w.advance(time.Second)
	w.push()
	w.wantReceived(events)
}

// A batch that ends with the program records the delivered events.
func TestPusher_StopsGracefully(t *testing.T) {
	t.Parallel()
	w := newPushWorld(t, t.Context())
	all := w.record("anna", "anna", "anna")
	ctx, stop := context.WithCancel(t.Context())
	w.respond = func(string) billing.WebhookResponse {
		stop()
		return billing.WebhookResponse{Status: 200}
	}
	l, _, err := w.pusher.Lease(ctx)
	w.must(err)
	w.must(w.pusher.Push(ctx, l))
	w.respond = nil
	w.advance(time.Second)
	w.push()
	w.wantReceived(all)
}

func TestPusher_TooManyRefusedEvents(t *testing.T) {
	t.Parallel()
	w := newPushWorld(t, t.Context())
	w.respond = func(event string) billing.WebhookResponse {
		if strings.HasPrefix(event, "good") {
			return billing.WebhookResponse{Status: 200}
		}
		return billing.WebhookResponse{Status: 400}
	}
	var viewers []string
	for i := range 2 * maxFailing {
		viewers = append(viewers, fmt.Sprint("bad", i), fmt.Sprint("good", i%3))
	}
	all := w.record(viewers...)
	w.push()
	if e := w.endpoint(); e.Tries == 0 {
		t.Errorf("the endpoint is not down after %d refused events", w.watched[billing.WebhookFailed])
	}
	if n := w.watched[billing.WebhookFailed]; n > maxFailing+batchSize {
		t.Errorf("%d events are refused, want at most %d", n, maxFailing+batchSize)
	}
	w.respond = nil
	w.advance(27 * time.Hour)
	w.push()
	w.wantReceived(all)
}

func TestPusher_SecretsUnreadable(t *testing.T) {
	t.Parallel()
	w := newPushWorld(t, t.Context())
	w.record("anna")
	l, _, err := w.pusher.Lease(w.ctx)
	w.must(err)
	l.Secrets = nil
	w.must(w.pusher.Push(w.ctx, l))
	if e := w.endpoint(); w.asked != 0 || e.LastStatus != "no_secret" || e.Tries != 1 {
		t.Errorf("%d requests; endpoint: %+v", w.asked, e)
	}
}

// A receiver with random responses receives each event at least once, and the events of a
// viewer in their order.
func TestPusher_RandomReceiver(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	rapid.Check(t, func(t *rapid.T) {
		w := newPushWorld(t, ctx)
		var all []string
		responses := []billing.WebhookResponse{{Status: 200}, {Status: 500}, {Status: 503}, {Status: 429, RetryAfter: time.Minute}, {Failure: billing.WebhookTimeout}, {Status: 410}}
		seed := rapid.Uint64Range(1, 1<<40).Draw(t, "seed")
		w.respond = func(string) billing.WebhookResponse {
			seed = seed*6364136223846793005 + 1442695040888963407
			n := int(seed >> 33 % 60)
			return responses[max(0, n-60+len(responses)*4)/4%len(responses)] // most are delivered
		}
		for range rapid.IntRange(1, 12).Draw(t, "rounds") {
			var viewers []string
			for _, n := range rapid.SliceOfN(rapid.IntRange(0, 25), 0, 40).Draw(t, "viewers") {
				viewers = append(viewers, fmt.Sprint("viewer", n))
			}
			all = append(all, w.record(viewers...)...)
			w.push()
			w.advance(time.Duration(rapid.IntRange(0, 300).Draw(t, "minutes")) * time.Minute)
			if !w.endpoint().DisabledAt.IsZero() {
				w.change(billing.Endpoint.Enable)
			}
		}
		w.respond = nil
		w.advance(48 * time.Hour)
		w.push()
		w.advance(48 * time.Hour)
		w.push()
		w.wantInOrder(all)
	})
}

// wantInOrder checks that each event was received, and that the first receipts of a viewer's
// events are in their order.
func (w *pushWorld) wantInOrder(all []string) {
	w.Helper()
	seen := map[string]bool{}
	var first []string
	for _, e := range w.received {
		if !seen[e] {
			first = append(first, e)
		}
		seen[e] = true
	}
	if diff := cmp.Diff(byViewer(all), byViewer(first)); diff != "" {
		w.Errorf("events by viewer (-recorded +received):\n%s", diff)
	}
}
