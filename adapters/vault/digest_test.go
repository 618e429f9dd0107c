package vault

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

func fingerprints(t *testing.T, v *Vault) []billing.Fingerprint {
	t.Helper()
	list, err := v.Fingerprints(ports.PurposeToken, "u", []byte("tok_ok"))
	must(t, err)
	set := v.current().prf
	first, err := fingerprint(set.PRFs[set.PrimaryID], ports.PurposeToken, "u", []byte("tok_ok"))
	must(t, err)
	if list[0] != first {
		t.Error("the first fingerprint is not that of the primary key")
	}
	return list
}

func code(t *testing.T, v *Vault) []byte {
	t.Helper()
	c, err := v.MAC(place, []byte("399.00 RUB"))
	must(t, err)
	return c
}

func wantVerifies(t *testing.T, v *Vault, code []byte) {
	t.Helper()
	if err := v.VerifyMAC(place, code, []byte("399.00 RUB")); err != nil {
		t.Errorf("VerifyMAC = %v", err)
	}
}

func TestVerifyMAC_RefusesOtherTexts(t *testing.T) {
	t.Parallel()
	v := inMemory(t)
	good := code(t, v)
	wantVerifies(t, v, good)
	for name, c := range map[string]struct {
		at   ports.Place
		code []byte
		text string
	}{
		"another text":    {place, good, "1.00 RUB"},
		"another row":     {ports.Place{Purpose: place.Purpose, User: place.User, Row: "c2"}, good, "399.00 RUB"},
		"another user":    {ports.Place{Purpose: place.Purpose, User: "u2", Row: place.Row}, good, "399.00 RUB"},
		"another purpose": {ports.Place{Purpose: ports.PurposeToken, User: place.User, Row: place.Row}, good, "399.00 RUB"},
		"no code":         {place, nil, "399.00 RUB"},
		"truncated":       {place, good[:len(good)-1], "399.00 RUB"},
		"longer":          {place, append(slices.Clone(good), 0), "399.00 RUB"},
		"unknown key":     {place, append([]byte{1, 2, 3, 4}, good[4:]...), "399.00 RUB"},
		"another keyset":  {place, code(t, inMemory(t)), "399.00 RUB"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := v.VerifyMAC(c.at, c.code, []byte(c.text)); !errors.Is(err, ports.ErrNotAuthentic) {
				t.Errorf("VerifyMAC = %v, want %v", err, ports.ErrNotAuthentic)
			}
		})
	}
	for bit := range 8 * len(good) {
		damaged := slices.Clone(good)
		damaged[bit/8] ^= 1 << (bit % 8)
		if v.VerifyMAC(place, damaged, []byte("399.00 RUB")) == nil {
			t.Errorf("a code with bit %d flipped is accepted", bit)
		}
	}
}

// A replaced digest key still finds and verifies, until it is disabled.
func TestRotate_ReplacesDigestKey(t *testing.T) {
	t.Parallel()
	f := createFiles(t)
	f.RotateDigests = true
	v := openVault(t, f)
	oldFingerprint, oldCode, oldID := fingerprints(t, v)[0], code(t, v), v.MACKeyID()
	must(t, f.Rotate(time.Now()))
	list := fingerprints(t, v)
	if len(list) != 2 || list[1] != oldFingerprint || list[0] == oldFingerprint {
		t.Errorf("fingerprints %x, want a new one and %x", list, oldFingerprint)
	}
	if fresh := code(t, v); v.MACKeyID() == oldID || bytes.Equal(fresh, oldCode) {
		t.Error("the old key still makes codes")
	} else {
		wantVerifies(t, v, fresh)
	}
	wantVerifies(t, v, oldCode)
	if ids, _, err := f.OldDigestKeys(); err != nil || len(ids) != 1 || ids[0] != oldID {
		t.Errorf("OldDigestKeys = %v, %v; want %d", ids, err, oldID)
	}
	must(t, f.DisableDigests())
	if err := v.VerifyMAC(place, oldCode, []byte("399.00 RUB")); !errors.Is(err, ports.ErrNotAuthentic) {
		t.Errorf("after DisableDigests: %v, want %v", err, ports.ErrNotAuthentic)
	}
	must(t, f.EnableAll())
	wantVerifies(t, v, oldCode)
}

// A prepared digest key finds and verifies before it makes anything.
func TestPrepare_DigestKey(t *testing.T) {
	t.Parallel()
	f := createFiles(t)
	f.RotateDigests = true
	must(t, f.Prepare())
	elsewhere := openVault(t, f)
	elsewhere.files.Keyset = "" // has a copy of the file that is never updated
	before := elsewhere.MACKeyID()
	must(t, f.Rotate(time.Now()))
	v := openVault(t, f)
	if v.MACKeyID() == before {
		t.Error("the prepared key is not primary after Rotate")
	}
	wantVerifies(t, elsewhere, code(t, v))
	if !slices.Contains(fingerprints(t, elsewhere), fingerprints(t, v)[0]) {
		t.Error("a fingerprint under the prepared key is not found elsewhere")
	}
}

// Earlier versions prepared only an encryption key. Machines that have their copy of the
// file do not know a digest key that Rotate would add.
func TestRotate_KeepsDigestKeyThatWasNotPrepared(t *testing.T) {
	t.Parallel()
	f := createFiles(t)
	must(t, f.Prepare()) // without RotateDigests, as earlier versions
	before := openVault(t, f).MACKeyID()
	f.RotateDigests = true
	must(t, f.Rotate(time.Now()))
	if got := openVault(t, f).MACKeyID(); got != before {
		t.Errorf("digest key %d, want %d", got, before)
	}
}

// While tokens move to a keyset of their own, both keysets decrypt, find and verify, and
// only the new one encrypts. The old one does not get access to what is new.
func TestReadAlso_BothKeysetsAreReadable(t *testing.T) {
	t.Parallel()
	older, v := openVault(t, createFiles(t)), openVault(t, createFiles(t))
	ciphertext, oldCode, oldFingerprint := encrypt(t, older), code(t, older), fingerprints(t, older)[0]
	wantRefused(t, v, place, ciphertext)
	v.ReadAlso(older)
	for name, v := range map[string]*Vault{"vault": v, "snapshot": v.Snapshot().(*Vault)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantDecrypts(t, v, ciphertext)
			wantVerifies(t, v, oldCode)
			if list := fingerprints(t, v); len(list) != 2 || list[1] != oldFingerprint {
				t.Errorf("fingerprints %x, want two with %x last", list, oldFingerprint)
			}
			fresh := encrypt(t, v)
			wantDecrypts(t, v, fresh)
			wantRefused(t, older, place, fresh)
			if err := older.VerifyMAC(place, code(t, v), []byte("399.00 RUB")); err == nil {
				t.Error("the older keyset verifies a new code")
			}
		})
	}
}
