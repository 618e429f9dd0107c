package main

import (
	"context"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/core/ports"
)

type rewrappedJSON struct {
	Sealed int      `json:"sealed"`
	Left   int64    `json:"left"`
	Broken []string `json:"broken"`
}

func (t *tool) vaultRewrap() *cobra.Command {
	var in vaultFlags
	batch := 500
	cmd := &cobra.Command{
		Use: "rewrap", Short: "Encrypt rows with the primary key that are plaintext or use an old key",
		Long: "Encrypt rows with the primary key that are plaintext or use an old key, or a key of the other keyset. Each new\n" +
			"ciphertext is verified before it is stored. The service can keep running. The command can be interrupted and started again.\n\n" +
			"The exit code is 1 if a row cannot be decrypted; the other rows are processed.",
		Args: noArgs,
		RunE: t.action(func(cmd *cobra.Command, _ []string) error {
			if batch < 1 || batch > maxBatch {
				return usageErrorf("--batch %d must be 1 to %d", batch, maxBatch)
			}
			return t.withVault(cmd.Context(), in, func(f keyFiles, s *postgres.Store) error {
				return t.rewrap(cmd.Context(), f, s, batch)
			})
		}),
	}
	cmd.Flags().IntVar(&batch, "batch", batch, "rows in one transaction")
	return t.withJSON(in.keys(cmd))
}

// maxBatch keeps a transaction well below its time limit.
const maxBatch = 5000

func (t *tool) rewrap(ctx context.Context, f keyFiles, s *postgres.Store, batch int) error {
	var result rewrappedJSON
	for {
		pass, err := rewrapAll(ctx, s, batch)
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
	err := t.print(result, func() {
		t.printf("%d rows were encrypted again; %d are left", result.Sealed, result.Left)
	})
	for _, b := range result.Broken {
		t.errorf("%s cannot be decrypted: it was changed or moved, or its key is missing", b)
	}
	if err == nil && len(result.Broken) > 0 {
		return errReported
	}
	return err
}

// rewrapAll makes one pass over all rows.
func rewrapAll(ctx context.Context, s *postgres.Store, batch int) (*postgres.Rewrap, error) {
	pass, err := s.Rewrap()
	if err != nil {
		return nil, err
	}
	for {
		if n, err := pass.Next(ctx, batch); err != nil || n == 0 {
			return pass, err
		}
	}
}
