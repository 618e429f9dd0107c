package postgres

import (
	"context"
	"encoding/json"
	"time"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

type staff struct{ q *dbgen.Queries }

func (r staff) Lock(ctx context.Context, name string) (app.PanelUser, error) {
	row, err := r.q.PanelUserLock(ctx, name)
	if err != nil {
		return app.PanelUser{}, orNotFound(err, billing.ErrNotFound)
	}
	return panelUserOf(row), nil
}

func (r staff) Add(ctx context.Context, u app.PanelUser) error {
	return r.q.PanelUserAdd(ctx, dbgen.PanelUserAddParams{
		ID: u.ID, Name: u.Name, Role: string(u.Role), PasswordHash: u.PasswordHash.Reveal(), Language: u.Language,
		CreatedAt: u.CreatedAt, DisabledAt: u.DisabledAt, Failures: int32(u.Failures), LockedUntil: u.LockedUntil,
	})
}

func (r staff) Save(ctx context.Context, u app.PanelUser) error {
	n, err := r.q.PanelUserSave(ctx, dbgen.PanelUserSaveParams{
		ID: u.ID, Role: string(u.Role), PasswordHash: u.PasswordHash.Reveal(), Language: u.Language,
		DisabledAt: u.DisabledAt, Failures: int32(u.Failures), LockedUntil: u.LockedUntil,
	})
	return mustTouch(1, n, err)
}

func (r staff) List(ctx context.Context) ([]app.PanelUser, error) {
	rows, err := r.q.PanelUsers(ctx)
	return column(rows, panelUserOf), err
}

func panelUserOf(row *dbgen.PanelUser) app.PanelUser {
	return app.PanelUser{
		ID: row.ID, Name: row.Name, Role: app.Role(row.Role), PasswordHash: billing.NewSecret(row.PasswordHash),
		Language: row.Language, CreatedAt: row.CreatedAt, DisabledAt: row.DisabledAt,
		Failures: int(row.Failures), LockedUntil: row.LockedUntil,
	}
}

type sessions struct{ q *dbgen.Queries }

func (r sessions) Add(ctx context.Context, s app.Session) error {
	return r.q.PanelSessionAdd(ctx, dbgen.PanelSessionAddParams{
		TokenHash: s.Key[:], UserID: s.UserID, CreatedAt: s.CreatedAt, SeenAt: s.SeenAt, Origin: s.From,
	})
}

func (r sessions) Find(ctx context.Context, k app.SessionKey) (app.Session, app.PanelUser, error) {
	row, err := r.q.PanelSession(ctx, k[:])
	if err != nil {
		return app.Session{}, app.PanelUser{}, orNotFound(err, billing.ErrNotFound)
	}
	s := row.PanelSession
	return app.Session{Key: k, UserID: s.UserID, CreatedAt: s.CreatedAt, SeenAt: s.SeenAt, From: s.Origin}, panelUserOf(&row.PanelUser), nil
}

func (r sessions) Seen(ctx context.Context, k app.SessionKey, at time.Time) error {
	return r.q.PanelSessionSeen(ctx, at, k[:])
}

func (r sessions) End(ctx context.Context, k app.SessionKey) error {
	return r.q.PanelSessionEnd(ctx, k[:])
}

func (r sessions) EndAll(ctx context.Context, user string) error {
	return r.q.PanelSessionsEnd(ctx, user)
}

func (r sessions) Prune(ctx context.Context, seen, begun time.Time) error {
	return r.q.PanelSessionsPrune(ctx, seen, begun)
}

type audit struct{ q *dbgen.Queries }

func (r audit) Record(ctx context.Context, e app.AuditEntry) error {
	before, after := facts(e.Before), facts(e.After)
	return r.q.AuditRecord(ctx, dbgen.AuditRecordParams{
		ID: e.ID, At: e.At, Operator: e.Operator, Origin: e.From, Action: e.Action, Object: e.Object,
		Before: before, After: after,
	})
}

// facts never fails: a map of texts is JSON.
func facts(f app.Facts) []byte {
	if f == nil {
		f = app.Facts{}
	}
	text, _ := json.Marshal(f)
	return text
}

func auditEntryOf(row *dbgen.PanelAudit) app.AuditEntry {
	e := app.AuditEntry{
		ID: row.ID, At: row.At, Operator: row.Operator, From: row.Origin, Action: row.Action, Object: row.Object,
	}
	_ = json.Unmarshal(row.Before, &e.Before) // the schema has objects only
	_ = json.Unmarshal(row.After, &e.After)
	return e
}
