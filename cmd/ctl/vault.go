package main

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/online-cinema/billing/adapters/clock"
	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/adapters/vault"
	"github.com/online-cinema/billing/cmd/internal/boot"
)

// vaultConfig holds the defaults of the flags of vault.
type vaultConfig struct {
	boot.Service
	KeysetFile string `env:"BILLING_VAULT_KEYSET_FILE"`
	KEKFile    string `env:"BILLING_VAULT_KEK_FILE"`
}

type vaultFlags struct{ keyset, kek string }

func (t *tool) vault() *cobra.Command {
	g := group("vault", "Manage the keys that encrypt card numbers and payment tokens",
		t.vaultKeygen(), t.vaultRotate(), t.vaultRewrap(), t.vaultStatus())
	g.Long = "Manage the keys that encrypt card numbers and payment tokens.\n\n" +
		"To change the key while the service runs:\n\n" +
		"  billingctl vault rotate                make a new key the primary one; the old keys still decrypt\n" +
		"  billingctl vault rewrap                encrypt all rows with the new key\n" +
		"  billingctl vault rotate --disable-old  disable the old keys; refused while a row needs one\n\n" +
		"Running programs reload the keyset file; no restart is needed. If each machine has a copy of the file, begin\n" +
		"with rotate --prepare and copy the file to all machines. Then continue with rotate and copy it again."
	return g
}

// keys adds the flags that name the files.
func (in *vaultFlags) keys(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().StringVar(&in.keyset, "keyset", "", "keyset file (default BILLING_VAULT_KEYSET_FILE)")
	cmd.Flags().StringVar(&in.kek, "kek", "", "file with the key that encrypts the keyset (default BILLING_VAULT_KEK_FILE)")
	return cmd
}

// files returns the vault's files from the flags or the environment.
func (t *tool) files(in vaultFlags) (vault.Files, error) {
	cfg, err := boot.Load[vaultConfig](t.environ)
	if err != nil {
		return vault.Files{}, err
	}
	if in.keyset != "" {
		cfg.KeysetFile = in.keyset
	}
	if in.kek != "" {
		cfg.KEKFile = in.kek
	}
	if cfg.KeysetFile == "" {
		return vault.Files{}, usageErrorf("give --keyset or set BILLING_VAULT_KEYSET_FILE")
	}
	return boot.Vault{KeysetFile: cfg.KeysetFile, KEKFile: cfg.KEKFile}.Files(cfg.Env), nil
}

type keygenJSON struct {
	Keyset string `json:"keyset"`
	KEK    string `json:"kek,omitempty"`
	KeyID  uint32 `json:"key_id"`
}

func (t *tool) vaultKeygen() *cobra.Command {
	var in vaultFlags
	var plaintext bool
	cmd := &cobra.Command{
		Use: "keygen", Short: "Create a keyset and the key that encrypts it",
		Long: "Create a keyset and, unless it exists, the key that encrypts it. No file is overwritten.\n\n" +
			"Store the two files separately: together with the database they reveal every card number. Back up both, also\n" +
			"separately from the database: without them the card numbers and payment tokens are lost.",
		Example: "  billingctl vault keygen --keyset /etc/billing/vault.json --kek /etc/billing/vault.kek",
		Args:    noArgs,
		RunE: t.action(func(cmd *cobra.Command, _ []string) error {
			f, err := t.files(in)
			if err != nil {
				return err
			}
			return t.keygen(cmd.Context(), f, plaintext)
		}),
	}
	cmd.Flags().BoolVar(&plaintext, "clear", false, "do not encrypt the keyset; only with BILLING_ENV=dev or test")
	return t.withJSON(in.keys(cmd))
}

func (t *tool) keygen(ctx context.Context, f vault.Files, plaintext bool) error {
	switch {
	case plaintext && !f.AllowClear:
		return usageErrorf("--clear needs BILLING_ENV=dev or test: production requires an encrypted keyset")
	case plaintext:
		f.KEK = ""
	case f.KEK == "":
		return usageErrorf("give --kek or set BILLING_VAULT_KEK_FILE: the key in that file encrypts the keyset")
	}
	if err := vault.Create(f, clock.System{}.Now()); err != nil {
		return err
	}
	keys, err := f.Keys()
	if err != nil {
		return err
	}
	// The keys are often created before the database.
	err = t.withAudit(ctx, func(s *postgres.Store) error { return record(ctx, s, t.entry(keysCreated, f.Keyset, nil, nil)) })
	if err != nil {
		t.warnUnaudited(err)
	}
	return t.print(keygenJSON{f.Keyset, f.KEK, keys[0].ID}, func() {
		t.printf("%s holds key %d", f.Keyset, keys[0].ID)
		if f.KEK != "" {
			t.printf("%s holds the key that encrypts it: store it separately", f.KEK)
		}
	})
}

