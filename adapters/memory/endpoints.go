package memory

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// endpoint is an endpoint with its place, its secrets and its lease.
type endpoint struct {
	billing.Endpoint
	cursor      ports.EndpointCursor
	secrets     []endpointSecret // never changed in place
	lease       string
	leasedUntil time.Time // on the wall clock
}

// endpointSecret is a secret that signs until a time, or for ever.
type endpointSecret struct {
	ports.EndpointSecret
	until time.Time
}

// endpoints implements [ports.Endpoints].
type endpoints struct{ *tx }

func (r endpoints) Add(_ context.Context, e billing.Endpoint, s ports.EndpointSecret) error {
	if _, taken := r.endpoints[e.ID]; taken {
		return r.abort(billing.ErrAlreadyExists)
	}
	r.endpoints[e.ID] = endpoint{
		Endpoint: e, cursor: ports.EndpointCursor{Since: e.AddedAt, Reached: e.AddedAt},
		secrets: []endpointSecret{{EndpointSecret: s}}, leasedUntil: r.wall(),
	}
	return nil
}

func (r endpoints) Lock(_ context.Context, id billing.EndpointID) (billing.Endpoint, error) {
	e, ok := r.endpoints[id]
	if !ok {
		return billing.Endpoint{}, billing.ErrEndpointNotFound
	}
	return e.Endpoint, nil
}

func (r endpoints) Save(_ context.Context, changed billing.Endpoint) error {
	e, ok := r.endpoints[changed.ID]
	if !ok {
		return r.abort(ports.ErrChanged)
	}
	e.DisabledAt, e.NextTryAt, e.ReplayFrom, e.TestAskedAt = changed.DisabledAt, changed.NextTryAt, changed.ReplayFrom, changed.TestAskedAt
	r.endpoints[e.ID] = e
	return nil
}

func (r endpoints) AddSecret(_ context.Context, id billing.EndpointID, s ports.EndpointSecret, until time.Time) error {
	e := r.endpoints[id]
	e.secrets = slices.Clone(e.secrets)
	for i := range e.secrets {
		if e.secrets[i].until.IsZero() || until.Before(e.secrets[i].until) {
			e.secrets[i].until = until
		}
	}
	e.secrets = append(e.secrets, endpointSecret{EndpointSecret: s})
	r.endpoints[id] = e
	return nil
}

func (r endpoints) Resend(_ context.Context, id billing.EndpointID, s ports.Resend) (n int, err error) {
	e := r.endpoints[id]
	for _, place := range r.feed {
		event := r.events[place.ID]
		if event.UserID != s.User || s.Event != "" && event.ID != s.Event || comparePlaces(place, e.cursor.Place) > 0 ||
			!selects(ports.FeedQuery{Since: s.Since, Types: e.Types}, event) {
			continue
		}
		n++
		key := deliveryKey{id, event.ID}
		d, ok := r.deliveries[key]
		if !ok {
			d.FeedEvent = ports.FeedEvent{Event: event, Xact: place.Xact}
		}
		d.NextTryAt = s.Now
		r.deliveries[key] = d
	}
	return n, nil
}

// endpointLeases implements [ports.EndpointLeases].
type endpointLeases struct{ *tx }

func (r endpointLeases) Lease(_ context.Context, l ports.EndpointLease) (p ports.Push, ok bool, err error) {
	now := r.wall()
	var ready []endpoint
	for _, e := range r.endpoints {
		works := e.DisabledAt.IsZero() && !e.NextTryAt.After(l.Now) || !e.TestAskedAt.IsZero()
		if works && !e.leasedUntil.After(now) {
			ready = append(ready, e)
		}
	}
	if len(ready) == 0 {
		return p, false, nil
	}
	e := slices.MinFunc(ready, func(a, b endpoint) int { return a.leasedUntil.Compare(b.leasedUntil) })
	e.lease, e.leasedUntil = l.ID, now.Add(l.For)
	r.endpoints[e.ID] = e
	p = ports.Push{Lease: l.ID, Leased: e.Endpoint, Endpoint: e.Endpoint, Cursor: e.cursor}
	for _, s := range slices.Backward(e.secrets) {
		if s.until.IsZero() || s.until.After(l.Wall) {
			p.Secrets = append(p.Secrets, s.Secret)
		}
	}
	return p, true, nil
}

func (r endpointLeases) Release(_ context.Context, p ports.Push, idle time.Duration) error {
	now := r.wall()
	stored := r.endpoints[p.Endpoint.ID]
	if stored.lease != p.Lease || !stored.leasedUntil.After(now) {
		return ports.ErrLeaseLost
	}
	e := stored
	e.Endpoint, e.cursor, e.lease, e.leasedUntil = p.Endpoint, p.Cursor, "", now.Add(idle)
	if !stored.DisabledAt.Equal(p.Leased.DisabledAt) {
		e.DisabledAt = stored.DisabledAt
	}
	if !stored.NextTryAt.Equal(p.Leased.NextTryAt) {
		e.NextTryAt = stored.NextTryAt
	}
	if e.ReplayFrom = stored.ReplayFrom; e.ReplayFrom.Equal(p.Replayed) {
		e.ReplayFrom = time.Time{}
	}
	if e.TestAskedAt = stored.TestAskedAt; !e.TestAskedAt.After(e.TestedAt) {
		e.TestAskedAt = time.Time{}
	}
	r.endpoints[e.ID] = e
	return nil
}

// Endpoints implements [ports.EndpointViews].
func (v views) Endpoints(context.Context) (list []ports.EndpointView, err error) {
	st := v.state()
	for _, e := range st.endpoints {
		view := ports.EndpointView{Endpoint: e.Endpoint}
		count := func(id billing.EventID) {
			view.Behind++
			if at, ok := billing.IDTime(string(id)); ok && (view.Oldest.IsZero() || at.Before(view.Oldest)) {
				view.Oldest = at
			}
		}
		q := ports.FeedQuery{Types: e.Types, Since: cmp.Or(e.ReplayFrom, e.cursor.Since)}
		for _, place := range st.feed {
			if event := st.events[place.ID]; (!e.ReplayFrom.IsZero() || comparePlaces(place, e.cursor.Place) > 0) && selects(q, event) {
				count(event.ID)
			}
		}
		for key, d := range st.deliveries {
			if key.endpoint == e.ID {
				view.Waiting++
				count(d.ID)
			}
		}
		list = append(list, view)
	}
	slices.SortFunc(list, func(a, b ports.EndpointView) int {
		return cmp.Or(a.AddedAt.Compare(b.AddedAt), cmp.Compare(a.ID, b.ID))
	})
	return list, nil
}
