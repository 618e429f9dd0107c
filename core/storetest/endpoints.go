package storetest

import (
	"bytes"
	"context"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

var endpointCases = []testCase{
	{"are leased to one process at a time", func(w *world) {
		w.wantNoLease(noon)
		e := w.addEndpoint()
		p := w.wantLease(noon, time.Hour)
		same(w, "endpoint", p.Endpoint, e)
		same(w, "cursor", p.Cursor, ports.EndpointCursor{Since: noon, Reached: noon})
		w.wantNoLease(noon)
		w.must(w.releaseEndpoint(p, 0))
		again := w.wantLease(noon, time.Hour)
		w.wantErr(w.releaseEndpoint(p, 0), ports.ErrLeaseLost)
		w.must(w.releaseEndpoint(again, time.Hour)) // idle
		w.wantNoLease(noon)
	}},
	{"store the progress of a lease", func(w *world) {
		w.addEndpoint()
		p := w.wantLease(noon, time.Hour)
		p.Cursor = ports.EndpointCursor{Epoch: "e", Place: ports.FeedPlace{Xact: 7, ID: newIDOf[billing.EventID]()}, Since: noon, Reached: noon.Add(time.Minute)}
		p.Endpoint = p.Endpoint.Down(billing.WebhookResponse{Status: 503}, false, noon, 0)
		p.Endpoint.LastTryAt, p.Endpoint.LastStatus = noon, "503"
		w.must(w.releaseEndpoint(p, 0))
		w.wantNoLease(noon)
		later := w.wantLease(noon.Add(5*time.Second), time.Hour)
		same(w, "endpoint", later.Endpoint, p.Endpoint)
		same(w, "cursor", later.Cursor, p.Cursor)
	}},
	{"end a lease that is over", func(w *world) {
		w.addEndpoint()
		p := w.wantLease(noon, 0)
		w.wantErr(w.releaseEndpoint(p, 0), ports.ErrLeaseLost)
		w.wantLease(noon, time.Hour)
	}},
	{"keep the changes of operators", func(w *world) {
		e := w.addEndpoint()
		p := w.wantLease(noon, time.Hour)
		w.saveEndpoint(e.Disable(noon).Replay(noon.Add(-time.Hour)).AskForTest(noon.Add(time.Second)))
		p.Endpoint = p.Endpoint.Tested(billing.WebhookResponse{Status: 200}, noon) // an earlier test
		w.must(w.releaseEndpoint(p, 0))
		got := w.lockEndpoint(e.ID)
		if !got.DisabledAt.Equal(noon) || !got.ReplayFrom.Equal(noon.Add(-time.Hour)) || !got.TestAskedAt.Equal(noon.Add(time.Second)) {
			w.Errorf("after the release: %+v", got)
		}
		p = w.wantLease(noon, time.Hour) // for the test
		p.Replayed = p.Endpoint.ReplayFrom
		p.Endpoint = p.Endpoint.Tested(billing.WebhookResponse{Status: 204}, noon.Add(time.Second))
		w.must(w.releaseEndpoint(p, 0))
		got = w.lockEndpoint(e.ID)
		if !got.ReplayFrom.IsZero() || !got.TestAskedAt.IsZero() || got.TestStatus != "204" {
			w.Errorf("after the replay and the test: %+v", got)
		}
		w.wantNoLease(noon)
		w.saveEndpoint(got.Enable())
		w.wantLease(noon, time.Hour)
		_, err := w.findEndpoint(newIDOf[billing.EndpointID]())
		w.wantErr(err, billing.ErrEndpointNotFound)
	}},
	{"stay enabled after a test that an operator overtakes", func(w *world) {
		e := w.addEndpoint().Disable(noon).AskForTest(noon)
		e.NextTryAt = noon.Add(time.Hour)
		w.saveEndpoint(e)
		p := w.wantLease(noon, time.Hour)
		w.saveEndpoint(e.Enable())
		p.Endpoint = p.Endpoint.Tested(billing.WebhookResponse{Status: 200}, noon)
		w.must(w.releaseEndpoint(p, 0))
		if got := w.lockEndpoint(e.ID); !got.DisabledAt.IsZero() || !got.NextTryAt.IsZero() {
			w.Errorf("after the release: %+v", got)
		}
	}},
	{"are disabled by the receiver", func(w *world) {
		e := w.addEndpoint()
		p := w.wantLease(noon, time.Hour)
		p.Endpoint = p.Endpoint.Disable(noon)
		w.must(w.releaseEndpoint(p, 0))
		w.wantNoLease(noon)
		same(w, "endpoint", w.lockEndpoint(e.ID), e.Disable(noon))
	}},
	{"have two secrets while one is replaced", func(w *world) {
		e := w.addEndpoint()
		first := w.wantLease(noon, time.Hour)
		w.must(w.releaseEndpoint(first, 0))
		second := newSecret(2)
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			return tx.Endpoints.AddSecret(ctx, e.ID, ports.EndpointSecret{ID: newID(), Secret: second, AddedAt: noon.Add(time.Second)}, noon.Add(time.Hour))
		})
		for at, want := range map[time.Time][]billing.WebhookSecret{
			noon: {second, newSecret(1)}, noon.Add(time.Hour): {second},
		} {
			p := w.wantLease(at, time.Hour)
			if len(p.Secrets) != len(want) {
				w.Fatalf("at %v the endpoint has %d secrets, want %d", at, len(p.Secrets), len(want))
			}
			for i := range want {
				if !p.Secrets[i].Equal(want[i].Secret) {
					w.Errorf("at %v secret %d is another one", at, i)
				}
			}
			w.must(w.releaseEndpoint(p, 0))
		}
	}},
}

