package postgres

import (
	"context"
	"time"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// deliveries implements [ports.Deliveries].
type deliveries struct{ q *dbgen.Queries }

func (r deliveries) Due(ctx context.Context, id billing.EndpointID, now time.Time, limit int) ([]ports.Delivery, error) {
	rows, err := r.q.DeliveriesDue(ctx, string(id), now, int32(limit))
	return mapSlice(rows, func(row *dbgen.DeliveriesDueRow) ports.Delivery {
		return ports.Delivery{
			FeedEvent: ports.FeedEvent{Event: eventOf(&row.Event), Subject: row.Subject.String, Xact: row.Delivery.Xact},
			Tries:     int(row.Delivery.Tries), NextTryAt: row.Delivery.NextTryAt, Status: row.Delivery.LastStatus,
		}
	}), err
}

func (r deliveries) Waiting(ctx context.Context, id billing.EndpointID, users ...billing.UserID) (map[billing.UserID]time.Time, error) {
	if len(users) == 0 {
		return nil, nil
	}
	rows, err := r.q.DeliveriesOfUsers(ctx, string(id), stringsOf(users))
	next := make(map[billing.UserID]time.Time, len(rows))
	for _, row := range rows {
		next[billing.UserID(row.UserID)] = row.NextTryAt
	}
	return next, err
}

func (r deliveries) CountFailing(ctx context.Context, id billing.EndpointID) (int, error) {
	n, err := r.q.DeliveriesFailing(ctx, string(id), ports.MaxBehind)
	return int(n), err
}

func (r deliveries) Put(ctx context.Context, id billing.EndpointID, list ...ports.Delivery) error {
	if len(list) == 0 {
		return nil
	}
	next := make(map[billing.UserID]time.Time)
	for _, d := range list {
		next[d.UserID] = d.NextTryAt
	}
	err := r.q.DeliveriesPut(ctx, dbgen.DeliveriesPutParams{
		EndpointID: string(id),
		UserIds:    mapSlice(list, func(d ports.Delivery) string { return string(d.UserID) }),
		EventIds:   mapSlice(list, func(d ports.Delivery) string { return string(d.ID) }),
		Xacts:      mapSlice(list, func(d ports.Delivery) int64 { return d.Xact }),
		Tries:      mapSlice(list, func(d ports.Delivery) int32 { return int32(d.Tries) }),
		NextTries:  mapSlice(list, func(d ports.Delivery) time.Time { return next[d.UserID] }),
		Statuses:   mapSlice(list, func(d ports.Delivery) string { return d.Status }),
	})
	if err != nil {
		return err
	}
	var users []string
	var times []time.Time
	for user, at := range next {
		users, times = append(users, string(user)), append(times, at)
	}
	return r.q.DeliveriesPostpone(ctx, string(id), users, times)
}

func (r deliveries) Remove(ctx context.Context, id billing.EndpointID, list ...ports.Delivery) error {
	if len(list) == 0 {
		return nil
	}
	return r.q.DeliveriesRemove(ctx,
		mapSlice(list, func(d ports.Delivery) string { return string(d.UserID) }),
		mapSlice(list, func(d ports.Delivery) string { return string(d.ID) }), string(id))
}

func (r deliveries) RetryAll(ctx context.Context, id billing.EndpointID, now time.Time) error {
	return r.q.DeliveriesRetryAll(ctx, now, string(id))
}
