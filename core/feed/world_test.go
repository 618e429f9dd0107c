package feed

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/adapters/memory"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/clocktest"
	"github.com/online-cinema/billing/core/ports"
)

// tester is the part of testing.T that tests of a pusher need.
type tester interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// pushWorld is a pusher with an endpoint.
type pushWorld struct {
	tester
	ctx    context.Context
	store  *memory.Store
	clock  *clocktest.Clock
	pusher *Pusher
	id     billing.EndpointID

	mu       sync.Mutex
	respond  func(event string) billing.WebhookResponse // nil: 200 for all
	received []string                                   // events that got 200, as viewer and number
	asked    int
	events   int
	watched  map[billing.WebhookResult]int
}

func newPushWorld(t tester, ctx context.Context) *pushWorld {
	t.Helper()
	clock := clocktest.New(noon)
	w := &pushWorld{tester: t, ctx: ctx, clock: clock, id: "endpoint", watched: map[billing.WebhookResult]int{}}
	w.store = memory.New(memory.WithWall(clock.Now))
	ids := 0
	w.pusher = &Pusher{
		Store: w.store, Feed: w.store, Sender: w, Clock: clock, Wall: clock.Now,
		NewID: func() string { ids++; return fmt.Sprint("lease ", ids) },
		Body:  func(e ports.FeedEvent) ([]byte, error) { return []byte(string(e.UserID) + " " + string(e.Type)), nil },
		Idle:  time.Second, Log: slog.New(slog.DiscardHandler),
		Watch: func(r billing.WebhookResult) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.watched[r]++
		},
	}
	secret, err := billing.NewWebhookSecret(bytes.Repeat([]byte{1}, 32))
	w.must(err)
	w.tx(func(tx ports.Repos) error {
		return tx.Endpoints.Add(ctx, billing.Endpoint{ID: w.id, URL: "https://crm.example/", AddedAt: noon}, ports.EndpointSecret{ID: "1", Secret: secret, AddedAt: noon})
	})
	return w
}

// Send implements [ports.WebhookSender].
func (w *pushWorld) Send(_ context.Context, hook ports.Webhook) billing.WebhookResponse {
	if w.store.InTransaction() {
		panic("a webhook is sent inside a transaction")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked++
	r := billing.WebhookResponse{Status: 200}
	if w.respond != nil {
		r = w.respond(string(hook.Body))
	}
	if r.Result() == billing.WebhookDelivered {
		w.received = append(w.received, string(hook.Body))
	}
	return r
}

func (w *pushWorld) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatalf("%v", err)
	}
}

func (w *pushWorld) tx(f func(tx ports.Repos) error) {
	w.Helper()
	w.must(w.store.InTx(w.ctx, f))
}

// record records an event of each named viewer, and returns the texts of their webhooks.
func (w *pushWorld) record(viewers ...string) (texts []string) {
	w.Helper()
	var events []billing.Event
	for _, v := range viewers {
		w.events++
		at := w.clock.Now()
		hex := fmt.Sprintf("%012x", at.UnixMilli())
		events = append(events, billing.Event{
			ID:     billing.EventID(fmt.Sprintf("%s-%s-7000-8000-%012d", hex[:8], hex[8:], w.events)),
			UserID: billing.UserID(v), Type: billing.EventType(fmt.Sprint(w.events)), At: at,
		})
		texts = append(texts, fmt.Sprint(v, " ", w.events))
	}
	w.tx(func(tx ports.Repos) error { return tx.Events.Append(w.ctx, events...) })
	return texts
}

// push delivers until there is nothing to do at this time.
func (w *pushWorld) push() {
	w.Helper()
	for range 1000 {
		l, ok, err := w.pusher.Lease(w.ctx)
		w.must(err)
		if !ok {
			return
		}
		w.must(w.pusher.Push(w.ctx, l))
	}
	w.Fatalf("the pusher does not end")
}

func (w *pushWorld) advance(d time.Duration) { w.clock.Advance(d) }

func (w *pushWorld) endpoint() (e billing.Endpoint) {
	w.Helper()
	w.tx(func(tx ports.Repos) (err error) {
		e, err = tx.Endpoints.Lock(w.ctx, w.id)
		return err
	})
	return e
}

func (w *pushWorld) change(f func(billing.Endpoint) billing.Endpoint) {
	w.Helper()
	w.tx(func(tx ports.Repos) error {
		e, err := tx.Endpoints.Lock(w.ctx, w.id)
		if err != nil {
			return err
		}
		return tx.Endpoints.Save(w.ctx, f(e))
	})
}

// wantReceived compares the received events, in order by viewer, with those wanted.
func (w *pushWorld) wantReceived(want []string) {
	w.Helper()
	if diff := cmp.Diff(byViewer(want), byViewer(w.received)); diff != "" {
		w.Errorf("events by viewer (-want +received):\n%s", diff)
	}
}

func byViewer(events []string) map[string][]string {
	of := map[string][]string{}
	for _, e := range events {
		v, n, _ := strings.Cut(e, " ")
		of[v] = append(of[v], n)
	}
	return of
}

func status(n int) func(string) billing.WebhookResponse {
	return func(string) billing.WebhookResponse { return billing.WebhookResponse{Status: n} }
}
