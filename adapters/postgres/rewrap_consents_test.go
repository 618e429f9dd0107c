package postgres_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/adapters/vault"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/payments"
	"github.com/online-cinema/billing/core/ports"
)

const consentOf = billing.SubscriptionID("00000000-0000-7000-c000-000000000001")

// signing returns a store that signs consents with v.
func (w vaultFixture) signing(v ports.Authenticator) *postgres.Store {
	return postgres.NewStore(w.pool, postgres.WithVault(w.vault), postgres.WithAuthenticator(v))
}

// sign makes one pass of a rewrap.
func (w vaultFixture) sign(s *postgres.Store, refuseUnsigned bool) *postgres.Rewrap {
	w.Helper()
	pass, err := s.Rewrap()
	if err != nil {
		w.Fatal(err)
	}
	pass.RefuseUnsigned = refuseUnsigned
	for {
		n, err := pass.Next(w.Context(), 2)
		if err != nil {
			w.Fatal(err)
		}
		if n == 0 {
			return pass
		}
	}
}

func (w vaultFixture) wantConsents(s *postgres.Store, want postgres.ConsentCounts) {
	w.Helper()
	got, err := s.ConsentCounts(w.Context())
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		w.Errorf("consents: %v (-want +got):\n%s", err, diff)
	}
}

// finding returns what is wrong with the consent of the stored subscription.
func (w vaultFixture) finding(v ports.Authenticator) (f payments.ConsentFinding) {
	w.Helper()
	w.tx(w.encrypting, func(ctx context.Context, tx ports.Repos) error {
		list, err := tx.Subscriptions.Lock(ctx, ports.SubscriptionKey{User: w.user, ID: consentOf})
		if err == nil {
			f = payments.Consents{Keys: v}.Check(&list[0])
		}
		return err
	})
	return f
}

func TestRewrap_SignsConsents(t *testing.T) {
	t.Parallel()
	w := newVaultFixture(t)
	w.subscribe(w.link(w.encrypting, 1).ID)
	s := w.signing(w.vault)
	w.wantConsents(s, postgres.ConsentCounts{Unsigned: 1})
	if f := w.finding(w.vault); f != payments.ConsentUnsigned {
		t.Errorf("before, the finding is %q", f)
	}
	if pass := w.sign(s, false); pass.Reencrypted != 1 || len(pass.Forged) > 0 {
		t.Errorf("the first pass: %+v", pass)
	}
	w.wantConsents(s, postgres.ConsentCounts{})
	if f := w.finding(w.vault); f != "" {
		t.Errorf("after it, the finding is %q", f)
	}
	if pass := w.sign(s, false); pass.Reencrypted != 0 {
		t.Errorf("the second pass: %+v", pass)
	}
	w.exec("UPDATE subscriptions SET price_amount = 9999900")
	if f := w.finding(w.vault); f != payments.ConsentForged {
		t.Errorf("with another price, the finding is %q", f)
	}
}

func TestRewrap_ReplacesOnlyValidSignatures(t *testing.T) {
	t.Parallel()
	w := newVaultFixture(t)
	w.subscribe(w.link(w.encrypting, 1).ID)
	w.sign(w.signing(w.vault), false)
	f := w.files
	f.RotateDigests = true
	if err := f.Rotate(time.Now()); err != nil {
		t.Fatal(err)
	}
	rotated, err := vault.Open(f, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := w.signing(rotated)
	w.wantConsents(s, postgres.ConsentCounts{OfOtherKeys: 1})

	w.exec("UPDATE subscriptions SET price_amount = 9999900")
	forged := []string{"subscription " + string(consentOf)}
	if diff := cmp.Diff(forged, w.sign(s, false).Forged); diff != "" {
		t.Errorf("forged with another price (-want +got):\n%s", diff)
	}
	w.exec("UPDATE subscriptions SET price_amount = 100")
	if pass := w.sign(s, false); len(pass.Forged) > 0 {
		t.Errorf("forged with the agreed price: %v", pass.Forged)
	}
	w.wantConsents(s, postgres.ConsentCounts{})
	if f := w.finding(rotated); f != "" {
		t.Errorf("the finding is %q", f)
	}
}

// An attacker cannot get another price signed by removing the signature.
func TestRewrap_RefusesUnsignedConsents(t *testing.T) {
	t.Parallel()
	w := newVaultFixture(t)
	w.subscribe(w.link(w.encrypting, 1).ID)
	s := w.signing(w.vault)
	if pass := w.sign(s, true); len(pass.Forged) != 1 {
		t.Errorf("forged are %v, want the subscription", pass.Forged)
	}
	w.wantConsents(s, postgres.ConsentCounts{Unsigned: 1})
}
