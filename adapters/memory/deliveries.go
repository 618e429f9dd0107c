package memory

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// deliveryKey identifies an event that an endpoint has not received.
type deliveryKey struct {
	endpoint billing.EndpointID
	event    billing.EventID
}

// deliveries implements [ports.Deliveries].
type deliveries struct{ *tx }

// of returns the events of an endpoint, in no order.
func (r deliveries) of(id billing.EndpointID) (list []ports.Delivery) {
	for key, d := range r.deliveries {
		if key.endpoint == id {
			d.Subject = r.users[d.UserID].Subject
			list = append(list, d)
		}
	}
	return list
}

func (r deliveries) Due(_ context.Context, id billing.EndpointID, now time.Time, limit int) ([]ports.Delivery, error) {
	due := slices.DeleteFunc(r.of(id), func(d ports.Delivery) bool { return d.NextTryAt.After(now) })
	slices.SortFunc(due, func(a, b ports.Delivery) int {
		return cmp.Or(a.NextTryAt.Compare(b.NextTryAt), cmp.Compare(a.UserID, b.UserID), cmp.Compare(a.Xact, b.Xact), cmp.Compare(a.ID, b.ID))
	})
	return due[:min(limit, len(due))], nil
}

func (r deliveries) Waiting(_ context.Context, id billing.EndpointID, users ...billing.UserID) (map[billing.UserID]time.Time, error) {
	next := make(map[billing.UserID]time.Time)
	for _, d := range r.of(id) {
		if slices.Contains(users, d.UserID) {
			next[d.UserID] = d.NextTryAt
		}
	}
	return next, nil
}

func (r deliveries) CountFailing(_ context.Context, id billing.EndpointID) (int, error) {
	return len(slices.DeleteFunc(r.of(id), func(d ports.Delivery) bool { return d.Tries == 0 })), nil
}

func (r deliveries) Put(_ context.Context, id billing.EndpointID, list ...ports.Delivery) error {
	for _, d := range list {
		stored := r.deliveries[deliveryKey{id, d.ID}]
		d.Tries, d.Status = max(d.Tries, stored.Tries), cmp.Or(d.Status, stored.Status)
		r.deliveries[deliveryKey{id, d.ID}] = d
	}
	for _, d := range list {
		r.postpone(id, d.NextTryAt, func(other ports.Delivery) bool { return other.UserID == d.UserID })
	}
	return nil
}

func (r deliveries) postpone(id billing.EndpointID, until time.Time, which func(ports.Delivery) bool) {
	for key, d := range r.deliveries {
		if key.endpoint == id && which(d) {
			d.NextTryAt = until
			r.deliveries[key] = d
		}
	}
}

func (r deliveries) Remove(_ context.Context, id billing.EndpointID, list ...ports.Delivery) error {
	for _, d := range list {
		delete(r.deliveries, deliveryKey{id, d.ID})
	}
	return nil
}

func (r deliveries) RetryAll(_ context.Context, id billing.EndpointID, now time.Time) error {
	r.postpone(id, now, func(d ports.Delivery) bool { return d.NextTryAt.After(now) })
	return nil
}
