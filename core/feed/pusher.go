package feed

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

const (
	// batchSize is the maximum of events in one batch.
	batchSize = 500
	// probeSize is the maximum of events that are sent to see whether an endpoint that was
	// down takes events again.
	probeSize = 16
	// lanes is the maximum of requests in flight at one endpoint. The events of a viewer are
	// in one lane, so that their order holds.
	lanes = 16
	// maxFailing is the number of refused events above which an endpoint is down.
	maxFailing = 1000
	// silentViewers is the number of viewers whose events all fail, and none is delivered,
	// before the endpoint counts as down. An event that the receiver cannot take delays
	// its viewer only.
	silentViewers = 10

	// RequestTimeout limits a request to an endpoint.
	RequestTimeout = 15 * time.Second
	// sendFor is the time during which a batch starts requests.
	sendFor = 10 * time.Second
	// leaseFor is longer than a batch can take.
	leaseFor = sendFor + RequestTimeout + 5*time.Second
	// epochSlack is how much earlier the delivery continues after a restore or a failover: it
	// is longer than any transaction of the programs, and than their clocks differ.
	epochSlack = 5 * time.Minute
)

// Pusher delivers events to endpoints as webhooks. Any number of processes may run one.
//
//	lease ─► due deliveries, page of the feed ─► lanes ─► release with the new cursor
//
// An event is delivered at least once, and those of a viewer in the order of the feed. No
// event is dropped: a refused event waits in [ports.Deliveries], with all later events of
// its viewer, and the cursor goes on. While an endpoint is down, its cursor stands.
type Pusher struct {
	Store  ports.Store
	Feed   ports.Feed
	Sender ports.WebhookSender
	Clock  ports.Clock      // of billing: it decides when a try is due
	Wall   func() time.Time // of signatures, secrets and deadlines
	NewID  func() string
	// Body returns the body of the webhook for an event.
	Body func(ports.FeedEvent) ([]byte, error)
	// Idle is the time until an endpoint that has received everything is leased again. In that
	// time events gather for the next batch: a batch of few costs as much as a full one.
	Idle time.Duration
	Log  *slog.Logger
	// Watch is called for each response; nil for none.
	Watch func(billing.WebhookResult)
}

// Leased is a leased endpoint.
type Leased struct {
	ports.Push
	deadline time.Time // of new requests, on the wall clock
}

// Lease leases an endpoint that may have work. ok is false if there is none.
func (p *Pusher) Lease(ctx context.Context) (l Leased, ok bool, err error) {
	l.deadline = p.Wall().Add(sendFor) // the lease begins later
	err = p.Store.InTx(ctx, func(tx ports.Repos) (err error) {
		l.Push, ok, err = tx.EndpointLeases.Lease(ctx, ports.EndpointLease{
			ID: p.NewID(), Now: p.Clock.Now(), Wall: p.Wall(), For: leaseFor,
		})
		return err
	})
	return l, ok && err == nil, err
}

// Push delivers a batch of events to a leased endpoint and ends the lease. When ctx ends, it
// starts no more requests, and records those in flight. It returns [ports.ErrLeaseLost] if
// the lease was over before, so that events may be delivered again.
func (p *Pusher) Push(ctx context.Context, l Leased) error {
	b := &batch{Pusher: p, Leased: l, now: p.Clock.Now()}
	if !b.Endpoint.TestAskedAt.IsZero() {
		b.test(ctx)
	}
	if b.Endpoint.DisabledAt.IsZero() && !b.Endpoint.NextTryAt.After(b.now) {
		if err := b.read(ctx); err != nil {
			return err // the lease ends by itself
		}
		b.send(ctx)
		b.conclude()
	}
	return b.record(context.WithoutCancel(ctx))
}

// batch is the work of one lease.
type batch struct {
	*Pusher
	Leased
	now time.Time // on the billing clock

	failing int            // refused events before the batch
	full    bool           // more events may wait
	next    ports.FeedPage // read from the feed; its events are in queues
	queues  []*queue       // of the viewers with events to send, in order of their first event
	held    []ports.Delivery

	last                        billing.WebhookResponse
	delivered, failed, silenced int // events; viewers whose first event failed

	put, remove []ports.Delivery
	recovered   bool
}

