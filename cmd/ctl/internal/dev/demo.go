package dev

import (
	"context"
	"crypto/rsa"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/online-cinema/billing/adapters/auth"
	"github.com/online-cinema/billing/adapters/clock"
	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/adapters/simulator"
	"github.com/online-cinema/billing/adapters/vault"
	"github.com/online-cinema/billing/cmd/internal/boot"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
)

// fillCatalog adds the demo's payment system and plans. It leaves existing ones
// unchanged, even if they are archived or have another price.
func fillCatalog(ctx context.Context, url string) error {
	pool, err := postgres.OpenRole(ctx, url, postgres.LoginRole)
	if err != nil {
		return err
	}
	defer pool.Close()
	c := operators.Catalog{Store: postgres.NewStore(pool), Clock: clock.System{}, NewID: boot.NewID, By: operators.CLIOperator()}
	_, err = c.AddPaymentSystem(ctx, billing.PaymentSystem{Code: simulator.Code, Name: "Simulated payments"})
	if err := ignoreExisting(err); err != nil {
		return err
	}
	for _, p := range demoPlans() {
		_, err := c.AddPlan(ctx, p)
		if err := ignoreExisting(err); err != nil {
			return err
		}
	}
	return nil
}

func ignoreExisting(err error) error {
	if errors.Is(err, billing.ErrAlreadyExists) {
		return nil
	}
	return err
}

func demoPlans() []billing.Plan {
	rub := func(kopecks int64) billing.Money { return billing.Money{Amount: kopecks, Currency: "RUB"} }
	return []billing.Plan{
		{Code: "basic", Name: "Basic", Price: rub(199_00), IntervalMonths: 1, Features: []string{"catalogue"}},
		{Code: "standard", Name: "Standard", Price: rub(299_00), IntervalMonths: 1, Features: []string{"catalogue", "hd"}},
		{Code: "premium", Name: "Premium", Price: rub(399_00), IntervalMonths: 1, Features: []string{"catalogue", "hd", "4k", "new_releases"}},
	}
}

// The claims of the demo's tokens.
const (
	issuer   = "cinema-auth-demo"
	audience = "cinema-billing"
	viewer   = "demo-viewer"
	tokenAge = 30 * 24 * time.Hour
)

// demo holds the keys and logins of the demo. It replaces the cinema's auth service.
type demo struct {
	privateFile, publicFile string
	vault, tokens, panel    vault.Files
	token                   string // of the demo viewer
	tokenFile               string
	expires                 time.Time
	panelPassword           string
}

func newDemo(dir string) (demo, error) {
	d := demo{privateFile: filepath.Join(dir, "private.pem"), publicFile: filepath.Join(dir, "public.pem")}
	d.vault = vault.Files{Keyset: filepath.Join(dir, "vault.json"), KEK: filepath.Join(dir, "vault.kek")}
	d.tokens = vault.Files{Keyset: filepath.Join(dir, "tokens.json"), KEK: filepath.Join(dir, "tokens.kek")}
	d.panel = vault.Files{Keyset: filepath.Join(dir, "panel.json"), KEK: filepath.Join(dir, "panel.kek")}
	key, err := loadKey(dir, d)
	if err != nil {
		return demo{}, err
	}
	if err := errors.Join(makeVault(d.vault), makeVault(d.tokens), makeVault(d.panel)); err != nil {
		return demo{}, err
	}
	now := time.Now().UTC().Truncate(time.Second)
	d.expires = now.Add(tokenAge)
	d.token, err = auth.Sign(key, "", auth.SignClaims{
		Subject: viewer, Issuer: issuer, Audience: audience, IssuedAt: now, ExpiresAt: d.expires,
	})
	if err != nil {
		return demo{}, err
	}
	d.tokenFile = filepath.Join(dir, "token")
	return d, os.WriteFile(d.tokenFile, []byte(d.token+"\n"), 0o600)
}

// loadKey returns the private key. It reuses the key of an earlier run, so that its
// tokens stay valid.
func loadKey(dir string, d demo) (*rsa.PrivateKey, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if _, _, err := auth.NewKeyPair(dir); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	return auth.LoadPrivateKey(d.privateFile)
}

// makeVault creates the vault's keys unless they exist.
func makeVault(f vault.Files) error {
	if err := vault.Create(f, clock.System{}.Now()); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}

// vars returns the variables of the vault, or nil if the environment has its own.
func (d demo) vars(environ []string) []string {
	for _, v := range environ {
		if name, file, _ := strings.Cut(v, "="); name == keysetVar && file != "" {
			return nil
		}
	}
	return []string{
		keysetVar + "=" + d.vault.Keyset, "BILLING_VAULT_KEK_FILE=" + d.vault.KEK,
		"BILLING_TOKEN_KEYSET_FILE=" + d.tokens.Keyset, "BILLING_TOKEN_KEK_FILE=" + d.tokens.KEK,
		"BILLING_PANEL_KEYSET_FILE=" + d.panel.Keyset, "BILLING_PANEL_KEK_FILE=" + d.panel.KEK,
	}
}

const keysetVar = "BILLING_VAULT_KEYSET_FILE"
