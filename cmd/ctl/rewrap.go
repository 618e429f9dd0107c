package main

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/adapters/vault"
	"github.com/online-cinema/billing/core/ports"
)

type rewrappedJSON struct {
	Reencrypted int      `json:"sealed"`
	Left        int64    `json:"left"`
	Broken      []string `json:"broken"`
	Forged      []string `json:"forged"` // subscriptions whose consent cannot be verified
}

func (t *tool) vaultRewrap() *cobra.Command {
	var in vaultFlags
	var o rewrapOptions
	cmd := &cobra.Command{
		Use: "rewrap", Short: "Encrypt and sign rows with the primary key that use none or an old key",
		Long: "Encrypt rows with the primary key that are plaintext or use an old key, or a key of the other keyset. Each new\n" +
			"ciphertext is verified before it is stored. The service can keep running. The command can be interrupted and started again.\n\n" +
			"It also signs the consents of live subscriptions. Run billingctl reconcile before the first time, because rewrap\n" +
			"signs the price that the database has. A consent with a wrong signature is never signed again.\n\n" +
			"Payment tokens, contacts for receipts and secrets of endpoints have the same keys. Second factors of panel users have\n" +
			"a keyset of their own.\n\n" +
			"Once no plaintext token and no unsigned consent is left, programs refuse both, because only an attacker who can write\n" +
			"to the database would put one there. A backup from before that has some: --accept-plaintext and --accept-unsigned\n" +
			"encrypt and sign them.\n\n" +
			"The exit code is 1 if a row cannot be decrypted or verified; the other rows are processed.",
		Args: noArgs,
		RunE: t.action(func(cmd *cobra.Command, _ []string) error {
			if o.batch < 1 || o.batch > maxBatch {
				return usageErrorf("--batch %d must be 1 to %d", o.batch, maxBatch)
			}
			return t.withVault(cmd.Context(), in, func(f keyFiles, s *postgres.Store) error {
				return t.rewrap(cmd.Context(), f, s, o)
			})
		}),
	}
	cmd.Flags().IntVar(&o.batch, "batch", 500, "rows in one transaction")
	cmd.Flags().BoolVar(&o.acceptPlaintext, "accept-plaintext", false, "encrypt plaintext tokens although programs refuse them; after a restore only")
	cmd.Flags().BoolVar(&o.acceptUnsigned, "accept-unsigned", false, "sign unsigned consents although programs refuse them; after a restore only")
	return t.withJSON(in.keys(cmd))
}

type rewrapOptions struct {
	batch                           int
	acceptPlaintext, acceptUnsigned bool
}

// maxBatch keeps a transaction well below its time limit.
const maxBatch = 5000

func (t *tool) rewrap(ctx context.Context, f keyFiles, s *postgres.Store, o rewrapOptions) error {
	enforced, err := f.tokens().Enforced()
	if err != nil {
		return err
	}
	var result rewrappedJSON
	for {
		pass, err := rewrapAll(ctx, s, o, enforced)
		if err != nil {
			return err
		}
		result.Reencrypted += pass.Reencrypted
		result.Broken, result.Forged = append([]string{}, pass.Broken...), append([]string{}, pass.Forged...)
		st, err := vaultStatus(ctx, f, s)
		if err != nil {
			return err
		}
		// Other remaining rows were locked, or are newer than the pass.
		if result.Left = st.Left; result.Left <= int64(len(result.Broken)+len(result.Forged)) {
			break
		}
		select {
		case <-time.After(commitWait / 60):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if result.Reencrypted > 0 {
		e := t.entry(rowsReencrypted, f.names(), nil, ports.Facts{"rows": strconv.Itoa(result.Reencrypted)})
		if err := record(ctx, s, e); err != nil {
			return err
		}
	}
	if result.Left == 0 && f.tokens().Keyset != "" {
		if err := t.enforceRules(ctx, f, s, enforced); err != nil {
			return err
		}
	}
	return t.showRewrapped(result)
}

// showRewrapped prints the result, and fails if rows cannot be decrypted or verified.
func (t *tool) showRewrapped(result rewrappedJSON) error {
	err := t.print(result, func() {
		t.printf("%d rows were encrypted or signed again; %d are left", result.Reencrypted, result.Left)
	})
	for _, b := range result.Broken {
		t.errorf("%s cannot be decrypted: it was changed or moved, its key is missing, or it is plaintext, which is refused", b)
	}
	for _, f := range result.Forged {
		t.errorf("the consent of %s cannot be verified: its terms were changed, the key is missing, or its signature was removed; it is not charged", f)
	}
	if err == nil && len(result.Broken)+len(result.Forged) > 0 {
		return errReported
	}
	return err
}

// rules are the rules that programs enforce once rewrap leaves nothing.
var rules = []struct{ name, text string }{
	{vault.RuleTokens, "No payment token is plaintext: from now on programs refuse plaintext tokens."},
	{vault.RuleConsents, "Every consent is signed: from now on programs do not charge a subscription without a signature."},
}

// enforceRules makes programs enforce the rules that are not enforced yet.
func (t *tool) enforceRules(ctx context.Context, f keyFiles, s *postgres.Store, enforced []string) error {
	set := f.tokens()
	for _, r := range rules {
		if slices.Contains(enforced, r.name) {
			continue
		}
		e := t.entry(ruleEnforced, set.Keyset, nil, ports.Facts{"rule": r.name})
		if err := audited(ctx, s, e, func() error { return set.Enforce(r.name) }); err != nil {
			return err
		}
		if !t.json {
			t.printf("%s Copy %s wherever it is copied to.", r.text, set.Keyset)
		}
	}
	return nil
}

// rewrapAll makes one pass over all rows.
func rewrapAll(ctx context.Context, s *postgres.Store, o rewrapOptions, enforced []string) (*postgres.Rewrap, error) {
	pass, err := s.Rewrap()
	if err != nil {
		return nil, err
	}
	pass.RefusePlaintext = slices.Contains(enforced, vault.RuleTokens) && !o.acceptPlaintext
	pass.RefuseUnsigned = slices.Contains(enforced, vault.RuleConsents) && !o.acceptUnsigned
	for {
		if n, err := pass.Next(ctx, o.batch); err != nil || n == 0 {
			return pass, err
		}
	}
}
