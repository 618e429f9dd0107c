//go:build mutant

package mutant

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// cursorByID is the name of the bug that orders the feed by the ids of events.
const cursorByID = "cursor-by-id"

// Feed returns f with the planted bug, if it is cursorByID.
func Feed(f ports.Feed, pool *pgxpool.Pool) ports.Feed {
	if planted() != cursorByID {
		return f
	}
	return feedByID{f, pool}
}

// feedByID returns the events with a greater id than the last one. It misses events that
// commit after events with greater ids were read.
type feedByID struct {
	ports.Feed
	pool *pgxpool.Pool
}

func (f feedByID) FeedPage(ctx context.Context, q ports.FeedQuery) (ports.FeedPage, error) {
	after := q.After.ID
	if after == "" {
		after = "00000000-0000-0000-0000-000000000000"
	}
	rows, err := f.pool.Query(ctx, "SELECT id::text, user_id::text, type, at FROM events WHERE id > $1 ORDER BY id LIMIT $2", string(after), q.Limit)
	if err != nil {
		return ports.FeedPage{}, err
	}
	page := ports.FeedPage{Epoch: cursorByID, Next: ports.FeedPlace{ID: after}}
	page.Events, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (e ports.FeedEvent, err error) {
		err = row.Scan(&e.ID, &e.UserID, &e.Type, &e.At)
		return e, err
	})
	for _, e := range page.Events {
		page.Next.ID = billing.EventID(e.ID)
	}
	return page, err
}
