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
		ID: u.ID, Name: u.Name, Role: string(u.Role), PasswordHash: u.PasswordHash.Reveal(), PasswordTemporary: u.PasswordTemporary,
		Language: u.Language, CreatedAt: u.CreatedAt, DisabledAt: u.DisabledAt, Failures: int32(u.Failures), LockedUntil: u.LockedUntil,
		TotpKeyCt: u.Factor.Key.Ciphertext, TotpKeyID: keyID(u.Factor.Key), TotpSince: u.Factor.Since, TotpLastStep: u.Factor.LastStep,
		RecoveryHashes: recoveryColumn(u.Factor.Recovery),
	})
}

func (r panelUsers) Save(ctx context.Context, u ports.PanelUser) error {
	n, err := r.q.PanelUserSave(ctx, dbgen.PanelUserSaveParams{
		ID: u.ID, Role: string(u.Role), PasswordHash: u.PasswordHash.Reveal(), PasswordTemporary: u.PasswordTemporary, Language: u.Language,
		DisabledAt: u.DisabledAt, Failures: int32(u.Failures), LockedUntil: u.LockedUntil,
		TotpKeyCt: u.Factor.Key.Ciphertext, TotpKeyID: keyID(u.Factor.Key), TotpSince: u.Factor.Since, TotpLastStep: u.Factor.LastStep,
		RecoveryHashes: recoveryColumn(u.Factor.Recovery),
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
		Failures: int(row.Failures), LockedUntil: row.LockedUntil, PasswordTemporary: row.PasswordTemporary,
		Factor: ports.Factor{
			Key: encryptedOf(row.TotpKeyCt, row.TotpKeyID), Since: row.TotpSince, LastStep: row.TotpLastStep,
			Recovery: recoveryOf(row.RecoveryHashes),
		},
	}
}

func recoveryColumn(hashes []ports.RecoveryHash) [][]byte {
	return mapSlice(hashes, func(h ports.RecoveryHash) []byte { return h[:] })
}

func recoveryOf(column [][]byte) []ports.RecoveryHash {
	var hashes []ports.RecoveryHash
	for _, h := range column {
		hashes = append(hashes, ports.RecoveryHash(h))
	}
	return hashes
}
