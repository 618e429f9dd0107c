package main

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/adapters/vault"
)

type keyJSON struct {
	ID             uint32 `json:"id"`
	Keyset         string `json:"keyset,omitempty"` // cards, tokens or panel; empty for one of cards and tokens
	Primary        bool   `json:"primary"`
	Enabled        bool   `json:"enabled"`
	Known          bool   `json:"known"` // in the keyset
	Cards          int64  `json:"cards"`
	PaymentMethods int64  `json:"payment_methods"`
	Contacts       int64  `json:"receipt_contacts"`
	Secrets        int64  `json:"endpoint_secrets"`
	Factors        int64  `json:"second_factors"`
}

type vaultStatusJSON struct {
	Keys            []keyJSON `json:"keys"`
	PlaintextTokens int64     `json:"clear_tokens"` // tokens that are not encrypted yet
	// PlaintextContacts are contacts for receipts that are not encrypted yet.
	PlaintextContacts int64 `json:"clear_contacts"`
	// PlaintextSecrets are secrets of endpoints that are not encrypted yet.
	PlaintextSecrets int64 `json:"clear_endpoint_secrets"`
	// UnsignedConsents are live subscriptions whose terms are not signed.
	UnsignedConsents int64 `json:"unsigned_consents"`
	OldConsents      int64 `json:"old_consents"` // signed with a replaced key
	Left             int64 `json:"left"`         // rows that rewrap would encrypt or sign
	// Enforced are the rules for stored data: tokens refuses plaintext tokens, consents
	// refuses unsigned consents.
	Enforced []string `json:"enforced,omitempty"`
}

func (t *tool) vaultStatus() *cobra.Command {
	var in vaultFlags
	cmd := &cobra.Command{
		Use: "status", Short: "List the keys, the number of rows that each encrypts, and the consents that need a signature",
		Args: noArgs,
		RunE: t.action(func(cmd *cobra.Command, _ []string) error {
			return t.withVault(cmd.Context(), in, func(f keyFiles, s *postgres.Store) error {
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

// vaultStatus joins the keys of the keysets with the row counts of the database.
func vaultStatus(ctx context.Context, files keyFiles, s *postgres.Store) (st vaultStatusJSON, err error) {
	st.Keys = []keyJSON{}
	for _, set := range files.all() {
		keys, err := set.Keys()
		if err != nil {
			return st, err
		}
		st.Keys = append(st.Keys, mapped(keys, func(k vault.Key) keyJSON {
			return keyJSON{ID: k.ID, Keyset: set.name, Primary: k.Primary, Enabled: k.Enabled, Known: true}
		})...)
	}
	if st.Enforced, err = files.tokens().Enforced(); err != nil {
		return st, err
	}
	rows, err := s.KeyUsage(ctx)
	if err != nil {
		return st, err
	}
	for _, r := range rows {
		// Rows of a keyset that is not configured here are those of another host.
		if files.PanelKeysetFile == "" {
			r.Factors = 0
		}
		if files.tokens().Keyset == "" {
			r = postgres.KeyUsage{KeyID: r.KeyID, Factors: r.Factors}
		}
		if r.Rows() > 0 {
			st.add(r)
		}
	}
	consents, err := s.ConsentCounts(ctx)
	st.UnsignedConsents, st.OldConsents = consents.Unsigned, consents.OfOtherKeys
	st.Left += consents.Unsigned + consents.OfOtherKeys
	return st, err
}

func (st *vaultStatusJSON) add(r postgres.KeyUsage) {
	if r.KeyID == 0 {
		st.PlaintextTokens, st.PlaintextContacts, st.PlaintextSecrets = r.Methods, r.Contacts, r.Secrets
		st.Left += r.Methods + r.Contacts + r.Secrets
		return
	}
	i := 0
	for i < len(st.Keys) && st.Keys[i].ID != r.KeyID {
		i++
	}
	if i == len(st.Keys) {
		st.Keys = append(st.Keys, keyJSON{ID: r.KeyID})
	}
	k := &st.Keys[i]
	k.Cards, k.PaymentMethods, k.Contacts, k.Secrets, k.Factors = r.Cards, r.Methods, r.Contacts, r.Secrets, r.Factors
	if !k.Primary || k.Keyset == tokenKeyset {
		st.Left += r.Cards
	}
	if !k.Primary || k.Keyset == cardKeyset {
		st.Left += r.Methods + r.Contacts + r.Secrets
	}
	if !k.Primary || k.Keyset != panelKeyset {
		st.Left += r.Factors
	}
}

func (t *tool) showVault(st vaultStatusJSON) {
	t.table([]string{"KEY", "KEYSET", "STATE", "CARDS", "PAYMENT METHODS", "RECEIPT CONTACTS", "ENDPOINT SECRETS", "SECOND FACTORS"}, mapped(st.Keys, func(k keyJSON) []string {
		return []string{
			strconv.FormatUint(uint64(k.ID), 10), cmp.Or(k.Keyset, "all"), k.state(), strconv.FormatInt(k.Cards, 10), strconv.FormatInt(k.PaymentMethods, 10), strconv.FormatInt(k.Contacts, 10), strconv.FormatInt(k.Secrets, 10),
			strconv.FormatInt(k.Factors, 10),
		}
	}))
	refused := slices.Contains(st.Enforced, vault.RuleTokens)
	switch {
	case st.PlaintextTokens > 0 && refused:
		t.printf("%d payment tokens are stored as plaintext and refused: somebody wrote them to the database, or a backup was restored", st.PlaintextTokens)
	case st.PlaintextTokens > 0:
		t.printf("%d payment tokens are stored as plaintext", st.PlaintextTokens)
	case refused:
		t.printf("Plaintext payment tokens are refused.")
	}
	if st.PlaintextContacts > 0 {
		t.printf("%d contacts for receipts are stored as plaintext", st.PlaintextContacts)
	}
	if st.PlaintextSecrets > 0 {
		t.printf("%d secrets of endpoints are stored as plaintext", st.PlaintextSecrets)
	}
	required := slices.Contains(st.Enforced, vault.RuleConsents)
	switch {
	case st.UnsignedConsents > 0 && required:
		t.printf("%d subscriptions have no signed consent and are not charged: somebody changed the database, or a backup was restored", st.UnsignedConsents)
	case st.UnsignedConsents > 0:
		t.printf("%d subscriptions have no signed consent: an attacker who can write to the database can raise their price", st.UnsignedConsents)
	case required:
		t.printf("Subscriptions without a signed consent are not charged.")
	}
	if st.OldConsents > 0 {
		t.printf("%d consents are signed with a replaced key", st.OldConsents)
	}
	if st.Left > 0 {
		t.printf("%d rows need billingctl vault rewrap", st.Left)
	}
}

// rows returns the number of rows that the key encrypts.
func (k keyJSON) rows() int64 { return k.Cards + k.PaymentMethods + k.Contacts + k.Secrets + k.Factors }

func (k keyJSON) state() string {
	switch {
	case !k.Known:
		return "not in a keyset: its rows cannot be decrypted"
	case k.Primary:
		return "encrypts and decrypts"
	case k.Enabled:
		return "decrypts"
	default:
		return "disabled"
	}
}