// queue has the events of a viewer, in order.
type queue struct {
	user   billing.UserID
	events []ports.Delivery
	stored int // the first ones are stored as deliveries

	sent     int                       // the first ones are delivered
	response []billing.WebhookResponse // of the events that were tried
}

// test sends an event that tells the receiver apart from no viewer's.
func (b *batch) test(ctx context.Context) {
	event := ports.FeedEvent{Event: billing.Event{ID: billing.EventID(b.NewID()), UserID: testUser, Type: billing.EventTest, At: b.now}}
	r := b.try(ctx, event)
	b.Endpoint = b.Endpoint.Tested(r, b.Clock.Now())
}

// testUser is the user of test events. No viewer has this id.
const testUser billing.UserID = "00000000-0000-0000-0000-000000000000"

// read collects the events of the batch. An endpoint with too many refused events gets no
// others.
func (b *batch) read(ctx context.Context) error {
	limit := batchSize
	if b.Endpoint.Tries > 0 {
		limit = probeSize
	}
	var due []ports.Delivery
	err := b.Store.InTx(ctx, func(tx ports.Repos) (err error) {
		if b.failing, err = tx.Deliveries.CountFailing(ctx, b.Endpoint.ID); err != nil {
			return err
		}
		due, err = tx.Deliveries.Due(ctx, b.Endpoint.ID, b.now, limit)
		return err
	})
	if err != nil {
		return err
	}
	if len(due) < limit && b.failing <= maxFailing {
		if err := b.readPage(ctx, limit-len(due)); err != nil {
			return err
		}
	}
	b.full = len(due)+len(b.next.Events) >= limit
	return b.queue(ctx, due)
}

// readPage reads the next page of the feed. A replay begins at its time, unless the endpoint
// has not come so far: no event is skipped. After a restore or a failover the place has no
// meaning, and reading begins a little before the time reached.
func (b *batch) readPage(ctx context.Context, limit int) (err error) {
	c := &b.Cursor
	if at := b.Endpoint.ReplayFrom; !at.IsZero() {
		if b.Replayed = at; !at.After(c.Reached) {
			*c = ports.EndpointCursor{Since: at, Reached: at}
		}
	}
	page := func() (ports.FeedPage, error) {
		return b.Feed.FeedPage(ctx, ports.FeedQuery{Epoch: c.Epoch, After: c.Place, Since: c.Since, Types: b.Endpoint.Types, Limit: limit})
	}
	b.next, err = page()
	if errors.Is(err, ports.ErrFeedEpoch) {
		from := c.Reached.Add(-epochSlack)
		b.Log.Warn("the feed has a new epoch; an endpoint receives some events again", "endpoint", b.Endpoint.ID, "from", from)
		*c = ports.EndpointCursor{Since: from, Reached: c.Reached}
		b.next, err = page()
	}
	return err
}

// queue sorts the events by viewer. Those of viewers with events that are not due wait
// behind them.
func (b *batch) queue(ctx context.Context, due []ports.Delivery) error {
	of := make(map[billing.UserID]*queue)
	add := func(d ports.Delivery) *queue {
		q, ok := of[d.UserID]
		if !ok {
			q = &queue{user: d.UserID}
			of[d.UserID], b.queues = q, append(b.queues, q)
		}
		q.events = append(q.events, d)
		return q
	}
	known := make(map[billing.EventID]bool, len(due))
	for _, d := range due {
		add(d).stored++
		known[d.ID] = true
	}
	var others []billing.UserID
	for _, e := range b.next.Events {
		if of[e.UserID] == nil {
			others = append(others, e.UserID)
		}
	}
	var waiting map[billing.UserID]time.Time
	if len(others) > 0 {
		var err error
		waiting, err = ports.InTx(ctx, b.Store, func(tx ports.Repos) (map[billing.UserID]time.Time, error) {
			return tx.Deliveries.Waiting(ctx, b.Endpoint.ID, others...)
		})
		if err != nil {
			return err
		}
	}
	for _, e := range b.next.Events {
		switch until, waits := waiting[e.UserID]; {
		case known[e.ID]:
		case waits:
			b.held = append(b.held, ports.Delivery{FeedEvent: e, NextTryAt: until})
		default:
			add(ports.Delivery{FeedEvent: e})
		}
	}
	return nil
}

