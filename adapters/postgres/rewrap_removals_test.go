package postgres_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

func (w vaultFixture) addRemovals(s *postgres.Store, m ...billing.PaymentMethod) {
	w.Helper()
	w.tx(s, func(ctx context.Context, tx ports.Repos) error { return tx.TokenRemovals.Add(ctx, m...) })
}

// leaseRemovals returns the tokens that wait to be forgotten, by method.
func (w vaultFixture) leaseRemovals() map[billing.PaymentMethodID]string {
	w.Helper()
	tokens := map[billing.PaymentMethodID]string{}
	w.tx(w.encrypting, func(ctx context.Context, tx ports.Repos) error {
		list, err := tx.TokenRemovals.Lease(ctx, billing.LookupInterval{Min: -time.Hour, Max: -time.Hour}, 10)
		for _, r := range list {
			tokens[r.Method] = r.Token.Reveal()
		}
		return err
	})
	return tokens
}

func TestTokenRemovals_TokenIsEncrypted(t *testing.T) {
	t.Parallel()
	w := newVaultFixture(t)
	w.addRemovals(w.encrypting, w.link(w.encrypting, 1))
	if row := w.text("SELECT t::text FROM token_removals t"); strings.Contains(row, "tok_secret") {
		t.Errorf("the row has the token: %s", row)
	}
	if diff := cmp.Diff(map[billing.PaymentMethodID]string{methodID(1): "tok_secret_1"}, w.leaseRemovals()); diff != "" {
		t.Errorf("tokens (-want +got):\n%s", diff)
	}
}

// Tokens that wait to be forgotten are encrypted again, so that an old key can be removed.
func TestRewrap_TokenRemovals(t *testing.T) {
	t.Parallel()
	w := newVaultFixture(t)
	for n := range 4 {
		m := w.link(w.encrypting, n)
		store := w.encrypting
		if n == 3 {
			store = w.plain // from a time without a vault
		}
		w.addRemovals(store, m)
	}
	w.exec("DELETE FROM payment_methods m WHERE NOT EXISTS (SELECT FROM token_removals t WHERE t.method_id = m.id)")
	w.exec("UPDATE payment_methods SET removed_at = now(), removed_with = id, token_ct = NULL, token_key_id = NULL, token_fingerprint = NULL")
	w.exec("UPDATE token_removals a SET token_ct = b.token_ct FROM token_removals b WHERE a.method_id = $1 AND b.method_id = $2", methodID(1), methodID(2))
	if err := w.files.Rotate(time.Now()); err != nil {
		t.Fatal(err)
	}
	w.encrypting = postgres.NewStore(w.pool, postgres.WithVault(w.vault)) // as the owner, like billingctl
	reencrypted, broken := w.rewrap(1)
	if diff := cmp.Diff([]string{"token of removed payment method " + string(methodID(1))}, broken); diff != "" || reencrypted != 3 {
		t.Errorf("re-encrypted %d, want 3; broken (-want +got):\n%s", reencrypted, diff)
	}
	w.expectByKey(func(u postgres.KeyUsage) int64 { return u.Methods }, 1, 3)
	tokens := map[billing.PaymentMethodID]string{methodID(0): "tok_secret_0", methodID(1): "", methodID(2): "tok_secret_2", methodID(3): "tok_secret_3"}
	if diff := cmp.Diff(tokens, w.leaseRemovals()); diff != "" {
		t.Errorf("tokens (-want +got):\n%s", diff)
	}
}
