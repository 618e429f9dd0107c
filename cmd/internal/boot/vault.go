package boot

import (
	"cmp"
	"errors"
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
	KeysetFile      string `env:"BILLING_VAULT_KEYSET_FILE" helpDefault:"none; required in production" help:"File with the keys that encrypt card numbers; created by billingctl vault keygen. billing-renew does not need it beside BILLING_TOKEN_KEYSET_FILE"`
	KEKFile         string `env:"BILLING_VAULT_KEK_FILE" helpDefault:"none; required in production" help:"File with the key that encrypts BILLING_VAULT_KEYSET_FILE; created by billingctl vault keygen"`
	TokenKeysetFile string `env:"BILLING_TOKEN_KEYSET_FILE" helpDefault:"BILLING_VAULT_KEYSET_FILE, with a warning" help:"File with the keys for payment tokens, digests and the proof of consent; created by billingctl vault keygen"`
	TokenKEKFile    string `env:"BILLING_TOKEN_KEK_FILE" helpDefault:"BILLING_VAULT_KEK_FILE" help:"File with the key that encrypts BILLING_TOKEN_KEYSET_FILE; created by billingctl vault keygen"`
}

// checkCards adds a fault unless card numbers and payment tokens can be encrypted.
func (v Vault) checkCards(f *faults, env Env) {
	f.need(env != Production || v.KeysetFile != "",
		"BILLING_VAULT_KEYSET_FILE is not set: it must name the file with the keys that encrypt card numbers; %s", keygenHint)
	v.check(f, env)
}

// checkTokens adds a fault unless payment tokens can be encrypted.
func (v Vault) checkTokens(f *faults, env Env) {
	f.need(env != Production || v.KeysetFile != "" || v.TokenKeysetFile != "",
		"BILLING_TOKEN_KEYSET_FILE is not set: it must name the file with the keys that encrypt payment tokens; %s", keygenHint)
	v.check(f, env)
}

const keygenHint = "create the keyset and its key with billingctl vault keygen"

func (v Vault) check(f *faults, env Env) {
	checkKeyset(f, env, "BILLING_VAULT_KEYSET_FILE", "BILLING_VAULT_KEK_FILE", v.Files(env))
	f.need(v.TokenKeysetFile == "" || v.TokenKeysetFile != v.KeysetFile,
		"BILLING_TOKEN_KEYSET_FILE=%q and BILLING_VAULT_KEYSET_FILE name the same file: give payment tokens a keyset of their own", v.TokenKeysetFile)
	checkKeyset(f, env, "BILLING_TOKEN_KEYSET_FILE", "BILLING_TOKEN_KEK_FILE", v.TokenFiles(env))
}

// checkKeyset adds the faults of one keyset, which variable and kekVariable name.
func checkKeyset(f *faults, env Env, variable, kekVariable string, files vault.Files) {
	if files.Keyset == "" {
		return
	}
	if env == Production && files.KEK == "" {
		f.add("%s is not set: it must name the file with the key that encrypts %s; %s", kekVariable, variable, keygenHint)
		return
	}
	_, err := files.Keys()
	f.need(err == nil, "%s=%q cannot be used: %v", variable, files.Keyset, err)
}

// Files returns the files of the keyset for card numbers. Outside production a keyset may
// be plaintext.
func (v Vault) Files(env Env) vault.Files {
	return vault.Files{Keyset: v.KeysetFile, KEK: v.KEKFile, AllowPlaintext: env != Production}
}

// TokenFiles returns the files of the keyset for payment tokens. The keyset is "" if
// tokens share the keyset of card numbers.
func (v Vault) TokenFiles(env Env) vault.Files {
	return vault.Files{
		Keyset: v.TokenKeysetFile, KEK: cmp.Or(v.TokenKEKFile, v.KEKFile), AllowPlaintext: env != Production, RotateDigests: true,
	}
}

