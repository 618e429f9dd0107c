package vault

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

func create(t *testing.T) Files {
	t.Helper()
	dir := t.TempDir()
	f := Files{Keyset: filepath.Join(dir, "keyset.json"), KEK: filepath.Join(dir, "kek")}
	if err := Create(f, time.Now()); err != nil {
		t.Fatal(err)
	}
	return f
}

func open(t *testing.T, f Files) *Vault {
	t.Helper()
	v, err := Open(f, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func opens(t *testing.T, v *Vault, s billing.Encrypted) {
	t.Helper()
	if text, err := v.Open(here, s); err != nil || string(text) != number {
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
	f := create(t)
	for _, path := range []string{f.Keyset, f.KEK} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v; want 0600", path, info.Mode(), err)
		}
	}
	opens(t, open(t, f), seal(t, open(t, f)))
	before, _ := os.ReadFile(f.Keyset)
	if err := Create(f, time.Now()); !errors.Is(err, os.ErrExist) {
		t.Errorf("again: %v, want that it exists", err)
	}
	if after, _ := os.ReadFile(f.Keyset); !bytes.Equal(before, after) {
		t.Error("the keyset was overwritten")
	}
}

func TestKeysetInTheClear(t *testing.T) {
	t.Parallel()
	f := Files{Keyset: filepath.Join(t.TempDir(), "keyset.json")}
	if err := Create(f, time.Now()); err == nil {
		t.Error("it was made although it may not be used")
	}
	f.AllowClear = true
	must(t, Create(f, time.Now()))
	opens(t, open(t, f), seal(t, open(t, f)))
	f.AllowClear = false
	if _, err := Open(f, nil); err == nil || !strings.Contains(err.Error(), "in the clear") {
		t.Errorf("where it may not be used: %v", err)
	}
	f.KEK = filepath.Join(t.TempDir(), "kek")
	must(t, createKEK(f.KEK))
	if _, err := Open(f, nil); err == nil || !strings.Contains(err.Error(), "in the clear") {
		t.Errorf("where it may not be used, with a key: %v", err)
	}
}

func TestDamagedFilesAreRefused(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(t *testing.T, f *Files){
		"no keyset": func(t *testing.T, f *Files) { must(t, os.Remove(f.Keyset)) },
		"no key":    func(t *testing.T, f *Files) { must(t, os.Remove(f.KEK)) },
		"key not named": func(_ *testing.T, f *Files) {
			f.KEK = ""
		},
		"another key": func(t *testing.T, f *Files) { f.KEK = create(t).KEK },
		"short key": func(t *testing.T, f *Files) {
			must(t, os.WriteFile(f.KEK, []byte("c2hvcnQ=\n"), 0o600))
		},
		"not JSON":    func(t *testing.T, f *Files) { must(t, os.WriteFile(f.Keyset, []byte("keys"), 0o600)) },
		"empty":       func(t *testing.T, f *Files) { must(t, os.WriteFile(f.Keyset, nil, 0o600)) },
		"new version": replacing(`"version": 1`, `"version": 2`),
		"clear flag":  replacing(`"version": 1`, `"version": 1, "clear": true`),
		"swapped":     replacing(`"seal"`, `"x"`, `"fingerprint"`, `"seal"`, `"x"`, `"fingerprint"`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := create(t)
			spoil(t, &f)
			v, err := Open(f, nil)
			if err == nil || v != nil {
				t.Fatalf("Open = %v, %v; want an error", v, err)
			}
			t.Log(err)
		})
	}
}

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

// A keyset that is cut off anywhere is refused; what is behind its last brace
// does not matter.
func TestEveryTruncatedKeysetIsRefused(t *testing.T) {
	t.Parallel()
	f := create(t)
	text, err := os.ReadFile(f.Keyset)
	must(t, err)
	for n := range bytes.TrimSpace(text) {
		if _, err := f.parse(text[:n]); err == nil {
			t.Errorf("cut off after %d of %d bytes, it is read", n, len(text))
		}
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	f := create(t)
	running := open(t, f) // all the time, as a service does
	old := seal(t, running)
	must(t, f.Rotate(time.Now()))
	fresh := seal(t, running)
	if fresh.KeyID == old.KeyID {
		t.Fatal("it is sealed with the old key still")
	}
	opens(t, running, old)
	opens(t, running, fresh)
	must(t, f.Disable(old.KeyID))
	refused(t, running, here, old)
	opens(t, running, fresh)
	must(t, f.Enable(old.KeyID))
	opens(t, running, old)
	if err := f.Disable(fresh.KeyID); err == nil {
		t.Error("the key that seals can be disabled")
	}
	want := []Key{{old.KeyID, false, true}, {fresh.KeyID, true, true}}
	if got, err := f.Keys(); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("Keys = %v, %v; want %v", got, err, want)
	}
}

