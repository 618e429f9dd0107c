package postgres

import (
	"context"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// endpointSecrets encrypts and decrypts the secrets of endpoints, with the keys of the
// tokens. A nil vault stores them in plaintext.
type endpointSecrets struct{ vault ports.Vault }

func (s endpointSecrets) add(ctx context.Context, q *dbgen.Queries, id billing.EndpointID, secret ports.EndpointSecret) error {
	row := dbgen.EndpointSecretAddParams{EndpointID: string(id), ID: secret.ID, AddedAt: secret.AddedAt}
	if s.vault == nil {
		row.Secret = secret.Secret.Reveal()
		return q.EndpointSecretAdd(ctx, row)
	}
	encrypted, err := s.vault.Encrypt(ports.EndpointSecretPlace(id, secret.ID), []byte(secret.Secret.Reveal()))
	if err != nil {
		return err
	}
	row.SecretCt, row.SecretKeyID = encrypted.Ciphertext, keyID(encrypted)
	return q.EndpointSecretAdd(ctx, row)
}

func (s endpointSecrets) decrypt(row *dbgen.EndpointSecret) ([]byte, error) {
	return decryptText(s.vault, endpointSecretPlace(row), row.Secret, encryptedOf(row.SecretCt, row.SecretKeyID))
}

func endpointSecretPlace(row *dbgen.EndpointSecret) ports.Place {
	return ports.EndpointSecretPlace(billing.EndpointID(row.EndpointID), row.ID)
}

// endpointSecrets encrypts the secrets of endpoints.
func (r *Rewrap) endpointSecrets(ctx context.Context, q *dbgen.Queries, limit int) (int, error) {
	if r.store.vault == nil {
		return 0, nil
	}
	rows, err := q.EndpointSecretsToReencrypt(ctx, dbgen.EndpointSecretsToReencryptParams{
		KeyID: int64(r.store.vault.PrimaryKeyID()), AfterEndpoint: r.secret.user, AfterID: r.secret.id, Take: int32(limit),
	})
	if err != nil {
		return 0, err
	}
	for _, row := range rows {
		r.secret = cursor{row.EndpointID, row.ID}
		if err := r.record("secret of endpoint", row.EndpointID, r.rewrapEndpointSecret(ctx, q, row)); err != nil {
			return 0, err
		}
	}
	return len(rows), nil
}

func (r *Rewrap) rewrapEndpointSecret(ctx context.Context, q *dbgen.Queries, row *dbgen.EndpointSecret) error {
	fresh, err := r.encryptText(endpointSecretPlace(row), row.Secret, encryptedOf(row.SecretCt, row.SecretKeyID))
	if err != nil {
		return err
	}
	return oneRow(q.EndpointSecretReencrypt(ctx, dbgen.EndpointSecretReencryptParams{
		EndpointID: row.EndpointID, ID: row.ID, SecretCt: fresh.Ciphertext, SecretKeyID: keyID(fresh),
	}))
}
