package main

import (
	"cmp"
	"context"
	"errors"
	"os"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/online-cinema/billing/adapters/clock"
	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/adapters/vault"
	"github.com/online-cinema/billing/cmd/internal/boot"
)

// vaultConfig holds the defaults of the flags of vault.
type vaultConfig struct {
	boot.Service
	boot.Vault
	boot.PanelKeys
}

type vaultFlags struct{ keyset, kek, tokenKeyset, tokenKEK, panelKeyset, panelKEK string }

func (t *tool) vault() *cobra.Command {
	g := group("vault", "Manage the keys that encrypt card numbers and payment tokens",
		t.vaultKeygen(), t.vaultRotate(), t.vaultRewrap(), t.vaultStatus())
	g.Long = "Manage the keys that encrypt card numbers and payment tokens.\n\n" +
		"To change the key while the service runs:\n\n" +
		"  billingctl vault rotate                make a new key the primary one; the old keys still decrypt\n" +
		"  billingctl vault rewrap                encrypt all rows with the new key\n" +
		"  billingctl vault rotate --disable-old  disable the old keys; refused while a row needs one\n\n" +
		"Running programs reload the keyset file; no restart is needed. If each machine has a copy of the file, begin\n" +
		"with rotate --prepare and copy the file to all machines. Then continue with rotate and copy it again.\n\n" +
		"There are three keysets: BILLING_VAULT_KEYSET_FILE for card numbers, BILLING_TOKEN_KEYSET_FILE for payment tokens,\n" +
		"digests and the proof of consent, and BILLING_PANEL_KEYSET_FILE for the second factors of panel users. Each command\n" +
		"works on all that are set. Without the second one, the first one serves tokens too; after it is created, rewrap\n" +
		"moves them."
	return g
}

// keys adds the flags that name the files.
func (in *vaultFlags) keys(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().StringVar(&in.keyset, "keyset", "", "keyset file of card numbers (default BILLING_VAULT_KEYSET_FILE)")
	cmd.Flags().StringVar(&in.kek, "kek", "", "file with the key that encrypts the keyset (default BILLING_VAULT_KEK_FILE)")
	cmd.Flags().StringVar(&in.tokenKeyset, "token-keyset", "", "keyset file of payment tokens (default BILLING_TOKEN_KEYSET_FILE)")
	cmd.Flags().StringVar(&in.tokenKEK, "token-kek", "",
		"file with the key that encrypts the keyset of payment tokens (default BILLING_TOKEN_KEK_FILE, then --kek)")
	cmd.Flags().StringVar(&in.panelKeyset, "panel-keyset", "", "keyset file of second factors (default BILLING_PANEL_KEYSET_FILE)")
	cmd.Flags().StringVar(&in.panelKEK, "panel-kek", "", "file with the key that encrypts the keyset of second factors (default BILLING_PANEL_KEK_FILE)")
	return cmd
}

// keyFiles are the files of the keysets.
type keyFiles struct {
	env boot.Env
	boot.Vault
	boot.PanelKeys
}

// cards returns the files of the keyset for card numbers, which may not be configured.
func (k keyFiles) cards() vault.Files { return k.Files(k.env) }

// tokens returns the files of the keyset for payment tokens, which may be that of card
// numbers.
func (k keyFiles) tokens() vault.Files {
	if k.TokenKeysetFile == "" {
		return k.cards()
	}
	return k.TokenFiles(k.env)
}

// keyset is a keyset file. Its name is empty if one file has all keys.
type keyset struct {
	vault.Files
	name string
}

// purpose says what the keyset encrypts.
func (k keyset) purpose() string {
	switch k.name {
	case tokenKeyset:
		return "payment tokens"
	case panelKeyset:
		return "second factors"
	default:
		return "card numbers"
	}
}

// The names of the keysets in the output.
const (
	cardKeyset  = "cards"
	tokenKeyset = "tokens"
	panelKeyset = "panel"
)

// all returns the configured keysets.
func (k keyFiles) all() (list []keyset) {
	switch {
	case k.KeysetFile != "" && k.TokenKeysetFile == "":
		list = append(list, keyset{k.cards(), ""})
	case k.KeysetFile != "":
		list = append(list, keyset{k.cards(), cardKeyset})
	}
	if k.TokenKeysetFile != "" {
		list = append(list, keyset{k.tokens(), tokenKeyset})
	}
	if k.PanelKeysetFile != "" {
		list = append(list, keyset{k.PanelFiles(k.env), panelKeyset})
	}
	return list
}

// names returns the paths of the keysets, for the audit.
func (k keyFiles) names() string {
	return strings.Join(mapped(k.all(), func(set keyset) string { return set.Keyset }), ", ")
}

// files returns the vault's files from the flags or the environment.
func (t *tool) files(in vaultFlags) (keyFiles, error) {
	cfg, err := boot.Load[vaultConfig](t.environ)
	if err != nil {
		return keyFiles{}, err
	}
	v := boot.Vault{
		KeysetFile: cmp.Or(in.keyset, cfg.KeysetFile), KEKFile: cmp.Or(in.kek, cfg.KEKFile),
		TokenKeysetFile: cmp.Or(in.tokenKeyset, cfg.TokenKeysetFile), TokenKEKFile: cmp.Or(in.tokenKEK, cfg.TokenKEKFile),
	}
	panel := boot.PanelKeys{PanelKeysetFile: cmp.Or(in.panelKeyset, cfg.PanelKeysetFile), PanelKEKFile: cmp.Or(in.panelKEK, cfg.PanelKEKFile)}
	files := keyFiles{cfg.Env, v, panel}
	all := files.all()
	if len(all) == 0 {
		return keyFiles{}, usageErrorf("give --keyset or --token-keyset, or set BILLING_VAULT_KEYSET_FILE or BILLING_TOKEN_KEYSET_FILE")
	}
	for i, set := range all {
		for _, other := range all[:i] {
			if set.Keyset == other.Keyset {
				return keyFiles{}, usageErrorf("%s is the keyset of %s and of %s: give each a file of its own",
					set.Keyset, other.purpose(), set.purpose())
			}
		}
	}
	return files, nil
}

