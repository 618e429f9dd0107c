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

// Vault is where the keys are that seal card numbers and payment tokens.
type Vault struct {
	KeysetFile string `env:"BILLING_VAULT_KEYSET_FILE"`
	KEKFile    string `env:"BILLING_VAULT_KEK_FILE"`
}

func (v Vault) check(f *faults, env Env) {
	const made = "billingctl vault keygen makes both"
	f.need(env != Production || v.KeysetFile != "",
		"BILLING_VAULT_KEYSET_FILE is not set: it must name the keys that seal card numbers and payment tokens; %s", made)
	f.need(env != Production || v.KEKFile != "",
		"BILLING_VAULT_KEK_FILE is not set: it must name the key that encrypts BILLING_VAULT_KEYSET_FILE; %s", made)
	if v.KeysetFile == "" || env == Production && v.KEKFile == "" {
		return
	}
	_, err := v.Files(env).Keys()
	f.need(err == nil, "BILLING_VAULT_KEYSET_FILE=%q cannot be used: %v", v.KeysetFile, err)
}

// Files are the vault's files. Keys in the clear are for trying things out.
func (v Vault) Files(env Env) vault.Files {
	return vault.Files{Keyset: v.KeysetFile, KEK: v.KEKFile, AllowClear: env != Production}
}

// OpenVault opens the vault; nil where there is none, which is not in production.
// No cards are kept then, and payment tokens are kept in the clear.
func (v Vault) OpenVault(env Env, log *slog.Logger) (*vault.Vault, error) {
	if v.KeysetFile == "" {
		log.Warn("there is no BILLING_VAULT_KEYSET_FILE: no cards are kept, and payment tokens are stored in the clear")
		return nil, nil //nolint:nilnil // there is none
	}
	return vault.Open(v.Files(env), log)
}

// NewStore returns the store on pool; keys may be nil.
func NewStore(pool *pgxpool.Pool, keys *vault.Vault) *postgres.Store {
	if keys == nil {
		return postgres.NewStore(pool)
	}
	return postgres.NewStore(pool, postgres.WithVault(keys))
}

// CardLimits keep the service from being used to try out stolen cards. 0 is no
// limit.
type CardLimits struct {
	DeclinesPerHour Count `env:"BILLING_LIMIT_DECLINES_PER_HOUR" envDefault:"5" must:"be a whole number; 0 is no limit"`
	DeclinesPerDay  Count `env:"BILLING_LIMIT_DECLINES_PER_DAY" envDefault:"10" must:"be a whole number; 0 is no limit"`
	CardsPerHour    Count `env:"BILLING_LIMIT_CARDS_PER_HOUR" envDefault:"5" must:"be a whole number; 0 is no limit"`
	CardsPerDay     Count `env:"BILLING_LIMIT_CARDS_PER_DAY" envDefault:"10" must:"be a whole number; 0 is no limit"`
}

// Limits are the limits as billing knows them.
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

// maxCount is more than anybody means.
const maxCount = 1_000_000

// UnmarshalText reads a number.
func (c *Count) UnmarshalText(text []byte) error {
	n, err := strconv.Atoi(string(text))
	if err != nil || n < 0 || n > maxCount {
		return errInvalid
	}
	*c = Count(n)
	return nil
}