func TestSnapshot(t *testing.T) {
	t.Parallel()
	f := create(t)
	running := open(t, f)
	old := seal(t, running)
	must(t, f.Rotate(time.Now()))
	batch := running.Snapshot().(*Vault)
	opens(t, batch, old)
	must(t, f.Disable(old.KeyID))
	opens(t, batch, old) // with the keys that it began with
	refused(t, running, here, old)
	refused(t, running.Snapshot().(*Vault), here, old)
}

// With a copy of the file on each machine, all have the key before one uses it.
func TestRotationInTwoSteps(t *testing.T) {
	t.Parallel()
	f := create(t)
	first := seal(t, open(t, f))
	must(t, f.Prepare())
	elsewhere := open(t, f)
	elsewhere.files.Keyset = "" // has its copy, and gets no other
	if s := seal(t, elsewhere); s.KeyID != first.KeyID {
		t.Error("a key that was only prepared seals")
	}
	must(t, f.Rotate(time.Now()))
	s := seal(t, open(t, f))
	if s.KeyID == first.KeyID {
		t.Error("the key that was prepared does not seal")
	}
	opens(t, elsewhere, s)
	if keys, err := f.Keys(); err != nil || len(keys) != 2 {
		t.Errorf("%d keys, %v, want the two", len(keys), err)
	}
}

func TestFingerprintsOutliveRotation(t *testing.T) {
	t.Parallel()
	f := create(t)
	v := open(t, f)
	before, err := v.Fingerprint("pan", "u", []byte(number))
	must(t, err)
	must(t, f.Rotate(time.Now()))
	if after, err := v.Fingerprint("pan", "u", []byte(number)); err != nil || after != before {
		t.Errorf("another fingerprint after the rotation, %v", err)
	}
}

func TestRotationsAtOnce(t *testing.T) {
	t.Parallel()
	f := create(t)
	v := open(t, f)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := f.Rotate(time.Now()); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			for range 50 {
				s, err := v.Seal(here, []byte(number))
				if err != nil {
					t.Error(err)
					return
				}
				opens(t, v, s)
			}
		})
	}
	wg.Wait()
	if keys, err := f.Keys(); err != nil || len(keys) != 9 {
		t.Errorf("%d keys, %v, want the first and the 8 that were added", len(keys), err)
	}
}

// A file that becomes unreadable while a service runs takes nothing from it.
func TestTheKeysSurviveTheirFile(t *testing.T) {
	t.Parallel()
	f := create(t)
	var logged bytes.Buffer
	v, err := Open(f, slog.New(slog.NewTextHandler(&logged, nil)))
	must(t, err)
	s := seal(t, v)
	must(t, os.WriteFile(f.Keyset, []byte("oops"), 0o600))
	for range 3 {
		opens(t, v, s)
		opens(t, v, seal(t, v))
	}
	must(t, os.Remove(f.Keyset))
	opens(t, v, s)
	if n := strings.Count(logged.String(), "cannot be read"); n != 2 {
		t.Errorf("it was logged %d times, want once for each fault:\n%s", n, &logged)
	}
}

// A key's age counts from when it began to seal, whatever else is done to the file.
func TestKeySince(t *testing.T) {
	t.Parallel()
	made, rotated := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	dir := t.TempDir()
	f := Files{Keyset: filepath.Join(dir, "keyset.json"), KEK: filepath.Join(dir, "kek")}
	must(t, Create(f, made))
	v := open(t, f)
	expect := func(want time.Time) {
		t.Helper()
		if got := v.KeySince(); !got.Equal(want) {
			t.Errorf("the key seals since %v, want %v", got, want)
		}
	}
	expect(made)
	must(t, f.Prepare())
	expect(made)
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