var deliveryCases = []testCase{
	{"wait for the next try of their viewer", func(w *world) {
		e, a, b := w.addEndpoint(), w.subscribe(0), w.subscribe(0)
		first, second := w.recorded(a, billing.EventRenewed), w.recorded(a, billing.EventEnded)
		other := w.recorded(b, billing.EventRenewed)
		second.Tries, second.Status, second.NextTryAt = 1, "500", noon.Add(time.Minute)
		w.put(e, second, other)
		w.wantDue(e, noon, 10, other)
		first.NextTryAt = noon.Add(time.Hour)
		w.put(e, first)
		second.NextTryAt = first.NextTryAt
		w.wantDue(e, noon.Add(time.Minute), 10, other)
		w.wantDue(e, noon.Add(time.Hour), 10, other, first, second)
		w.wantDue(e, noon.Add(time.Hour), 2, other, first)
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			next, err := tx.Deliveries.Waiting(ctx, e.ID, a.sub.UserID, newIDOf[billing.UserID]())
			if at := next[a.sub.UserID]; len(next) != 1 || !at.Equal(noon.Add(time.Hour)) {
				w.Errorf("waiting are %v", next)
			}
			return err
		})
		w.wantFailing(e, 1)
		again := second
		again.Tries, again.Status = 0, ""
		w.put(e, again) // the number of tries only grows
		w.wantFailing(e, 1)
		w.tx(func(ctx context.Context, tx ports.Repos) error { return tx.Deliveries.Remove(ctx, e.ID, first, other) })
		w.wantDue(e, noon.Add(time.Hour), 10, second)
		w.tx(func(ctx context.Context, tx ports.Repos) error { return tx.Deliveries.RetryAll(ctx, e.ID, noon) })
		second.NextTryAt = noon
		w.wantDue(e, noon, 10, second)
		w.wantDue(w.addEndpoint(), noon.Add(time.Hour), 10)
	}},
	{"are made of delivered events again", func(w *world) {
		e, d := w.addEndpoint(billing.EventRenewed), w.subscribe(0)
		first, second, third := w.recorded(d, billing.EventRenewed), w.recorded(d, billing.EventEnded), w.recorded(d, billing.EventRenewed)
		w.recorded(w.subscribe(0), billing.EventRenewed)
		resend := func(r ports.Resend, want ...ports.Delivery) {
			w.Helper()
			r.User, r.Now = d.sub.UserID, noon
			w.tx(func(ctx context.Context, tx ports.Repos) error {
				n, err := tx.Endpoints.Resend(ctx, e.ID, r)
				if n != len(want) {
					w.Errorf("%d events are sent again, want %d", n, len(want))
				}
				return err
			})
			w.wantDue(e, noon, 10, want...)
		}
		resend(ports.Resend{}) // nothing was delivered
		p := w.wantLease(noon, time.Hour)
		p.Cursor = ports.EndpointCursor{Epoch: "e", Place: ports.FeedPlace{Xact: third.Xact, ID: third.ID}, Reached: noon}
		w.must(w.releaseEndpoint(p, 0))
		resend(ports.Resend{Event: second.ID})
		resend(ports.Resend{Event: third.ID}, third)
		resend(ports.Resend{}, first, third)
		w.tx(func(ctx context.Context, tx ports.Repos) error { return tx.Deliveries.Remove(ctx, e.ID, first, third) })
		resend(ports.Resend{Since: time.Now().Add(time.Hour)})
	}},
	{"count as behind", func(w *world) {
		e, d := w.addEndpoint(billing.EventRenewed), w.subscribe(0)
		first := w.recorded(d, billing.EventRenewed)
		w.recorded(d, billing.EventEnded)
		w.recorded(d, billing.EventRenewed)
		w.wantView(e, 2, 0)
		w.put(e, first)
		p := w.wantLease(noon, time.Hour)
		p.Cursor = ports.EndpointCursor{Epoch: "e", Place: ports.FeedPlace{Xact: first.Xact, ID: first.ID}, Reached: noon}
		w.must(w.releaseEndpoint(p, 0))
		w.wantView(e, 2, 1)
	}},
}