type keyJSON struct {
	ID             uint32 `json:"id"`
	Primary        bool   `json:"primary"`
	Enabled        bool   `json:"enabled"`
	Known          bool   `json:"known"` // in the keyset
	Cards          int64  `json:"cards"`
	PaymentMethods int64  `json:"payment_methods"`
}

type vaultStatusJSON struct {
	Keys            []keyJSON `json:"keys"`
	PlaintextTokens int64     `json:"clear_tokens"` // tokens that are not encrypted yet
	Left            int64     `json:"left"`         // rows that rewrap would encrypt
}

func (t *tool) vaultStatus() *cobra.Command {
	var in vaultFlags
	cmd := &cobra.Command{
		Use: "status", Short: "List the keys and the number of rows that each encrypts",
		Args: noArgs,
		RunE: t.action(func(cmd *cobra.Command, _ []string) error {
			return t.withVault(cmd.Context(), in, func(f vault.Files, s *postgres.Store) error {
				st, err := vaultStatus(cmd.Context(), f, s)
				if err != nil {
					return err
				}
				return t.print(st, func() { t.showVault(st) })
			})
		}),
	}
	return t.withJSON(in.keys(cmd))
}

// withVault runs f with the vault's files and a store that uses their keys.
func (t *tool) withVault(ctx context.Context, in vaultFlags, f func(vault.Files, *postgres.Store) error) error {
	files, err := t.files(in)
	if err != nil {
		return err
	}
	keys, err := vault.Open(files, warningLog(t.stderr))
	if err != nil {
		return err
	}
	url, err := t.url()
	if err != nil {
		return err
	}
	pool, err := postgres.OpenRole(ctx, url.Reveal(), operatorRole)
	if err != nil {
		return err
	}
	defer pool.Close()
	return f(files, boot.NewStore(pool, keys))
}

// vaultStatus joins the keys of the keyset with the row counts of the database.
func vaultStatus(ctx context.Context, f vault.Files, s *postgres.Store) (st vaultStatusJSON, err error) {
	keys, err := f.Keys()
	if err != nil {
		return st, err
	}
	rows, err := s.KeyUsage(ctx)
	if err != nil {
		return st, err
	}
	st.Keys = mapped(keys, func(k vault.Key) keyJSON {
		return keyJSON{ID: k.ID, Primary: k.Primary, Enabled: k.Enabled, Known: true}
	})
	for _, r := range rows {
		st.add(r)
	}
	return st, nil
}

func (st *vaultStatusJSON) add(r postgres.KeyUsage) {
	if r.KeyID == 0 {
		st.PlaintextTokens = r.Methods
		st.Left += r.Methods
		return
	}
	i := 0
	for i < len(st.Keys) && st.Keys[i].ID != r.KeyID {
		i++
	}
	if i == len(st.Keys) {
		st.Keys = append(st.Keys, keyJSON{ID: r.KeyID})
	}
	st.Keys[i].Cards, st.Keys[i].PaymentMethods = r.Cards, r.Methods
	if !st.Keys[i].Primary {
		st.Left += r.Cards + r.Methods
	}
}

func (t *tool) showVault(st vaultStatusJSON) {
	t.table([]string{"KEY", "STATE", "CARDS", "PAYMENT METHODS"}, mapped(st.Keys, func(k keyJSON) []string {
		return []string{
			strconv.FormatUint(uint64(k.ID), 10), k.state(), strconv.FormatInt(k.Cards, 10), strconv.FormatInt(k.PaymentMethods, 10),
		}
	}))
	if st.PlaintextTokens > 0 {
		t.printf("%d payment tokens are stored as plaintext", st.PlaintextTokens)
	}
	if st.Left > 0 {
		t.printf("%d rows need billingctl vault rewrap", st.Left)
	}
}

func (k keyJSON) state() string {
	switch {
	case !k.Known:
		return "not in the keyset: its rows cannot be decrypted"
	case k.Primary:
		return "encrypts and decrypts"
	case k.Enabled:
		return "decrypts"
	default:
		return "disabled"
	}
}
