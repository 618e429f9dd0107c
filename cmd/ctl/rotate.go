package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/online-cinema/billing/adapters/clock"
	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/adapters/vault"
	"github.com/online-cinema/billing/core/ports"
)

type rotateFlags struct {
	vaultFlags

	prepare, disableOld, enableOld bool
	newKEK                         string
}

func (t *tool) vaultRotate() *cobra.Command {
	var in rotateFlags
	cmd := &cobra.Command{
		Use: "rotate", Short: "Make a new key the primary one; the old keys still decrypt",
		Args: noArgs,
		RunE: t.action(func(cmd *cobra.Command, _ []string) error {
			var f faults
			f.exclusive(cmd, "prepare", "disable-old", "enable-old", "new-kek")
			if err := f.err(); err != nil {
				return err
			}
			if in.disableOld {
				return t.disableOld(cmd.Context(), in.vaultFlags)
			}
			return t.rotate(cmd.Context(), in)
		}),
	}
	cmd.Flags().BoolVar(&in.prepare, "prepare", false, "add a key that only decrypts; the next rotate makes it the primary key")
	cmd.Flags().BoolVar(&in.disableOld, "disable-old", false, "disable the keys that no row is encrypted with")
	cmd.Flags().BoolVar(&in.enableOld, "enable-old", false, "enable the disabled keys again, for a backup that was encrypted with them")
	cmd.Flags().StringVar(&in.newKEK, "new-kek", "", "encrypt the keyset with the key in this file, and create the file if it is missing; the keys do not change")
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

func (t *tool) rotate(ctx context.Context, in rotateFlags) error {
	f, err := t.files(in.vaultFlags)
	if err != nil {
		return err
	}
	action, change := keyRotated, func() error { return f.Rotate(clock.System{}.Now()) }
	switch {
	case in.prepare:
		action, change = keyPrepared, f.Prepare
	case in.enableOld:
		action, change = keysEnabled, f.EnableAll
	case in.newKEK != "":
		action, change = kekReplaced, func() error { return f.Rekey(in.newKEK) }
	}
	var facts ports.Facts
	if in.newKEK != "" {
		facts = ports.Facts{"kek": in.newKEK}
	}
	if err := t.auditedKeys(ctx, t.entry(action, f.Keyset, nil, facts), change); err != nil {
		return err
	}
	if in.newKEK != "" {
		f.KEK = in.newKEK
	}
	if err := t.printKeys(f); err != nil || t.json {
		return err
	}
	t.printNextStep(in, f)
	return nil
}

// printNextStep prints what the operator must do after a change of the keys.
func (t *tool) printNextStep(in rotateFlags, f vault.Files) {
	switch {
	case in.prepare:
		t.printf("Next: copy %s to every machine, then run billingctl vault rotate.", f.Keyset)
	case in.enableOld:
		t.printf("Next: billingctl vault rewrap, then billingctl vault rotate --disable-old.")
	case in.newKEK != "":
		t.printf("Next: set BILLING_VAULT_KEK_FILE=%s for every program, or put the file in place of the old one, and\n"+
			"restart the programs: until then they cannot read the keyset again. Back up the file, apart from the keyset.\n"+
			"Keep the old key as long as backups of the old keyset exist.", f.KEK)
	default:
		t.printf("Next: billingctl vault rewrap, then billingctl vault rotate --disable-old.")
	}
}

func (t *tool) printKeys(f vault.Files) error {
	keys, err := f.Keys()
	if err != nil {
		return err
	}
	return t.print(rotatedJSON{mapped(keys, func(k vault.Key) keyStateJSON { return keyStateJSON(k) })}, func() {
		for _, k := range keys {
			t.printf("key %d %s", k.ID, keyJSON{Known: true, Primary: k.Primary, Enabled: k.Enabled}.state())
		}
	})
}

// commitWait is longer than any transaction. After it, every row that was encrypted
// before a key was disabled is visible.
const commitWait = 6 * time.Second

// disableOld disables the keys that no row needs. If a transaction commits a row with
// such a key just afterwards, disableOld enables the keys again and fails.
func (t *tool) disableOld(ctx context.Context, in vaultFlags) error {
	return t.withVault(ctx, in, func(f vault.Files, s *postgres.Store) error {
		old, err := unusedKeys(ctx, f, s)
		if err != nil {
			return err
		}
		if len(old) == 0 {
			return t.printKeys(f)
		}
		e := t.entry(keysDisabled, f.Keyset, nil, ports.Facts{"keys": keyList(old)})
		if err := audited(ctx, s, e, func() error { return f.Disable(old...) }); err != nil {
			return err
		}
		if err := confirmUnused(ctx, s, old); err != nil {
			e := t.entry(keysEnabled, f.Keyset, nil, e.After)
			if back := audited(ctx, s, e, func() error { return f.Enable(old...) }); back != nil {
				return fmt.Errorf("%w; the old keys could not be enabled again: %w", err, back)
			}
			return fmt.Errorf("%w; the old keys are enabled again", err)
		}
		return t.printKeys(f)
	})
}

// keyList returns ids as one text.
func keyList(ids []uint32) string {
	return strings.Join(mapped(ids, func(id uint32) string { return strconv.FormatUint(uint64(id), 10) }), ", ")
}

// unusedKeys returns the enabled keys that may be disabled. It fails if any row needs
// an old key.
func unusedKeys(ctx context.Context, f vault.Files, s *postgres.Store) (ids []uint32, err error) {
	st, err := vaultStatus(ctx, f, s)
	if err != nil {
		return nil, err
	}
	for _, k := range st.Keys {
		switch {
		case k.Primary || !k.Known:
		case k.Cards+k.PaymentMethods > 0:
			return nil, fmt.Errorf("%d rows are encrypted with key %d: run billingctl vault rewrap first", k.Cards+k.PaymentMethods, k.ID)
		case k.Enabled:
			ids = append(ids, k.ID)
		}
	}
	return ids, nil
}

// confirmUnused watches the rows during commitWait. It fails if one uses a key of ids.
func confirmUnused(ctx context.Context, s *postgres.Store, ids []uint32) error {
	tick := time.NewTicker(commitWait / 12)
	defer tick.Stop()
	for until := time.Now().Add(commitWait); len(ids) > 0 && time.Now().Before(until); {
		rows, err := s.KeyUsage(ctx)
		if err != nil {
			return err
		}
		for _, r := range rows {
			for _, id := range ids {
				if r.KeyID == id {
					return fmt.Errorf("%d rows were just encrypted with key %d: run billingctl vault rewrap again", r.Cards+r.Methods, id)
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
