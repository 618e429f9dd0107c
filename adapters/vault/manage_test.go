package vault

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

func createFiles(t *testing.T) Files {
	t.Helper()
	dir := t.TempDir()
	f := Files{Keyset: filepath.Join(dir, "keyset.json"), KEK: filepath.Join(dir, "kek")}
	if err := Create(f, time.Now()); err != nil {
		t.Fatal(err)
	}
	return f
}

func openVault(t *testing.T, f Files) *Vault {
	t.Helper()
	v, err := Open(f, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func wantDecrypts(t *testing.T, v *Vault, s billing.Encrypted) {
	t.Helper()
	if text, err := v.Decrypt(place, s); err != nil || string(text) != number {
		t.Errorf("Open = %q, %v", text, err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestCreate(t *testing.T) {
	t.Parallel()
	f := createFiles(t)
	for _, path := range []string{f.Keyset, f.KEK} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v; want 0600", path, info.Mode(), err)
		}
	}
	wantDecrypts(t, openVault(t, f), encrypt(t, openVault(t, f)))
	before, _ := os.ReadFile(f.Keyset)
	if err := Create(f, time.Now()); !errors.Is(err, os.ErrExist) {
		t.Errorf("second Create = %v, want %v", err, os.ErrExist)
	}
	if after, _ := os.ReadFile(f.Keyset); !bytes.Equal(before, after) {
		t.Error("the keyset was overwritten")
	}
}

func TestCreate_PlaintextKeyset(t *testing.T) {
	t.Parallel()
	f := Files{Keyset: filepath.Join(t.TempDir(), "keyset.json")}
	if err := Create(f, time.Now()); err == nil {
		t.Error("Create made a plaintext keyset without AllowPlaintext")
	}
	f.AllowPlaintext = true
	must(t, Create(f, time.Now()))
	wantDecrypts(t, openVault(t, f), encrypt(t, openVault(t, f)))
	f.AllowPlaintext = false
	if _, err := Open(f, nil); err == nil || !strings.Contains(err.Error(), "keys are plaintext") {
		t.Errorf("Open without AllowPlaintext = %v, want an error about the plaintext keys", err)
	}
	f.KEK = filepath.Join(t.TempDir(), "kek")
	must(t, createKEK(f.KEK))
	if _, err := Open(f, nil); err == nil || !strings.Contains(err.Error(), "keys are plaintext") {
		t.Errorf("Open without AllowPlaintext, with a KEK = %v, want an error about the plaintext keys", err)
	}
}

func TestOpen_RefusesDamagedFiles(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(t *testing.T, f *Files){
		"no keyset": func(t *testing.T, f *Files) { must(t, os.Remove(f.Keyset)) },
		"no KEK":    func(t *testing.T, f *Files) { must(t, os.Remove(f.KEK)) },
		"KEK not given": func(_ *testing.T, f *Files) {
			f.KEK = ""
		},
		"another KEK": func(t *testing.T, f *Files) { f.KEK = createFiles(t).KEK },
		"short KEK": func(t *testing.T, f *Files) {
			must(t, os.WriteFile(f.KEK, []byte("c2hvcnQ=\n"), 0o600))
		},
		"not JSON":        func(t *testing.T, f *Files) { must(t, os.WriteFile(f.Keyset, []byte("keys"), 0o600)) },
		"empty":           func(t *testing.T, f *Files) { must(t, os.WriteFile(f.Keyset, nil, 0o600)) },
		"newer version":   replacing(`"version": 1`, `"version": 2`),
		"plaintext flag":  replacing(`"version": 1`, `"version": 1, "clear": true`),
		"keysets swapped": replacing(`"seal"`, `"x"`, `"fingerprint"`, `"seal"`, `"x"`, `"fingerprint"`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := createFiles(t)
			damage(t, &f)
			v, err := Open(f, nil)
			if err == nil || v != nil {
				t.Fatalf("Open = %v, %v; want an error", v, err)
			}
			t.Log(err)
		})
	}
}

// replacing returns a function that replaces strings in the keyset file, given as pairs
// of old and new.
func replacing(pairs ...string) func(*testing.T, *Files) {
	return func(t *testing.T, f *Files) {
		text, err := os.ReadFile(f.Keyset)
		must(t, err)
		for i := 0; i < len(pairs); i += 2 {
			text = bytes.Replace(text, []byte(pairs[i]), []byte(pairs[i+1]), 1)
		}
		must(t, os.WriteFile(f.Keyset, text, 0o600))
	}
}

// A keyset file truncated before its last brace is refused.
func TestOpen_RefusesTruncatedKeysets(t *testing.T) {
	t.Parallel()
	f := createFiles(t)
	text, err := os.ReadFile(f.Keyset)
	must(t, err)
	for n := range bytes.TrimSpace(text) {
		if _, err := f.parse(text[:n]); err == nil {
			t.Errorf("a file truncated to %d of %d bytes is accepted", n, len(text))
		}
	}
}

func TestRotate_RunningVaultFollows(t *testing.T) {
	t.Parallel()
	f := createFiles(t)
	running := openVault(t, f) // stays open during the rotation
	old := encrypt(t, running)
	must(t, f.Rotate(time.Now()))
	fresh := encrypt(t, running)
	if fresh.KeyID == old.KeyID {
		t.Fatal("the old key still encrypts after the rotation")
	}
	wantDecrypts(t, running, old)
	wantDecrypts(t, running, fresh)
	must(t, f.Disable(old.KeyID))
	wantRefused(t, running, place, old)
	wantDecrypts(t, running, fresh)
	must(t, f.Enable(old.KeyID))
	wantDecrypts(t, running, old)
	if err := f.Disable(fresh.KeyID); err == nil {
		t.Error("Disable accepts the primary key")
	}
	want := []Key{{old.KeyID, false, true}, {fresh.KeyID, true, true}}
	if got, err := f.Keys(); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("Keys = %v, %v; want %v", got, err, want)
	}
}

func TestSnapshot_KeepsItsKeys(t *testing.T) {
	t.Parallel()
	f := createFiles(t)
	running := openVault(t, f)
	old := encrypt(t, running)
	must(t, f.Rotate(time.Now()))
	batch := running.Snapshot().(*Vault)
	wantDecrypts(t, batch, old)
	must(t, f.Disable(old.KeyID))
	wantDecrypts(t, batch, old) // with the keys at the time of the snapshot
	wantRefused(t, running, place, old)
	wantRefused(t, running.Snapshot().(*Vault), place, old)
}

// Machines with copies of the keyset file must all have a new key before one of them
// encrypts with it.
func TestPrepare_KeyDecryptsBeforeItEncrypts(t *testing.T) {
	t.Parallel()
	f := createFiles(t)
	first := encrypt(t, openVault(t, f))
	must(t, f.Prepare())
	elsewhere := openVault(t, f)
	elsewhere.files.Keyset = "" // has a copy of the file that is never updated
	if s := encrypt(t, elsewhere); s.KeyID != first.KeyID {
		t.Error("a prepared key encrypts")
	}
	must(t, f.Rotate(time.Now()))
	s := encrypt(t, openVault(t, f))
	if s.KeyID == first.KeyID {
		t.Error("the prepared key does not encrypt after Rotate")
	}
	wantDecrypts(t, elsewhere, s)
	if keys, err := f.Keys(); err != nil || len(keys) != 2 {
		t.Errorf("Keys = %d keys, %v; want 2", len(keys), err)
	}
}

func TestRotate_KeepsFingerprints(t *testing.T) {
	t.Parallel()
	f := createFiles(t)
	v := openVault(t, f)
	before, err := v.Fingerprints("pan", "u", []byte(number))
	must(t, err)
	must(t, f.Rotate(time.Now()))
	if after, err := v.Fingerprints("pan", "u", []byte(number)); err != nil || !slices.Equal(after, before) {
		t.Errorf("the fingerprint changed with the rotation; error %v", err)
	}
}

func TestRotate_Concurrent(t *testing.T) {
	t.Parallel()
	f := createFiles(t)
	v := openVault(t, f)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := f.Rotate(time.Now()); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			for range 50 {
				s, err := v.Encrypt(place, []byte(number))
				if err != nil {
					t.Error(err)
					return
				}
				wantDecrypts(t, v, s)
			}
		})
	}
	wg.Wait()
	if keys, err := f.Keys(); err != nil || len(keys) != 9 {
		t.Errorf("Keys = %d keys, %v; want the first one and 8 added ones", len(keys), err)
	}
}

