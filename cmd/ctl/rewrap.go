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
	Sealed int      `json:"sealed"`
	Left   int64    `json:"left"`
	Broken []string `json:"broken"`
}

func (t *tool) vaultRewrap() *cobra.Command {
	var in vaultFlags
	var o rewrapOptions
	cmd := &cobra.Command{
		Use: "rewrap", Short: "Encrypt rows with the primary key that are plaintext or use an old key",
		Long: "Encrypt rows with the primary key that are plaintext or use an old key, or a key of the other keyset. Each new\n" +
			"ciphertext is verified before it is stored. The service can keep running. The command can be interrupted and started again.\n\n" +
			"Once no plaintext token is left, programs refuse plaintext tokens, because only an attacker who can write to the\n" +
			"database would put one there. A backup from before that has some: --accept-plaintext encrypts them.\n\n" +
			"The exit code is 1 if a row cannot be decrypted; the other rows are processed.",
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
	return t.withJSON(in.keys(cmd))
}

type rewrapOptions struct {
	batch           int
	acceptPlaintext bool
}

// maxBatch keeps a transaction well below its time limit.
const maxBatch = 5000

func (t *tool) rewrap(ctx context.Context, f keyFiles, s *postgres.Store, o rewrapOptions) error {
	enforced, err := f.tokens().Enforced()
	if err != nil {
		return err
	}
	refusing := slices.Contains(enforced, vault.RuleTokens)
	var result rewrappedJSON
	for {
		pass, err := rewrapAll(ctx, s, o.batch, refusing && !o.acceptPlaintext)
		if err != nil {
			return err
		}
		result.Sealed += pass.Reencrypted
		result.Broken = append([]string{}, pass.Broken...)
		st, err := vaultStatus(ctx, f, s)
		if err != nil {
			return err
		}
		// Other remaining rows were locked, or are newer than the pass.
		if result.Left = st.Left; result.Left <= int64(len(result.Broken)) {
			break
		}
		select {
		case <-time.After(commitWait / 60):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if result.Sealed > 0 {
		e := t.entry(rowsReencrypted, f.names(), nil, ports.Facts{"rows": strconv.Itoa(result.Sealed)})
		if err := record(ctx, s, e); err != nil {
			return err
		}
	}
	if result.Left == 0 && !refusing {
		if err := t.refusePlaintext(ctx, f, s); err != nil {
			return err
		}
	}
	err = t.print(result, func() {
		t.printf("%d rows were encrypted again; %d are left", result.Sealed, result.Left)
	})
	for _, b := range result.Broken {
		t.errorf("%s cannot be decrypted: it was changed or moved, its key is missing, or it is plaintext, which is refused", b)
	}
	if err == nil && len(result.Broken) > 0 {
		return errReported
	}
	return err
}

// refusePlaintext makes programs refuse plaintext tokens, because none is left.
func (t *tool) refusePlaintext(ctx context.Context, f keyFiles, s *postgres.Store) error {
	set := f.tokens()
	e := t.entry(ruleEnforced, set.Keyset, nil, ports.Facts{"rule": vault.RuleTokens})
	if err := audited(ctx, s, e, func() error { return set.Enforce(vault.RuleTokens) }); err != nil {
		return err
	}
	if !t.json {
		t.printf("No payment token is plaintext: from now on programs refuse plaintext tokens. Copy %s wherever it is copied to.", set.Keyset)
	}
	return nil
}

// rewrapAll makes one pass over all rows.
func rewrapAll(ctx context.Context, s *postgres.Store, batch int, refusePlaintext bool) (*postgres.Rewrap, error) {
	pass, err := s.Rewrap()
	if err != nil {
		return nil, err
	}
	pass.RefusePlaintext = refusePlaintext
	for {
		if n, err := pass.Next(ctx, batch); err != nil || n == 0 {
			return pass, err
		}
	}
}
