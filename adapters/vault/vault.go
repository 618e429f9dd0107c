package vault

import (
	"encoding/binary"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/core/cryptofmt"
	"github.com/tink-crypto/tink-go/v2/prf"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Vault encrypts and decrypts with the keys of a file. It is safe for concurrent use.
type Vault struct {
	files Files
	log   *slog.Logger
	older *Vault // see ReadAlso; may be nil
	// plaintexts counts the accepted plaintext tokens, of this vault and its snapshots.
	plaintexts *atomic.Int64

	mu   sync.Mutex
	read fileVersion // of the file when it was read last
	primitives
}

var (
	_ ports.Vault         = (*Vault)(nil)
	_ ports.Authenticator = (*Vault)(nil)
)

// primitives are the Tink primitives made from the keys of a file.
type primitives struct {
	aead    tink.AEAD
	prf     *prf.Set
	primary uint32
	since   time.Time
	// enforced are the rules of [Files.Enforce].
	enforced []string
}

// fileVersion detects changes of a file. The inode distinguishes two changes within the
// time resolution of the file system, because each change creates a new file.
type fileVersion struct {
	modTime time.Time
	size    int64
	inode   uint64
}

// Open reads the keys and returns a Vault. The Vault reads the files again when the
// keyset file changes. If that fails, it keeps the previous keys and logs the error.
// A nil log discards.
func Open(f Files, log *slog.Logger) (*Vault, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	v := &Vault{files: f, log: log, plaintexts: new(atomic.Int64)}
	version, err := f.version()
	if err != nil {
		return nil, err
	}
	if v.primitives, err = f.load(); err != nil {
		return nil, err
	}
	v.read = version
	return v, nil
}

// InMemory returns a Vault with new keys that exist only in this process. Ciphertexts
// cannot be decrypted after the process ends.
func InMemory() (*Vault, error) {
	k, err := newKeys(time.Time{})
	if err != nil {
		return nil, err
	}
	p, err := k.primitives()
	return &Vault{primitives: p, log: slog.New(slog.DiscardHandler), plaintexts: new(atomic.Int64)}, err
}

// ReadAlso makes v decrypt and verify with the keys of older too, while rows move from
// that keyset to the one of v. It must be called before v is used.
func (v *Vault) ReadAlso(older *Vault) { v.older = older }

func (f Files) load() (p primitives, err error) {
	k, err := f.read()
	if err != nil {
		return p, err
	}
	if p, err = k.primitives(); err != nil {
		return p, fmt.Errorf("keyset %s: %w", f.Keyset, err)
	}
	return p, nil
}

func (k keys) primitives() (p primitives, err error) {
	if p.aead, err = aead.New(k.encryption); err != nil {
		return p, err
	}
	if p.prf, err = prf.NewPRFSet(k.fingerprint); err != nil {
		return p, err
	}
	p.since, p.enforced = k.since, k.enforced
	p.primary = k.encryption.KeysetInfo().GetPrimaryKeyId()
	return p, nil
}

// version returns the current version of the keyset file.
func (f Files) version() (fileVersion, error) {
	info, err := os.Stat(f.Keyset)
	if err != nil {
		return fileVersion{}, fmt.Errorf("keyset: %w", err)
	}
	version := fileVersion{modTime: info.ModTime(), size: info.Size()}
	if file, ok := info.Sys().(*syscall.Stat_t); ok {
		version.inode = file.Ino
	}
	return version, nil
}

// current returns the primitives of the current keyset file. It checks the file on each
// call, which takes a microsecond, so that a replaced key encrypts nothing more.
func (v *Vault) current() primitives {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.files.Keyset == "" {
		return v.primitives
	}
	version, err := v.files.version()
	if err == nil && version == v.read {
		return v.primitives
	}
	var changed primitives
	if err == nil {
		changed, err = v.files.load()
	}
	if err != nil {
		if version != v.read {
			v.log.Error("the keyset cannot be read; the previous keys stay in use", "error", err)
		}
		v.read = version
		return v.primitives
	}
	v.primitives, v.read = changed, version
	v.log.Info("the keyset was read again", "primary_key_id", changed.primary)
	return v.primitives
}

// Encrypt implements [ports.Vault].
func (v *Vault) Encrypt(at ports.Place, text []byte) (billing.Encrypted, error) {
	p := v.current()
	ciphertext, err := p.aead.Encrypt(text, associatedData(at))
	if err != nil {
		return billing.Encrypted{}, fmt.Errorf("encrypt %s of %s: %w", at.Purpose, at.Row, err)
	}
	return billing.Encrypted{Ciphertext: ciphertext, KeyID: p.primary}, nil
}

// Decrypt implements [ports.Vault].
func (v *Vault) Decrypt(at ports.Place, s billing.Encrypted) ([]byte, error) {
	id, ok := keyID(s.Ciphertext)
	if !ok || id != s.KeyID {
		return nil, fmt.Errorf("decrypt %s of %s: %w", at.Purpose, at.Row, ports.ErrNotDecrypted)
	}
	text, err := v.current().aead.Decrypt(s.Ciphertext, associatedData(at))
	if err != nil && v.older != nil {
		return v.older.Decrypt(at, s)
	}
	if err != nil {
		return nil, fmt.Errorf("decrypt %s of %s: %w", at.Purpose, at.Row, ports.ErrNotDecrypted)
	}
	return text, nil
}

// PrimaryKeyID implements [ports.Vault].
func (v *Vault) PrimaryKeyID() uint32 { return v.current().primary }

// Snapshot implements [ports.Vault].
func (v *Vault) Snapshot() ports.Vault { return v.snapshot() }

func (v *Vault) snapshot() *Vault {
	if v == nil {
		return nil
	}
	return &Vault{primitives: v.current(), older: v.older.snapshot(), log: v.log, plaintexts: v.plaintexts}
}

// KeySince returns when the primary key became primary. It returns the zero time for a
// keyset file that an earlier version created or rotated last.
func (v *Vault) KeySince() time.Time { return v.current().since }

// Check encrypts a constant text and decrypts it again.
func (v *Vault) Check() error {
	at := ports.Place{Purpose: "check"}
	s, err := v.Encrypt(at, []byte("check"))
	if err != nil {
		return err
	}
	_, err = v.Decrypt(at, s)
	return err
}

// keyID returns the id of the key that made a ciphertext, from its Tink prefix.
func keyID(ciphertext []byte) (uint32, bool) {
	if len(ciphertext) < cryptofmt.TinkPrefixSize || ciphertext[0] != cryptofmt.TinkStartByte {
		return 0, false
	}
	return binary.BigEndian.Uint32(ciphertext[1:cryptofmt.TinkPrefixSize]), true
}

// associatedDataVersion is the version of the format of the associated data.
const associatedDataVersion = "1"

// associatedData returns the associated data of a ciphertext, which binds it to its
// purpose, row and user.
func associatedData(at ports.Place) []byte {
	return lengthPrefixed([]byte(at.Purpose), []byte(associatedDataVersion), []byte(at.Row), []byte(at.User))
}

// lengthPrefixed joins parts so that different parts never give the same result.
func lengthPrefixed(parts ...[]byte) []byte {
	size := 0
	for _, p := range parts {
		size += 8 + len(p)
	}
	joined := make([]byte, 0, size) // allocated once, because growing would leave copies of the plaintext in memory
	for _, p := range parts {
		joined = binary.BigEndian.AppendUint64(joined, uint64(len(p)))
		joined = append(joined, p...)
	}
	return joined
}