// A running Vault keeps its keys when the keyset file becomes unreadable.
func TestVault_UnreadableFileKeepsKeys(t *testing.T) {
	t.Parallel()
	f := createFiles(t)
	var logged bytes.Buffer
	v, err := Open(f, slog.New(slog.NewTextHandler(&logged, nil)))
	must(t, err)
	s := encrypt(t, v)
	must(t, os.WriteFile(f.Keyset, []byte("oops"), 0o600))
	for range 3 {
		wantDecrypts(t, v, s)
		wantDecrypts(t, v, encrypt(t, v))
	}
	must(t, os.Remove(f.Keyset))
	wantDecrypts(t, v, s)
	if n := strings.Count(logged.String(), "cannot be read"); n != 2 {
		t.Errorf("the fault was logged %d times, want once for each of 2 faults:\n%s", n, &logged)
	}
}

// The age of a key counts from the rotation that made it primary. Other changes of the
// file do not affect it.
func TestKeySince_CountsFromRotation(t *testing.T) {
	t.Parallel()
	created, rotated := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	dir := t.TempDir()
	f := Files{Keyset: filepath.Join(dir, "keyset.json"), KEK: filepath.Join(dir, "kek")}
	must(t, Create(f, created))
	v := openVault(t, f)
	expect := func(want time.Time) {
		t.Helper()
		if got := v.KeySince(); !got.Equal(want) {
			t.Errorf("KeySince = %v, want %v", got, want)
		}
	}
	expect(created)
	must(t, f.Prepare())
	expect(created)
	must(t, f.Rotate(rotated))
	expect(rotated)
	must(t, f.EnableAll())
	must(t, f.Rekey(f.KEK))
	expect(rotated)

	text, err := os.ReadFile(f.Keyset)
	must(t, err)
	must(t, os.WriteFile(f.Keyset, bytes.Replace(text, []byte(`"since"`), []byte(`"earlier_version"`), 1), 0o600))
	expect(time.Time{})
}

func TestOpen_RefusesKEKThatOthersCanUse(t *testing.T) {
	t.Parallel()
	tests := map[os.FileMode]bool{
		0o400: true, 0o600: true, 0o440: true, 0o640: true,
		0o644: false, 0o604: false, 0o602: false, 0o660: false, 0o666: false,
	}
	for mode, allowed := range tests {
		t.Run(fmt.Sprintf("%04o", mode), func(t *testing.T) {
			t.Parallel()
			f := createFiles(t)
			must(t, os.Chmod(f.KEK, mode))
			_, err := Open(f, nil)
			if allowed != (err == nil) {
				t.Fatalf("Open = %v, want success: %t", err, allowed)
			}
			if want := fmt.Sprintf("(its mode is %04o): chmod 600 %s", mode, f.KEK); err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("the error is %q, want %q in it", err, want)
			}
		})
	}
}
