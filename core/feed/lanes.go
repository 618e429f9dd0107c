package feed

import (
	"context"
	"hash/fnv"
	"sync"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// send sends the events of all queues, several at the same time. A queue ends at its first
// failure. All end when the endpoint is down, the time is over, or ctx ends.
func (b *batch) send(ctx context.Context) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var byLane [lanes][]*queue
	for _, q := range b.queues {
		lane := laneOf(q.user)
		byLane[lane] = append(byLane[lane], q)
	}
	var mu sync.Mutex
	var running sync.WaitGroup
	for _, queues := range byLane {
		running.Go(func() {
			for _, q := range queues {
				for _, e := range q.events {
					if ctx.Err() != nil || !b.Wall().Before(b.deadline) {
						return
					}
					r := b.try(ctx, e.FeedEvent)
					q.response = append(q.response, r)
					result := r.Result()
					mu.Lock()
					// The response that stops the others counts.
					if last := b.last.Result(); b.last == (billing.WebhookResponse{}) || last == billing.WebhookDelivered || last == billing.WebhookFailed {
						b.last = r
					}
					mu.Unlock()
					if result == billing.WebhookDown || result == billing.WebhookGone {
						stop()
					}
					if result != billing.WebhookDelivered {
						break
					}
					q.sent++
				}
			}
		})
	}
	running.Wait()
}

// laneOf returns the lane of a viewer's events.
func laneOf(user billing.UserID) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(user))
	return h.Sum32() % lanes
}

// try sends an event once. A request that was started ends without regard to ctx.
func (b *batch) try(ctx context.Context, e ports.FeedEvent) billing.WebhookResponse {
	r := b.request(context.WithoutCancel(ctx), e)
	if b.Watch != nil {
		b.Watch(r.Result())
	}
	return r
}

func (b *batch) request(ctx context.Context, e ports.FeedEvent) billing.WebhookResponse {
	if len(b.Secrets) == 0 {
		return billing.WebhookResponse{Failure: billing.WebhookNoSecret}
	}
	body, err := b.Body(e)
	if err != nil {
		b.Log.Error("cannot render an event", "event", e.ID, "error", err)
		return billing.WebhookResponse{Failure: billing.WebhookUnrendered}
	}
	ctx, cancel := context.WithTimeout(ctx, RequestTimeout)
	defer cancel()
	return b.Sender.Send(ctx, ports.Webhook{URL: b.Endpoint.URL, ID: string(e.ID), At: b.Wall(), Body: body, Secrets: b.Secrets})
}
