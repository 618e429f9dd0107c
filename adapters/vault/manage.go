package vault

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
)

// Create makes a keyset file, and the file of the key that encrypts it unless
// that is there. It overwrites nothing: [os.ErrExist]. Now is for
// [Vault.KeySince].
func Create(f Files, now time.Time) error {
	if f.KEK == "" && !f.AllowClear {
		return errors.New("a keyset in the clear is for BILLING_ENV=dev and test alone: name a file for the key that encrypts it")
	}
	if _, err := os.Stat(f.Keyset); err == nil {
		return fmt.Errorf("%s: %w; it is not overwritten", f.Keyset, os.ErrExist)
	}
	if err := createKEK(f.KEK); err != nil {
		return err
	}
	k, err := newKeys(now)
	if err != nil {
		return err
	}
	text, err := f.render(k)
	if err != nil {
		return err
	}
	return writeNew(f.Keyset, text)
}

func createKEK(path string) error {
	if path == "" {
		return nil
	}
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	key := make([]byte, kekSize)
	_, _ = rand.Read(key) // never fails
	return writeNew(path, append(base64.StdEncoding.AppendEncode(nil, key), '\n'))
}

// render writes keys as the file has them: encrypted if there is a key for that.
func (f Files) render(k keys) ([]byte, error) {
	if f.KEK == "" {
		return k.render(nil)
	}
	kek, err := readKEK(f.KEK)
	if err != nil {
		return nil, err
	}
	return k.render(kek)
}

// Key is what is known of a key that seals.
type Key struct {
	ID      uint32
	Primary bool // it is the one that seals
	Enabled bool // it opens
}

// Keys lists the keys that seal and open, oldest first.
func (f Files) Keys() ([]Key, error) {
	k, err := f.read()
	if err != nil {
		return nil, err
	}
	return k.list(), nil
}

func (k keys) list() []Key {
	info := k.seal.KeysetInfo()
	list := make([]Key, 0, len(info.GetKeyInfo()))
	for _, one := range info.GetKeyInfo() {
		list = append(list, Key{
			ID: one.GetKeyId(), Primary: one.GetKeyId() == info.GetPrimaryKeyId(),
			Enabled: one.GetStatus().String() == "ENABLED",
		})
	}
	return list
}

// Prepare adds a key that opens and does not seal yet, for keyset files that are
// copied from machine to machine: all must have the key before one seals with it.
func (f Files) Prepare() error {
	return f.change(func(m *keyset.Manager, _ []Key) error {
		_, err := m.Add(aead.AES256GCMKeyTemplate())
		return err
	})
}

// Rotate makes the key seal from now on that was prepared last, or a new one if
// none was.
func (f Files) Rotate(now time.Time) error {
	return f.rewrite(f, func(k keys) (keys, error) {
		k.since = now
		return k.change(func(m *keyset.Manager, list []Key) error {
			if newest := list[len(list)-1]; newest.Enabled && !newest.Primary {
				return m.SetPrimary(newest.ID)
			}
			id, err := m.Add(aead.AES256GCMKeyTemplate())
			if err != nil {
				return err
			}
			return m.SetPrimary(id)
		})
	})
}

// Disable keeps keys from opening anything. They stay in the file: what a backup
// has that they sealed is not lost. The one that seals cannot be disabled.
func (f Files) Disable(ids ...uint32) error {
	return f.change(func(m *keyset.Manager, _ []Key) error { return eachKey(ids, m.Disable) })
}

// Enable takes a [Files.Disable] back.
func (f Files) Enable(ids ...uint32) error {
	return f.change(func(m *keyset.Manager, _ []Key) error { return eachKey(ids, m.Enable) })
}

// EnableAll has every key in the file open again.
func (f Files) EnableAll() error {
	return f.change(func(m *keyset.Manager, list []Key) error {
		ids := make([]uint32, len(list))
		for i, k := range list {
			ids[i] = k.ID
		}
		return eachKey(ids, m.Enable)
	})
}

func eachKey(ids []uint32, f func(uint32) error) error {
	var errs []error
	for _, id := range ids {
		errs = append(errs, f(id))
	}
	return errors.Join(errs...)
}

// Rekey encrypts the keyset with the key in another file, which is made unless it
// is there. Programs that run go on with the keys that they have read, and are to
// be started with the other file.
func (f Files) Rekey(kek string) error {
	if err := createKEK(kek); err != nil {
		return err
	}
	return f.rewrite(Files{Keyset: f.Keyset, KEK: kek}, func(k keys) (keys, error) { return k, nil })
}

// change changes the keys that seal.
func (f Files) change(how func(*keyset.Manager, []Key) error) error {
	return f.rewrite(f, func(k keys) (keys, error) { return k.change(how) })
}

func (k keys) change(how func(*keyset.Manager, []Key) error) (keys, error) {
	m := keyset.NewManagerFromHandle(k.seal)
	err := how(m, k.list())
	if err == nil {
		k.seal, err = m.Handle()
	}
	if err != nil {
		err = fmt.Errorf("change the keys: %w", err)
	}
	return k, err
}

// rewrite reads the keys, and writes what how makes of them. Of several that
// change the file, one works and the others wait; who reads it sees the old one or
// the new one, whole.
func (f Files) rewrite(as Files, how func(keys) (keys, error)) error {
	unlock, err := lock(f.Keyset + ".lock")
	if err != nil {
		return err
	}
	defer unlock()
	k, err := f.read()
	if err != nil {
		return err
	}
	if k, err = how(k); err != nil {
		return err
	}
	text, err := as.render(k)
	if err != nil {
		return err
	}
	return replace(f.Keyset, text)
}

func lock(path string) (unlock func(), err error) {
	l, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the keyset: %w", err)
	}
	if err := syscall.Flock(int(l.Fd()), syscall.LOCK_EX); err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("lock the keyset: %w", err)
	}
	return func() { _ = l.Close() }, nil // which unlocks
}

func writeNew(path string, text []byte) error {
	out, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = out.Write(text)
	return errors.Join(err, out.Sync(), out.Close())
}

// replace puts a new file in the place of an old one at once, with its mode and,
// if that can be, its owner: a service that could read the old one reads the new.
func replace(path string, text []byte) error {
	old, err := os.Stat(path)
	if err != nil {
		return err
	}
	draft := path + ".new"
	if err := os.Remove(draft); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := writeNew(draft, text); err != nil {
		return err
	}
	if owner, ok := old.Sys().(*syscall.Stat_t); ok {
		_ = os.Chown(draft, int(owner.Uid), int(owner.Gid))
	}
	if err := errors.Join(os.Chmod(draft, old.Mode().Perm()), os.Rename(draft, path)); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
