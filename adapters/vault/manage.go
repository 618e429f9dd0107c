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
	"github.com/tink-crypto/tink-go/v2/prf"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
)

// Create creates a keyset file, and the KEK file unless it exists. It returns
// [os.ErrExist] if the keyset file exists, and never overwrites it. [Vault.KeySince]
// counts from now.
func Create(f Files, now time.Time) error {
	if f.KEK == "" && !f.AllowPlaintext {
		return errors.New("a plaintext keyset is allowed only with BILLING_ENV=dev or test: give a file for the key that encrypts it")
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
	return createFile(f.Keyset, text)
}

// createKEK creates the file of a new key encryption key, unless it exists.
func createKEK(path string) error {
	if path == "" {
		return nil
	}
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	key := make([]byte, kekSize)
	_, _ = rand.Read(key) // never fails
	return createFile(path, append(base64.StdEncoding.AppendEncode(nil, key), '\n'))
}

// render returns the content of the keyset file, encrypted if f has a KEK.
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

// Key describes an encryption key.
type Key struct {
	ID      uint32
	Primary bool // encrypts
	Enabled bool // decrypts
}

// Keys lists the encryption keys, oldest first.
func (f Files) Keys() ([]Key, error) {
	k, err := f.read()
	if err != nil {
		return nil, err
	}
	return k.list(), nil
}

func (k keys) list() []Key { return list(k.encryption) }

// list lists the keys of a keyset, oldest first.
func list(h *keyset.Handle) []Key {
	info := h.KeysetInfo()
	keys := make([]Key, 0, len(info.GetKeyInfo()))
	for _, key := range info.GetKeyInfo() {
		keys = append(keys, Key{
			ID: key.GetKeyId(), Primary: key.GetKeyId() == info.GetPrimaryKeyId(),
			Enabled: key.GetStatus().String() == "ENABLED",
		})
	}
	return keys
}

// prepared returns the newest key if it waits to become primary.
func prepared(keys []Key) (newest Key, waits bool) {
	newest = keys[len(keys)-1]
	return newest, newest.Enabled && !newest.Primary
}

// Prepare adds a key that decrypts but does not encrypt yet. It is for keyset files that
// are copied to several machines: each machine must have the key before the first one
// encrypts with it.
func (f Files) Prepare() error {
	return f.update(f, func(k keys) (keys, error) {
		return f.each(k, func(m *keyset.Manager, t *tinkpb.KeyTemplate, _ []Key) error {
			_, err := m.Add(t)
			return err
		})
	})
}

// Rotate makes the newest key primary if [Files.Prepare] added it. Otherwise it adds a
// new key and makes that primary.
func (f Files) Rotate(now time.Time) error {
	return f.update(f, func(k keys) (keys, error) {
		k.since = now
		_, encryption := prepared(list(k.encryption))
		if _, digest := prepared(list(k.fingerprint)); encryption && !digest { // by a version that did not rotate digest keys
			f.RotateDigests = false
		}
		return f.each(k, func(m *keyset.Manager, t *tinkpb.KeyTemplate, list []Key) error {
			if newest, waits := prepared(list); waits {
				return m.SetPrimary(newest.ID)
			}
			id, err := m.Add(t)
			if err != nil {
				return err
			}
			return m.SetPrimary(id)
		})
	})
}

// each changes the encryption keys of k, and its digest keys if they are rotated.
func (f Files) each(k keys, fn func(*keyset.Manager, *tinkpb.KeyTemplate, []Key) error) (keys, error) {
	var err error
	k.encryption, err = edit(k.encryption, func(m *keyset.Manager, l []Key) error { return fn(m, aead.AES256GCMKeyTemplate(), l) })
	if err == nil && f.RotateDigests {
		k.fingerprint, err = edit(k.fingerprint, func(m *keyset.Manager, l []Key) error { return fn(m, prf.HMACSHA256PRFKeyTemplate(), l) })
	}
	return k, err
}

// DisableDigests disables every digest key except the primary one. No code or digest of
// theirs can be verified or found any more.
func (f Files) DisableDigests() error {
	return f.update(f, func(k keys) (_ keys, err error) {
		k.fingerprint, err = edit(k.fingerprint, func(m *keyset.Manager, l []Key) error {
			return eachKey(old(l), m.Disable)
		})
		return k, err
	})
}

// OldDigestKeys returns the ids of the enabled digest keys that are not primary, and
// when the primary key became primary.
func (f Files) OldDigestKeys() ([]uint32, time.Time, error) {
	k, err := f.read()
	if err != nil {
		return nil, time.Time{}, err
	}
	return old(list(k.fingerprint)), k.since, nil
}

// old returns the ids of the enabled keys that are not primary.
func old(keys []Key) (ids []uint32) {
	for _, k := range keys {
		if k.Enabled && !k.Primary {
			ids = append(ids, k.ID)
		}
	}
	return ids
}

// Disable stops keys from decrypting. They stay in the file, so that [Files.Enable] can
// recover the ciphertexts of a backup. It returns an error for the primary key.
func (f Files) Disable(ids ...uint32) error {
	return f.edit(func(m *keyset.Manager, _ []Key) error { return eachKey(ids, m.Disable) })
}

// Enable reverts [Files.Disable].
func (f Files) Enable(ids ...uint32) error {
	return f.edit(func(m *keyset.Manager, _ []Key) error { return eachKey(ids, m.Enable) })
}

// EnableAll enables every key of the file.
func (f Files) EnableAll() error {
	enable := func(m *keyset.Manager, list []Key) error {
		ids := make([]uint32, len(list))
		for i, k := range list {
			ids[i] = k.ID
		}
		return eachKey(ids, m.Enable)
	}
	return f.update(f, func(k keys) (_ keys, err error) {
		if k.encryption, err = edit(k.encryption, enable); err == nil {
			k.fingerprint, err = edit(k.fingerprint, enable)
		}
		return k, err
	})
}

func eachKey(ids []uint32, f func(uint32) error) error {
	var errs []error
	for _, id := range ids {
		errs = append(errs, f(id))
	}
	return errors.Join(errs...)
}

// Rekey encrypts the keyset with the key in file kek, which it creates unless the file
// exists. Running programs keep the keys that they have read. Restart them with the new
// KEK file.
func (f Files) Rekey(kek string) error {
	if err := createKEK(kek); err != nil {
		return err
	}
	return f.update(Files{Keyset: f.Keyset, KEK: kek}, func(k keys) (keys, error) { return k, nil })
}

// edit changes the encryption keys of the file.
func (f Files) edit(fn func(*keyset.Manager, []Key) error) error {
	return f.update(f, func(k keys) (_ keys, err error) {
		k.encryption, err = edit(k.encryption, fn)
		return k, err
	})
}

func edit(h *keyset.Handle, fn func(*keyset.Manager, []Key) error) (*keyset.Handle, error) {
	m := keyset.NewManagerFromHandle(h)
	err := fn(m, list(h))
	if err == nil {
		h, err = m.Handle()
	}
	if err != nil {
		err = fmt.Errorf("change the keys: %w", err)
	}
	return h, err
}

// update reads the keys from f, applies fn and writes the result to f.Keyset, encrypted
// with the KEK of target. Concurrent updates run one after the other. A reader sees
// either the old file or the new file, never a part of one.
func (f Files) update(target Files, fn func(keys) (keys, error)) error {
	unlock, err := lock(f.Keyset + ".lock")
	if err != nil {
		return err
	}
	defer unlock()
	k, err := f.read()
	if err != nil {
		return err
	}
	if k, err = fn(k); err != nil {
		return err
	}
	text, err := target.render(k)
	if err != nil {
		return err
	}
	return replaceFile(f.Keyset, text)
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
	return func() { _ = l.Close() }, nil // closing the file releases the lock
}

// createFile creates a file with mode 0600. It returns [os.ErrExist] if the file exists.
func createFile(path string, text []byte) error {
	out, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = out.Write(text)
	return errors.Join(err, out.Sync(), out.Close())
}

// replaceFile replaces a file atomically. The new file has the mode of the old one and,
// if permitted, its owner, so that the services can still read it.
func replaceFile(path string, text []byte) error {
	old, err := os.Stat(path)
	if err != nil {
		return err
	}
	draft := path + ".new"
	if err := os.Remove(draft); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := createFile(draft, text); err != nil {
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
