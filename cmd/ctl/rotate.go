package main

import (
	"context"
	"fmt"
	"slices"
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

	newKEK, newTokenKEK, newPanelKEK string
}

func (t *tool) vaultRotate() *cobra.Command {
	var in rotateFlags
	cmd := &cobra.Command{
		Use: "rotate", Short: "Make a new key the primary one; the old keys still decrypt",
		Args: noArgs,
		RunE: t.action(func(cmd *cobra.Command, _ []string) error {
			var f faults
			f.exclusive(cmd, "prepare", "disable-old", "enable-old", "new-kek", "new-token-kek", "new-panel-kek")
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
	cmd.Flags().StringVar(&in.newTokenKEK, "new-token-kek", "", "the same for the keyset of payment tokens, if another key encrypts it")
	cmd.Flags().StringVar(&in.newPanelKEK, "new-panel-kek", "", "the same for the keyset of second factors")
	return t.withJSON(in.keys(cmd))
}

type rotatedJSON struct {
	Keys []keyStateJSON `json:"keys"`
}

type keyStateJSON struct {
	ID      uint32 `json:"id"`
	Keyset  string `json:"keyset,omitempty"` // cards or tokens, if each has one
	Primary bool   `json:"primary"`
	Enabled bool   `json:"enabled"`
}

func (t *tool) rotate(ctx context.Context, in rotateFlags) error {
	files, err := t.files(in.vaultFlags)
	if err != nil {
		return err
	}
	if in.newKEK != "" || in.newTokenKEK != "" || in.newPanelKEK != "" {
		return t.rekey(ctx, in, files)
	}
	for _, set := range files.all() {
		action, change := keyRotated, func() error { return set.Rotate(clock.System{}.Now()) }
		switch {
		case in.prepare:
			action, change = keyPrepared, set.Prepare
		case in.enableOld:
			action, change = keysEnabled, set.EnableAll
		}
		if err := t.auditedKeys(ctx, t.entry(action, set.Keyset, nil, nil), change); err != nil {
			return err
		}
	}
	if err := t.printKeys(files); err != nil || t.json {
		return err
	}
	if in.prepare {
		t.printf("Next: copy %s to every machine, then run billingctl vault rotate.", files.names())
	} else {
		t.printf("Next: billingctl vault rewrap, then billingctl vault rotate --disable-old.")
	}
	return nil
}

// rekey encrypts the keysets with another KEK: --new-kek those whose KEK is the vault's,
// --new-token-kek the keyset of payment tokens, if it has a KEK of its own, and
// --new-panel-kek the keyset of second factors, likewise.
func (t *tool) rekey(ctx context.Context, in rotateFlags, files keyFiles) error {
	shared := files.TokenKEKFile == "" || files.TokenKEKFile == files.KEKFile
	old, fresh, variable := files.KEKFile, in.newKEK, "BILLING_VAULT_KEK_FILE"
	if in.newTokenKEK != "" {
		if shared || files.TokenKeysetFile == "" {
			return usageErrorf("--new-token-kek needs a keyset of payment tokens with a KEK of its own: use --new-kek")
		}
		old, fresh, variable = files.TokenKEKFile, in.newTokenKEK, "BILLING_TOKEN_KEK_FILE"
	}
	if in.newPanelKEK != "" {
		if files.PanelKeysetFile == "" || files.PanelKEKFile == files.KEKFile || files.PanelKEKFile == files.TokenKEKFile {
			return usageErrorf("--new-panel-kek needs a keyset of second factors with a KEK of its own")
		}
		old, fresh, variable = files.PanelKEKFile, in.newPanelKEK, "BILLING_PANEL_KEK_FILE"
	}
	for _, set := range files.all() {
		if set.KEK != old {
			continue
		}
		e := t.entry(kekReplaced, set.Keyset, nil, ports.Facts{"kek": fresh})
		if err := t.auditedKeys(ctx, e, func() error { return set.Rekey(fresh) }); err != nil {
			return err
		}
	}
	for _, kek := range []*string{&files.KEKFile, &files.TokenKEKFile, &files.PanelKEKFile} {
		if *kek == old {
			*kek = fresh
		}
	}
	if err := t.printKeys(files); err != nil || t.json {
		return err
	}
	t.printf("Next: set %s=%s for every program, or put the file in place of the old one, and\n"+
		"restart the programs: until then they cannot read the keyset again. Back up the file, apart from the keyset.\n"+
		"Keep the old key as long as backups of the old keyset exist.", variable, fresh)
	return nil
}

func (t *tool) printKeys(files keyFiles) error {
	out := rotatedJSON{[]keyStateJSON{}}
	for _, set := range files.all() {
		keys, err := set.Keys()
		if err != nil {
			return err
		}
		out.Keys = append(out.Keys, mapped(keys, func(k vault.Key) keyStateJSON {
			return keyStateJSON{k.ID, set.name, k.Primary, k.Enabled}
		})...)
	}
	return t.print(out, func() {
		for _, k := range out.Keys {
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
	return t.withVault(ctx, in, func(files keyFiles, s *postgres.Store) error {
		old, err := unusedKeys(ctx, files, s)
		if err != nil {
			return err
		}
		for _, set := range files.all() {
			if err := t.disableKeys(ctx, s, set.Files, old); err != nil {
				return err
			}
			if err := t.disableDigests(ctx, s, set.Files); err != nil {
				return err
			}
		}
		return t.printKeys(files)
	})
}

// disableKeys disables those encryption keys of a keyset that are in old.
func (t *tool) disableKeys(ctx context.Context, s *postgres.Store, f vault.Files, old []uint32) error {
	keys, err := f.Keys()
	if err != nil {
		return err
	}
	var ids []uint32
	for _, k := range keys {
		if slices.Contains(old, k.ID) {
			ids = append(ids, k.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	e := t.entry(keysDisabled, f.Keyset, nil, ports.Facts{"keys": keyList(ids)})
	if err := audited(ctx, s, e, func() error { return f.Disable(ids...) }); err != nil {
		return err
	}
	if err := confirmUnused(ctx, s, ids); err != nil {
		e := t.entry(keysEnabled, f.Keyset, nil, e.After)
		if back := audited(ctx, s, e, func() error { return f.Enable(ids...) }); back != nil {
			return fmt.Errorf("%w; the old keys could not be enabled again: %w", err, back)
		}
		return fmt.Errorf("%w; the old keys are enabled again", err)
	}
	return nil
}

// digestAge is how long a replaced digest key is needed: idempotency keys are kept for
// 30 days, and found by their digests.
const digestAge = 31 * 24 * time.Hour

// disableDigests disables the replaced digest keys of a keyset if no idempotency key
// needs them any more.
func (t *tool) disableDigests(ctx context.Context, s *postgres.Store, f vault.Files) error {
	ids, since, err := f.OldDigestKeys()
	if err != nil || len(ids) == 0 {
		return err
	}
	now, until := clock.System{}.Now(), since.Add(digestAge)
	if now.Before(until) {
		t.errorf("the replaced digest keys of %s stay enabled until %s, because requests are found by them: run this command again then",
			f.Keyset, until.UTC().Format(time.DateOnly))
		return nil
	}
	consents, err := s.ConsentCounts(ctx)
	if err != nil {
		return err
	}
	if n := consents.OfOtherKeys; n > 0 {
		return fmt.Errorf("%d consents are signed with a replaced key, and could not be charged without it: run billingctl vault rewrap first", n)
	}
	e := t.entry(keysDisabled, f.Keyset, nil, ports.Facts{"keys": keyList(ids)})
	return audited(ctx, s, e, f.DisableDigests)
}

// keyList returns ids as one text.
func keyList(ids []uint32) string {
	return strings.Join(mapped(ids, func(id uint32) string { return strconv.FormatUint(uint64(id), 10) }), ", ")
}

// unusedKeys returns the enabled keys that may be disabled. It fails if any row needs
// an old key.
func unusedKeys(ctx context.Context, files keyFiles, s *postgres.Store) (ids []uint32, err error) {
	st, err := vaultStatus(ctx, files, s)
	if err != nil {
		return nil, err
	}
	for _, k := range st.Keys {
		switch {
		case k.Primary || !k.Known:
		case k.rows() > 0:
			return nil, fmt.Errorf("%d rows are encrypted with key %d: run billingctl vault rewrap first", k.rows(), k.ID)
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
					return fmt.Errorf("%d rows were just encrypted with key %d: run billingctl vault rewrap again", r.Rows(), id)
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
