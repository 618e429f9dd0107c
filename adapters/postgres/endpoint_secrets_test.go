package postgres_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

func endpointID(n int) billing.EndpointID {
	return billing.EndpointID(fmt.Sprintf("00000000-0000-7000-e000-%012d", n))
}

func (w vaultFixture) addEndpoint(s *postgres.Store, n int) billing.WebhookSecret {
	w.Helper()
	secret, err := billing.NewWebhookSecret([]byte(strings.Repeat(fmt.Sprint(n), 32)))
	if err != nil {
		w.Fatal(err)
	}
	e := billing.Endpoint{ID: endpointID(n), URL: "https://crm.example/", AddedAt: time.Now()}
	w.tx(s, func(ctx context.Context, tx ports.Repos) error {
		return tx.Endpoints.Add(ctx, e, ports.EndpointSecret{ID: string(e.ID), Secret: secret, AddedAt: e.AddedAt})
	})
	return secret
}

// Secrets are stored encrypted, and are encrypted again, so that an old key can be removed. A
// secret that was moved to another endpoint does not open there.
func TestRewrap_EndpointSecrets(t *testing.T) {
	t.Parallel()
	w := newVaultFixture(t)
	var secrets []billing.WebhookSecret
	for n := range 3 {
		secrets = append(secrets, w.addEndpoint(w.encrypting, n))
		if row := w.text("SELECT s::text FROM endpoint_secrets s WHERE endpoint_id = '" + string(endpointID(n)) + "'"); strings.Contains(row, "whsec_") || strings.Contains(row, fmt.Sprintf("%x", "whsec_")) {
			t.Errorf("the row has the secret: %s", row)
		}
	}
	w.addEndpoint(w.plain, 3) // from a time without a vault
	w.exec("UPDATE endpoint_secrets a SET secret_ct = b.secret_ct FROM endpoint_secrets b WHERE a.id = $1 AND b.id = $2", endpointID(1), endpointID(2))
	if err := w.files.Rotate(time.Now()); err != nil {
		t.Fatal(err)
	}
	reencrypted, broken := w.rewrap(1)
	if diff := cmp.Diff([]string{"secret of endpoint " + string(endpointID(1))}, broken); diff != "" || reencrypted != 3 {
		t.Errorf("re-encrypted %d, want 3; broken (-want +got):\n%s", reencrypted, diff)
	}
	w.expectByKey(func(u postgres.KeyUsage) int64 { return u.Secrets }, 1, 3)
	w.exec("UPDATE endpoints SET disabled_at = now() WHERE id <> $1 AND id <> $2", endpointID(0), endpointID(1))
	for range 2 {
		var p ports.Push
		w.tx(w.encrypting, func(ctx context.Context, tx ports.Repos) (err error) {
			p, _, err = tx.EndpointLeases.Lease(ctx, ports.EndpointLease{ID: w.text("SELECT gen_random_uuid()::text"), Now: time.Now(), Wall: time.Now(), For: time.Hour})
			return err
		})
		switch p.Endpoint.ID {
		case endpointID(0):
			if len(p.Secrets) != 1 || !p.Secrets[0].Equal(secrets[0].Secret) {
				t.Errorf("the endpoint has %d secrets, or another one", len(p.Secrets))
			}
		case endpointID(1):
			if len(p.Secrets) != 0 {
				t.Error("a secret that was moved there opens")
			}
		default:
			t.Errorf("leased %q", p.Endpoint.ID)
		}
	}
}