// keygenJSON describes the created files.
type keygenJSON struct {
	Keyset string      `json:"keyset,omitempty"`
	KEK    string      `json:"kek,omitempty"`
	KeyID  uint32      `json:"key_id,omitempty"`
	Tokens *keygenJSON `json:"tokens,omitempty"` // the keyset of payment tokens
	Panel  *keygenJSON `json:"panel,omitempty"`  // the keyset of second factors
}

func (t *tool) vaultKeygen() *cobra.Command {
	var in vaultFlags
	var plaintext, ifMissing bool
	cmd := &cobra.Command{
		Use: "keygen", Short: "Create the keysets and the keys that encrypt them",
		Long: "Create each keyset that is configured and does not exist yet. Unless it exists, also create the key that\n" +
			"encrypts it. No file is overwritten.\n\n" +
			"Store the two files of a keyset separately: together with the database they reveal every card number or payment\n" +
			"token. Back up both, also separately from the database: without them the card numbers and tokens are lost.\n" +
			"The keyset of second factors is the only one that the panel needs.",
		Example: "  billingctl vault keygen --keyset /etc/billing/vault.json --kek /etc/billing/vault.kek \\\n" +
			"    --token-keyset /etc/billing/tokens.json --token-kek /etc/billing/tokens.kek",
		Args: noArgs,
		RunE: t.action(func(cmd *cobra.Command, _ []string) error {
			files, err := t.files(in)
			if err != nil {
				return err
			}
			err = t.keygen(cmd.Context(), files, plaintext)
			if ifMissing && errors.Is(err, os.ErrExist) {
				return nil
			}
			return err
		}),
	}
	cmd.Flags().BoolVar(&plaintext, "clear", false, "do not encrypt the keysets; only with BILLING_ENV=dev or test")
	cmd.Flags().BoolVar(&ifMissing, "if-missing", false, "exit with 0 if all keysets exist, for scripts that run at each start")
	return t.withJSON(in.keys(cmd))
}

func (t *tool) keygen(ctx context.Context, files keyFiles, plaintext bool) error {
	all := files.all()
	for i := range all {
		switch {
		case plaintext && !all[i].AllowPlaintext:
			return usageErrorf("--clear needs BILLING_ENV=dev or test: production requires an encrypted keyset")
		case plaintext:
			all[i].KEK = ""
		case all[i].KEK == "" && all[i].name == panelKeyset:
			return usageErrorf("give --panel-kek or set BILLING_PANEL_KEK_FILE: the key in that file encrypts the keyset")
		case all[i].KEK == "":
			return usageErrorf("give --kek or set BILLING_VAULT_KEK_FILE: the key in that file encrypts the keyset")
		}
	}
	var made keygenJSON
	var exist []error
	for _, set := range all {
		one, err := t.create(ctx, set.Files)
		switch {
		case errors.Is(err, os.ErrExist):
			exist = append(exist, err)
		case err != nil:
			return err
		case set.name == tokenKeyset:
			made.Tokens = &one
		case set.name == panelKeyset:
			made.Panel = &one
		default:
			made.Keyset, made.KEK, made.KeyID = one.Keyset, one.KEK, one.KeyID
		}
	}
	if len(exist) == len(all) {
		return errors.Join(exist...)
	}
	return t.print(made, func() { t.showMade(made) })
}

// create creates a keyset and records that in the audit.
func (t *tool) create(ctx context.Context, f vault.Files) (made keygenJSON, err error) {
	if err := vault.Create(f, clock.System{}.Now()); err != nil {
		return made, err
	}
	keys, err := f.Keys()
	if err != nil {
		return made, err
	}
	// The keys are often created before the database.
	err = t.withAudit(ctx, func(s *postgres.Store) error { return record(ctx, s, t.entry(keysCreated, f.Keyset, nil, nil)) })
	if err != nil {
		t.warnUnaudited(err)
	}
	return keygenJSON{Keyset: f.Keyset, KEK: f.KEK, KeyID: keys[0].ID}, nil
}

func (t *tool) showMade(made keygenJSON) {
	if made.Keyset != "" {
		t.printf("%s holds key %d", made.Keyset, made.KeyID)
	}
	if made.KEK != "" {
		t.printf("%s holds the key that encrypts it: store it separately", made.KEK)
	}
	if made.Tokens != nil {
		t.showMade(*made.Tokens)
	}
	if made.Panel != nil {
		t.showMade(*made.Panel)
	}
}

// withVault runs f with the vault's files and a store that uses their keys.
func (t *tool) withVault(ctx context.Context, in vaultFlags, f func(keyFiles, *postgres.Store) error) error {
	files, err := t.files(in)
	if err != nil {
		return err
	}
	var keys boot.Keys
	if files.KeysetFile != "" || files.TokenKeysetFile != "" {
		if keys, err = files.OpenKeys(files.env, warningLog(t.stderr)); err != nil {
			return err
		}
	}
	if keys.Panel, err = files.OpenPanelKeys(files.env, warningLog(t.stderr)); err != nil {
		return err
	}
	return t.withPool(ctx, func(pool *pgxpool.Pool) error { return f(files, boot.NewStore(pool, keys)) })
}
