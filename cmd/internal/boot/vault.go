package boot

import (
	"log/slog"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/adapters/vault"
	"github.com/online-cinema/billing/core/billing"
)

// Vault names the files with the keys that encrypt card numbers and payment tokens.
type Vault struct {
	KeysetFile string `env:"BILLING_VAULT_KEYSET_FILE" helpDefault:"none; required in production" help:"File with the keys that encrypt card numbers and payment tokens; created by billingctl vault keygen"`
	KEKFile    string `env:"BILLING_VAULT_KEK_FILE" helpDefault:"none; required in production" help:"File with the key that encrypts BILLING_VAULT_KEYSET_FILE; created by billingctl vault keygen"`
}

func (v Vault) check(f *faults, env Env) {
	const hint = "create both with billingctl vault keygen"
	f.need(env != Production || v.KeysetFile != "",
		"BILLING_VAULT_KEYSET_FILE is not set: it must name the file with the keys that encrypt card numbers and payment tokens; %s", hint)
	f.need(env != Production || v.KEKFile != "",
		"BILLING_VAULT_KEK_FILE is not set: it must name the file with the key that encrypts BILLING_VAULT_KEYSET_FILE; %s", hint)
	if v.KeysetFile == "" || env == Production && v.KEKFile == "" {
		return
	}
	_, err := v.Files(env).Keys()
	f.need(err == nil, "BILLING_VAULT_KEYSET_FILE=%q cannot be used: %v", v.KeysetFile, err)
}

// Files returns the vault's files. Outside production the keyset may be plaintext.
func (v Vault) Files(env Env) vault.Files {
	return vault.Files{Keyset: v.KeysetFile, KEK: v.KEKFile, AllowClear: env != Production}
}

// OpenVault opens the vault. It returns nil if no keyset is configured, which
// production refuses. The service then stores no cards, and payment tokens as
// plaintext.
func (v Vault) OpenVault(env Env, log *slog.Logger) (*vault.Vault, error) {
	if v.KeysetFile == "" {
		log.Warn("BILLING_VAULT_KEYSET_FILE is not set: cards cannot be stored, and payment tokens are stored as plaintext")
		return nil, nil //nolint:nilnil // nil is no vault
	}
	return vault.Open(v.Files(env), log)
}

// NewStore returns a store on pool. Keys may be nil.
func NewStore(pool *pgxpool.Pool, keys *vault.Vault) *postgres.Store {
	if keys == nil {
		return postgres.NewStore(pool)
	}
	return postgres.NewStore(pool, postgres.WithVault(keys))
}

// CardLimits keep thieves from testing stolen cards with the service. 0 is no
// limit.
type CardLimits struct {
	DeclinesPerHour Count `env:"BILLING_LIMIT_DECLINES_PER_HOUR" envDefault:"5" must:"be a whole number; 0 is no limit" help:"Declined payments per viewer and hour"`
	DeclinesPerDay  Count `env:"BILLING_LIMIT_DECLINES_PER_DAY" envDefault:"10" must:"be a whole number; 0 is no limit" help:"Declined payments per viewer and day"`
	CardsPerHour    Count `env:"BILLING_LIMIT_CARDS_PER_HOUR" envDefault:"5" must:"be a whole number; 0 is no limit" help:"New cards per viewer and hour"`
	CardsPerDay     Count `env:"BILLING_LIMIT_CARDS_PER_DAY" envDefault:"10" must:"be a whole number; 0 is no limit" help:"New cards per viewer and day"`
}

// Limits returns the limits in the form of the billing package.
func (c CardLimits) Limits() billing.CardLimits {
	of := func(hour, day Count) billing.Limits {
		return billing.Limits{{Max: int(hour), Per: time.Hour}, {Max: int(day), Per: 24 * time.Hour}}
	}
	return billing.CardLimits{
		Declines: of(c.DeclinesPerHour, c.DeclinesPerDay),
		Cards:    of(c.CardsPerHour, c.CardsPerDay),
	}
}

// Count is a whole number, 0 or more.
type Count int

// maxCount catches typing errors.
const maxCount = 1_000_000

// UnmarshalText parses a number.
func (c *Count) UnmarshalText(text []byte) error {
	n, err := strconv.Atoi(string(text))
	if err != nil || n < 0 || n > maxCount {
		return errInvalid
	}
	*c = Count(n)
	return nil
}
