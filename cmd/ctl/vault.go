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

// vaultConfig is what the environment says about the vault. Flags win over it.
type vaultConfig struct {
	boot.Service
	KeysetFile string `env:"BILLING_VAULT_KEYSET_FILE"`
	KEKFile    string `env:"BILLING_VAULT_KEK_FILE"`
}

type vaultFlags struct{ keyset, kek string }

func (t *tool) vault() *cobra.Command {
	g := group("vault", "Keys that seal card numbers and payment tokens",
		t.vaultKeygen(), t.vaultRotate(), t.vaultRewrap(), t.vaultStatus())
	g.Long = "Keys that seal card numbers and payment tokens.\n\n" +
		"Changing the key while everything runs:\n\n" +
		"  billingctl vault rotate                a new key seals from now on, the old ones still open\n" +
		"  billingctl vault rewrap                what the old ones sealed is sealed again\n" +
		"  billingctl vault rotate --disable-old  the old ones open nothing any more; refused while a row needs one\n\n" +
		"Running programs follow the keyset file; nothing is restarted. Where each machine has a copy of the file,\n" +
		"begin with rotate --prepare and copy the file everywhere, then go on with rotate and copy it again."
	return g
}

// keys adds the flags that name the files.
func (in *vaultFlags) keys(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().StringVar(&in.keyset, "keyset", "", "file of the keys (default BILLING_VAULT_KEYSET_FILE)")
	cmd.Flags().StringVar(&in.kek, "kek", "", "file of the key that encrypts them (default BILLING_VAULT_KEK_FILE)")
	return cmd
}

// files are the vault's files, as the flags or the environment say.
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
		return vault.Files{}, misused("give --keyset or set BILLING_VAULT_KEYSET_FILE")
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
	var inTheClear bool
	cmd := &cobra.Command{
		Use: "keygen", Short: "Make a keyset, and the key that encrypts it",
		Long: "Make a keyset, and the key that encrypts it unless that is there. Nothing is overwritten.\n\n" +
			"Keep the two files apart: whoever has both, and the database, has every card number. Back both up, apart\n" +
			"from the database too: without them nothing in it opens again.",
		Example: "  billingctl vault keygen --keyset /etc/billing/vault.json --kek /etc/billing/vault.kek",
		Args:    cobra.NoArgs,
		RunE: t.action(func(*cobra.Command, []string) error {
			f, err := t.files(in)
			if err != nil {
				return err
			}
			return t.keygen(f, inTheClear)
		}),
	}
	cmd.Flags().BoolVar(&inTheClear, "clear", false, "do not encrypt the keyset; only with BILLING_ENV=dev or test")
	return t.withJSON(in.keys(cmd))
}

func (t *tool) keygen(f vault.Files, inTheClear bool) error {
	switch {
	case inTheClear && !f.AllowClear:
		return misused("--clear needs BILLING_ENV=dev or test: in production the keyset is encrypted")
	case inTheClear:
		f.KEK = ""
	case f.KEK == "":
		return misused("give --kek or set BILLING_VAULT_KEK_FILE: the keyset is encrypted with the key in that file")
	}
	if err := vault.Create(f, clock.System{}.Now()); err != nil {
		return err
	}
	keys, err := f.Keys()
	if err != nil {
		return err
	}
	return t.print(keygenJSON{f.Keyset, f.KEK, keys[0].ID}, func() {
		t.say("%s holds key %d", f.Keyset, keys[0].ID)
		if f.KEK != "" {
			t.say("%s holds the key that encrypts it: keep it somewhere else", f.KEK)
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
	Keys        []keyJSON `json:"keys"`
	ClearTokens int64     `json:"clear_tokens"` // not sealed yet
	Left        int64     `json:"left"`         // rows for rewrap
}

func (t *tool) vaultStatus() *cobra.Command {
	var in vaultFlags
	cmd := &cobra.Command{
		Use: "status", Short: "List the keys, and how many rows each has sealed",
		Args: cobra.NoArgs,
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

// withVault runs f with the store and the keys that its rows are sealed with.
func (t *tool) withVault(ctx context.Context, in vaultFlags, f func(vault.Files, *postgres.Store) error) error {
	files, err := t.files(in)
	if err != nil {
		return err
	}
	keys, err := vault.Open(files, quiet(t.stderr))
	if err != nil {
		return err
	}
	url, err := t.url()
	if err != nil {
		return err
	}
	pool, err := postgres.OpenRole(ctx, url.Reveal(), ownRole)
	if err != nil {
		return err
	}
	defer pool.Close()
	return f(files, boot.NewStore(pool, keys))
}

// vaultStatus puts the keys of the file and the rows of the database together.
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
		st.ClearTokens = r.Methods
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
	if st.ClearTokens > 0 {
		t.say("%d payment tokens are in the clear", st.ClearTokens)
	}
	if st.Left > 0 {
		t.say("%d rows wait for billingctl vault rewrap", st.Left)
	}
}

func (k keyJSON) state() string {
	switch {
	case !k.Known:
		return "not in the keyset: its rows cannot be opened"
	case k.Primary:
		return "seals and opens"
	case k.Enabled:
		return "opens"
	default:
		return "disabled"
	}
}