func newSecret(n byte) billing.WebhookSecret {
	s, err := billing.NewWebhookSecret(bytes.Repeat([]byte{n}, 32))
	if err != nil {
		panic(err)
	}
	return s
}

func (w *world) addEndpoint(types ...billing.EventType) billing.Endpoint {
	w.Helper()
	e := billing.Endpoint{ID: newIDOf[billing.EndpointID](), URL: "https://crm.example/billing", Types: append([]billing.EventType{}, types...), AddedAt: noon}
	w.tx(func(ctx context.Context, tx ports.Repos) error {
		return tx.Endpoints.Add(ctx, e, ports.EndpointSecret{ID: newID(), Secret: newSecret(1), AddedAt: noon})
	})
	return e
}

func (w *world) saveEndpoint(e billing.Endpoint) {
	w.Helper()
	w.tx(func(ctx context.Context, tx ports.Repos) error { return tx.Endpoints.Save(ctx, e) })
}

func (w *world) findEndpoint(id billing.EndpointID) (e billing.Endpoint, err error) {
	err = w.try(func(ctx context.Context, tx ports.Repos) (err error) {
		e, err = tx.Endpoints.Lock(ctx, id)
		return err
	})
	return e, err
}

func (w *world) lockEndpoint(id billing.EndpointID) billing.Endpoint {
	w.Helper()
	e, err := w.findEndpoint(id)
	w.must(err)
	return e
}

func (w *world) lease(now time.Time, lasts time.Duration) (p ports.Push, ok bool) {
	w.Helper()
	w.tx(func(ctx context.Context, tx ports.Repos) (err error) {
		p, ok, err = tx.EndpointLeases.Lease(ctx, ports.EndpointLease{ID: newID(), Now: now, Wall: now, For: lasts})
		return err
	})
	return p, ok
}

func (w *world) wantLease(now time.Time, lasts time.Duration) ports.Push {
	w.Helper()
	p, ok := w.lease(now, lasts)
	if !ok {
		w.Fatal("no endpoint was leased")
	}
	return p
}

func (w *world) wantNoLease(now time.Time) {
	w.Helper()
	if p, ok := w.lease(now, 0); ok {
		w.Fatalf("leased %+v, want none", p.Endpoint)
	}
}

func (w *world) releaseEndpoint(p ports.Push, idle time.Duration) error {
	return w.try(func(ctx context.Context, tx ports.Repos) error { return tx.EndpointLeases.Release(ctx, p, idle) })
}

// recorded records an event and returns it as a delivery that is due.
func (w *world) recorded(d purchase, t billing.EventType) ports.Delivery {
	w.Helper()
	before := w.feed(ports.FeedQuery{Limit: 1000})
	w.append(d.event(t))
	page := w.feed(after(before, 10))
	if len(page.Events) != 1 {
		w.Fatalf("the feed has %d new events, want 1", len(page.Events))
	}
	return ports.Delivery{FeedEvent: page.Events[0], NextTryAt: noon}
}

func (w *world) put(e billing.Endpoint, list ...ports.Delivery) {
	w.Helper()
	w.tx(func(ctx context.Context, tx ports.Repos) error { return tx.Deliveries.Put(ctx, e.ID, list...) })
}

func (w *world) wantDue(e billing.Endpoint, now time.Time, limit int, want ...ports.Delivery) {
	w.Helper()
	w.tx(func(ctx context.Context, tx ports.Repos) error {
		got, err := tx.Deliveries.Due(ctx, e.ID, now, limit)
		sameList(w, "due deliveries", got, want)
		return err
	})
}

func (w *world) wantFailing(e billing.Endpoint, want int) {
	w.Helper()
	w.tx(func(ctx context.Context, tx ports.Repos) error {
		n, err := tx.Deliveries.CountFailing(ctx, e.ID)
		same(w, "failing deliveries", n, want)
		return err
	})
}

func (w *world) wantView(e billing.Endpoint, behind, waiting int) {
	w.Helper()
	list, err := w.Store.Views().Endpoints(w.Context())
	w.must(err)
	if len(list) != 1 || list[0].ID != e.ID || list[0].Behind != behind || list[0].Waiting != waiting || list[0].Oldest.IsZero() {
		w.Errorf("the endpoints are %+v, want %s with %d behind and %d waiting", list, e.ID, behind, waiting)
	}
}
