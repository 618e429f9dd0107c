package postgres

import (
	"context"
	"time"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// panelSessions implements [ports.Sessions].
type panelSessions struct{ q *dbgen.Queries }

func (r panelSessions) Add(ctx context.Context, s ports.Session) error {
	return r.q.PanelSessionAdd(ctx, dbgen.PanelSessionAddParams{
		TokenHash: s.Key[:], UserID: s.UserID, CreatedAt: s.CreatedAt, SeenAt: s.SeenAt, Origin: s.From, Browser: s.Browser,
	})
}

func (r panelSessions) Find(ctx context.Context, k ports.SessionKey) (ports.Session, ports.PanelUser, error) {
	row, err := r.q.PanelSession(ctx, k[:])
	if err != nil {
		return ports.Session{}, ports.PanelUser{}, orNotFound(err, billing.ErrNotFound)
	}
	return sessionOf(&row.PanelSession), panelUserOf(&row.PanelUser), nil
}

func (r panelSessions) Of(ctx context.Context, user string) ([]ports.Session, error) {
	rows, err := r.q.PanelSessionsOf(ctx, user)
	return mapSlice(rows, sessionOf), err
}

func sessionOf(row *dbgen.PanelSession) ports.Session {
	return ports.Session{
		Key: ports.SessionKey(row.TokenHash), UserID: row.UserID, CreatedAt: row.CreatedAt, SeenAt: row.SeenAt,
		From: row.Origin, Browser: row.Browser,
	}
}

func (r panelSessions) Seen(ctx context.Context, k ports.SessionKey, at time.Time) error {
	return r.q.PanelSessionSeen(ctx, at, k[:])
}

func (r panelSessions) End(ctx context.Context, keys ...ports.SessionKey) error {
	return r.q.PanelSessionsEnd(ctx, mapSlice(keys, func(k ports.SessionKey) []byte { return k[:] }))
}

func (r panelSessions) Prune(ctx context.Context, seen, begun time.Time) error {
	return r.q.PanelSessionsPrune(ctx, seen, begun)
}