// conclude decides about the cursor, the state of the endpoint and the waiting events.
func (b *batch) conclude() {
	b.count()
	e, at := b.Endpoint, b.Clock.Now()
	meaning := b.last.Result()
	down := b.failed > 0 && meaning == billing.WebhookDown ||
		b.failing+b.failed > maxFailing && b.failed > 0 ||
		b.delivered == 0 && b.silenced >= silentViewers
	if b.delivered+b.failed > 0 {
		e.LastTryAt, e.LastStatus = at, b.last.String()
	}
	switch {
	case b.failed > 0 && meaning == billing.WebhookGone:
		e = e.Disable(at)
		b.Log.Warn("an endpoint is disabled, because its receiver responded with 410", "endpoint", e.ID)
	case down:
		if e.Tries == 0 {
			b.Log.Warn("an endpoint takes no events; will retry", "endpoint", e.ID, "status", e.LastStatus)
		}
		e = e.Down(b.last, b.delivered > 0, at, rand.Float64()) //nolint:gosec // no secret
	case b.delivered > 0 && e.Tries > 0:
		b.Log.Info("an endpoint takes events again", "endpoint", e.ID, "down", at.Sub(e.FailingSince).String())
		e, b.recovered = e.Up(), true
	}
	b.Endpoint = e
	// Events that were not tried, because the time was over, wait as deliveries: the next
	// batch begins with them, even if reading the page takes too long again.
	stands := b.delivered == 0 && b.failed > 0 && (down || meaning == billing.WebhookGone)
	b.sort(at, stands)
	if !stands && b.next.Epoch != "" {
		b.advance()
	}
}

// advance moves the cursor behind the page.
func (b *batch) advance() {
	b.Cursor.Epoch, b.Cursor.Place = b.next.Epoch, b.next.Next
	reached := b.now // nothing follows yet; epochSlack is longer than any transaction
	if n := len(b.next.Events); n > 0 {
		reached, _ = billing.IDTime(string(b.next.Events[n-1].ID))
	}
	if reached.After(b.Cursor.Reached) {
		b.Cursor.Reached = reached
	}
}

// sort decides which events are stored as deliveries and which are removed. If the cursor
// stands, only events that are stored already.
func (b *batch) sort(at time.Time, stands bool) {
	for _, q := range b.queues {
		b.remove = append(b.remove, q.events[:min(q.sent, q.stored)]...)
		rest := q.events[q.sent:]
		if stands {
			rest = q.events[q.sent:max(q.sent, q.stored)]
		}
		next := at
		if len(q.response) > q.sent && len(rest) > 0 {
			r := q.response[q.sent]
			if rest[0].Status = r.String(); r.Result() == billing.WebhookFailed {
				rest[0].Tries++
				next = at.Add(billing.WebhookDelay(rest[0].Tries, rand.Float64())) //nolint:gosec // no secret
			}
		}
		for i := range rest {
			rest[i].NextTryAt = next
		}
		b.put = append(b.put, rest...)
	}
	if !stands {
		b.put = append(b.put, b.held...)
	}
}

// count adds up the responses of the queues.
func (b *batch) count() {
	for _, q := range b.queues {
		b.delivered += q.sent
		if n := len(q.response); n > q.sent {
			b.failed++
			if q.sent == 0 {
				b.silenced++
			}
		}
	}
}

// record stores the progress and ends the lease.
func (b *batch) record(ctx context.Context) error {
	idle := b.Idle
	if b.full {
		idle = 0
	}
	return b.Store.InTx(ctx, func(tx ports.Repos) error {
		if err := tx.EndpointLeases.Release(ctx, b.Leased.Push, idle); err != nil {
			return err
		}
		id := b.Endpoint.ID
		if err := tx.Deliveries.Remove(ctx, id, b.remove...); err != nil {
			return err
		}
		if err := tx.Deliveries.Put(ctx, id, b.put...); err != nil || !b.recovered {
			return err
		}
		return tx.Deliveries.RetryAll(ctx, id, b.now)
	})
}