// Keys are the opened keysets.
type Keys struct {
	Cards *vault.Vault // encrypts card numbers; nil if none are stored
	// Tokens encrypts payment tokens and makes digests and MACs. It is Cards if there is
	// no keyset for tokens, and nil if there is none at all.
	Tokens *vault.Vault
	// Panel encrypts second factors. Only billingctl sets it here, to encrypt them again.
	Panel *vault.Vault
}

// OpenKeys opens the keysets. Without any, which production refuses, the service stores
// no cards, and payment tokens as plaintext.
func (v Vault) OpenKeys(env Env, log *slog.Logger) (k Keys, err error) {
	if v.KeysetFile != "" {
		if k.Cards, err = vault.Open(v.Files(env), log); err != nil {
			return k, err
		}
	}
	switch {
	case v.TokenKeysetFile != "":
		if k.Tokens, err = vault.Open(v.TokenFiles(env), log); err == nil && k.Cards != nil {
			k.Tokens.ReadAlso(k.Cards)
		}
	case v.KeysetFile != "":
		log.Warn("BILLING_TOKEN_KEYSET_FILE is not set: payment tokens share the keyset of card numbers, " +
			"so every program that charges can decrypt card numbers; create a keyset for tokens with billingctl vault keygen")
		k.Tokens = k.Cards
	default:
		log.Warn("BILLING_VAULT_KEYSET_FILE is not set: cards cannot be stored, payment tokens are stored as plaintext, " +
			"and nothing proves what viewers agreed to, so a change of the database can raise a price")
	}
	return k, err
}

// each returns the distinct keysets.
func (k Keys) each() (list []*vault.Vault) {
	if k.Cards != nil {
		list = append(list, k.Cards)
	}
	if k.Tokens != nil && k.Tokens != k.Cards {
		list = append(list, k.Tokens)
	}
	return list
}

// Check encrypts and decrypts a constant text with each keyset.
func (k Keys) Check() error {
	var errs []error
	for _, v := range k.each() {
		errs = append(errs, v.Check())
	}
	return errors.Join(errs...)
}

// KeySince returns when the oldest primary key became primary, or the zero time if that
// is not known.
func (k Keys) KeySince() (oldest time.Time) {
	for _, v := range k.each() {
		if since := v.KeySince(); oldest.IsZero() || !since.IsZero() && since.Before(oldest) {
			oldest = since
		}
	}
	return oldest
}

// PlaintextReads returns how many payment tokens were read as plaintext.
func (k Keys) PlaintextReads() int64 {
	if k.Tokens == nil {
		return 0
	}
	return k.Tokens.PlaintextReads()
}

// NewStore returns a store on pool that encrypts with keys.
func NewStore(pool *pgxpool.Pool, keys Keys) *postgres.Store {
	var options []postgres.Option
	if keys.Tokens != nil {
		options = append(options, postgres.WithVault(keys.Tokens), postgres.WithAuthenticator(keys.Tokens))
	}
	if keys.Cards != nil {
		options = append(options, postgres.WithCardVault(keys.Cards))
	}
	if keys.Panel != nil {
		options = append(options, postgres.WithPanelVault(keys.Panel))
	}
	return postgres.NewStore(pool, options...)
}

// CardLimits keep thieves from testing stolen cards with the service, and viewers from
// linking tokens without end. 0 is no limit.
type CardLimits struct {
	DeclinesPerHour Count `env:"BILLING_LIMIT_DECLINES_PER_HOUR" envDefault:"5" must:"be a whole number; 0 is no limit" help:"Declined payments per viewer and hour"`
	DeclinesPerDay  Count `env:"BILLING_LIMIT_DECLINES_PER_DAY" envDefault:"10" must:"be a whole number; 0 is no limit" help:"Declined payments per viewer and day"`
	CardsPerHour    Count `env:"BILLING_LIMIT_CARDS_PER_HOUR" envDefault:"5" must:"be a whole number; 0 is no limit" help:"New cards per viewer and hour, and as many new payment methods by token"`
	CardsPerDay     Count `env:"BILLING_LIMIT_CARDS_PER_DAY" envDefault:"10" must:"be a whole number; 0 is no limit" help:"New cards per viewer and day, and as many new payment methods by token"`
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
