package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/online-cinema/billing/adapters/clock"
	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/adapters/vault"
)

type rotateFlags struct {
	vaultFlags

	prepare, disableOld, enableOld bool
	newKEK                         string
}

func (t *tool) vaultRotate() *cobra.Command {
	var in rotateFlags
	cmd := &cobra.Command{
		Use: "rotate", Short: "Have a new key seal from now on; the old ones still open",
		Args: cobra.NoArgs,
		RunE: t.action(func(cmd *cobra.Command, _ []string) error {
			if in.disableOld {
				return t.disableOld(cmd.Context(), in.vaultFlags)
			}
			return t.rotate(in)
		}),
	}
	cmd.Flags().BoolVar(&in.prepare, "prepare", false, "add a key that only opens for now; the next rotate has it seal")
	cmd.Flags().BoolVar(&in.disableOld, "disable-old", false, "have the keys open nothing any more that no row is sealed with")
	cmd.Flags().BoolVar(&in.enableOld, "enable-old", false, "have the disabled keys open again, for a backup that was sealed with them")
	cmd.Flags().StringVar(&in.newKEK, "new-kek", "", "encrypt the keyset with the key in this file, which is made if need be, and leave the keys as they are")
	cmd.MarkFlagsMutuallyExclusive("prepare", "disable-old", "enable-old", "new-kek")
	return t.withJSON(in.keys(cmd))
}

type rotatedJSON struct {
	Keys []keyStateJSON `json:"keys"`
}

type keyStateJSON struct {
	ID      uint32 `json:"id"`
	Primary bool   `json:"primary"`
	Enabled bool   `json:"enabled"`
}

func (t *tool) rotate(in rotateFlags) error {
	f, err := t.files(in.vaultFlags)
	if err != nil {
		return err
	}
	change := func() error { return f.Rotate(clock.System{}.Now()) }
	switch {
	case in.prepare:
		change = f.Prepare
	case in.enableOld:
		change = f.EnableAll
	}
	if in.newKEK != "" {
		change = func() error { return f.Rekey(in.newKEK) }
	}
	if err := change(); err != nil {
		return err
	}
	if in.newKEK != "" {
		f.KEK = in.newKEK
	}
	return t.printKeys(f)
}

func (t *tool) printKeys(f vault.Files) error {
	keys, err := f.Keys()
	if err != nil {
		return err
	}
	return t.print(rotatedJSON{mapped(keys, func(k vault.Key) keyStateJSON { return keyStateJSON(k) })}, func() {
		for _, k := range keys {
			t.say("key %d %s", k.ID, keyJSON{Known: true, Primary: k.Primary, Enabled: k.Enabled}.state())
		}
	})
}

// settle is longer than a transaction takes: what was sealed before a key was
// disabled is in the database by then.
const settle = 6 * time.Second

// disableOld disables the keys that no row needs. A row that was sealed a moment
// before, and comes to light a moment after, takes it back.
func (t *tool) disableOld(ctx context.Context, in vaultFlags) error {
	return t.withVault(ctx, in, func(f vault.Files, s *postgres.Store) error {
		old, err := unused(ctx, f, s)
		if err != nil {
			return err
		}
		if err := f.Disable(old...); err != nil {
			return err
		}
		if err := stayUnused(ctx, s, old); err != nil {
			if back := f.Enable(old...); back != nil {
				return fmt.Errorf("%w; the old keys could not be enabled again: %w", err, back)
			}
			return fmt.Errorf("%w; the old keys open as before", err)
		}
		return t.printKeys(f)
	})
}

// unused returns the keys that may be disabled. An error says which rows need one.
func unused(ctx context.Context, f vault.Files, s *postgres.Store) (ids []uint32, err error) {
	st, err := vaultStatus(ctx, f, s)
	if err != nil {
		return nil, err
	}
	for _, k := range st.Keys {
		switch {
		case k.Primary || !k.Known:
		case k.Cards+k.PaymentMethods > 0:
			return nil, fmt.Errorf("%d rows are sealed with key %d: run billingctl vault rewrap first", k.Cards+k.PaymentMethods, k.ID)
		case k.Enabled:
			ids = append(ids, k.ID)
		}
	}
	return ids, nil
}

func stayUnused(ctx context.Context, s *postgres.Store, ids []uint32) error {
	tick := time.NewTicker(settle / 12)
	defer tick.Stop()
	for until := time.Now().Add(settle); len(ids) > 0 && time.Now().Before(until); {
		rows, err := s.KeyUsage(ctx)
		if err != nil {
			return err
		}
		for _, r := range rows {
			for _, id := range ids {
				if r.KeyID == id {
					return fmt.Errorf("%d rows were sealed with key %d just now: run billingctl vault rewrap again", r.Cards+r.Methods, id)
				}
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

type rewrappedJSON struct {
	Sealed int      `json:"sealed"`
	Left   int64    `json:"left"`
	Broken []string `json:"broken"`
}

func (t *tool) vaultRewrap() *cobra.Command {
	var in vaultFlags
	batch := 500
	cmd := &cobra.Command{
		Use: "rewrap", Short: "Seal again what an old key sealed, or what is in the clear",
		Long: "Seal again what an old key sealed, or what is in the clear. Each row is opened again before it is kept.\n" +
			"It can be stopped at any moment and started again, and runs beside everything else.\n\n" +
			"Exit code 1 when some row does not open; the others are done all the same.",
		Args: cobra.NoArgs,
		RunE: t.action(func(cmd *cobra.Command, _ []string) error {
			if batch < 1 || batch > maxBatch {
				return misused("--batch %d must be 1 to %d", batch, maxBatch)
			}
			return t.withVault(cmd.Context(), in, func(f vault.Files, s *postgres.Store) error {
				return t.rewrap(cmd.Context(), f, s, batch)
			})
		}),
	}
	cmd.Flags().IntVar(&batch, "batch", batch, "rows in one transaction")
	return t.withJSON(in.keys(cmd))
}

// maxBatch keeps a transaction well within the time that one may take.
const maxBatch = 5000

func (t *tool) rewrap(ctx context.Context, f vault.Files, s *postgres.Store, batch int) error {
	var result rewrappedJSON
	for {
		pass, err := onePass(ctx, s, batch)
		if err != nil {
			return err
		}
		result.Sealed += pass.Reencrypted
		result.Broken = append([]string{}, pass.Broken...)
		st, err := vaultStatus(ctx, f, s)
		if err != nil {
			return err
		}
		// What is left beside the broken ones was in use, or is newer than the pass.
		if result.Left = st.Left; result.Left <= int64(len(result.Broken)) {
			break
		}
		select {
		case <-time.After(settle / 60):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	err := t.print(result, func() {
		t.say("%d rows were sealed again; %d are left", result.Sealed, result.Left)
	})
	for _, b := range result.Broken {
		t.complain("%s does not open: it was changed or moved, or its key is gone", b)
	}
	if err == nil && len(result.Broken) > 0 {
		return errSaid
	}
	return err
}

func onePass(ctx context.Context, s *postgres.Store, batch int) (*postgres.Rewrap, error) {
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
