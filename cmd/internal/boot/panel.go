package boot

import (
	"log/slog"

	"github.com/online-cinema/billing/adapters/vault"
)

// PanelKeys names the files with the keys that encrypt the second factors of panel
// users. The panel has no other keys: it must not decrypt card numbers or tokens.
type PanelKeys struct {
	PanelKeysetFile string `env:"BILLING_PANEL_KEYSET_FILE" helpDefault:"none; nobody can have a second factor" help:"File with the keys that encrypt the second factors of panel users; created by billingctl vault keygen"`
	PanelKEKFile    string `env:"BILLING_PANEL_KEK_FILE" helpDefault:"none; required in production with a keyset" help:"File with the key that encrypts BILLING_PANEL_KEYSET_FILE; created by billingctl vault keygen"`
}

// PanelFiles returns the files of the keyset.
func (k PanelKeys) PanelFiles(env Env) vault.Files {
	return vault.Files{Keyset: k.PanelKeysetFile, KEK: k.PanelKEKFile, AllowPlaintext: env != Production, RotateDigests: true}
}

// OpenPanelKeys opens the keyset. It returns nil if there is none.
func (k PanelKeys) OpenPanelKeys(env Env, log *slog.Logger) (*vault.Vault, error) {
	if k.PanelKeysetFile == "" {
		return nil, nil //nolint:nilnil // no keyset
	}
	return vault.Open(k.PanelFiles(env), log)
}

// SecondFactor says whether panel users need a second factor.
type SecondFactor string

// The values of [SecondFactor].
const (
	FactorOptional SecondFactor = "optional"
	FactorRequired SecondFactor = "required"
)

// UnmarshalText parses optional or required.
func (s *SecondFactor) UnmarshalText(text []byte) error {
	if v := SecondFactor(text); v == FactorOptional || v == FactorRequired {
		*s = v
		return nil
	}
	return errInvalid
}

// Factors configures the second factors of panel users.
type Factors struct {
	PanelKeys
	TOTP SecondFactor `env:"BILLING_PANEL_TOTP" envDefault:"optional" must:"be optional or required" help:"Second factor of panel users: required leads everyone to set one up, and nobody signs in without"`
}

func (c Factors) check(f *faults, env Env) {
	checkKeyset(f, env, "BILLING_PANEL_KEYSET_FILE", "BILLING_PANEL_KEK_FILE", c.PanelFiles(env))
	f.need(c.TOTP != FactorRequired || c.PanelKeysetFile != "",
		"BILLING_PANEL_KEYSET_FILE is not set, but BILLING_PANEL_TOTP=required: it must name the file with the keys that encrypt second factors; %s", keygenHint)
}
