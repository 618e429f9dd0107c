package postgres

import (
	"context"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// panelUsers implements [ports.PanelUsers].
type panelUsers struct{ q *dbgen.Queries }

func (r panelUsers) Lock(ctx context.Context, name string) (ports.PanelUser, error) {
	row, err := r.q.PanelUserLock(ctx, name)
	if err != nil {
		return ports.PanelUser{}, orNotFound(err, billing.ErrNotFound)
	}
	return panelUserOf(row), nil
}

func (r panelUsers) Add(ctx context.Context, u ports.PanelUser) error {
	return r.q.PanelUserAdd(ctx, dbgen.PanelUserAddParams{
		ID: u.ID, Name: u.Name, Role: string(u.Role), PasswordHash: u.PasswordHash.Reveal(), Language: u.Language,
		CreatedAt: u.CreatedAt, DisabledAt: u.DisabledAt, Failures: int32(u.Failures), LockedUntil: u.LockedUntil,
	})
}

func (r panelUsers) Save(ctx context.Context, u ports.PanelUser) error {
	n, err := r.q.PanelUserSave(ctx, dbgen.PanelUserSaveParams{
		ID: u.ID, Role: string(u.Role), PasswordHash: u.PasswordHash.Reveal(), Language: u.Language,
		DisabledAt: u.DisabledAt, Failures: int32(u.Failures), LockedUntil: u.LockedUntil,
	})
	return oneRow(n, err)
}

func (r panelUsers) List(ctx context.Context) ([]ports.PanelUser, error) {
	rows, err := r.q.PanelUsers(ctx)
	return mapSlice(rows, panelUserOf), err
}

func panelUserOf(row *dbgen.PanelUser) ports.PanelUser {
	return ports.PanelUser{
		ID: row.ID, Name: row.Name, Role: ports.Role(row.Role), PasswordHash: billing.NewSecret(row.PasswordHash),
		Language: row.Language, CreatedAt: row.CreatedAt, DisabledAt: row.DisabledAt,
		Failures: int(row.Failures), LockedUntil: row.LockedUntil,
	}
}
