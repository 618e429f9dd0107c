package vault

import (
	"encoding/binary"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/core/cryptofmt"
	"github.com/tink-crypto/tink-go/v2/prf"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

// Vault seals and opens with the keys of a file. Any number of goroutines may
// use it.
type Vault struct {
	files Files
	log   *slog.Logger

	mu   sync.Mutex
	seen stamp // of the file as it was read last
	opened
}

var _ app.Vault = (*Vault)(nil)

// opened is what can be done with the keys of a file.
type opened struct {
	aead    tink.AEAD
	prf     *prf.Set
	primary uint32
	since   time.Time
}

// stamp tells whether a file has changed. Of two changes within the few
// milliseconds that a file system calls one moment, the file's number tells: each
// is a new file.
type stamp struct {
	at     time.Time
	size   int64
	number uint64
}

// Open reads the keys. They are read again whenever their file changes; if that
// fails, the keys that there were go on being used, and log is told; nil is for
// nobody.
func Open(f Files, log *slog.Logger) (*Vault, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	v := &Vault{files: f, log: log}
	s, err := f.stamp()
	if err != nil {
		return nil, err
	}
	if v.opened, err = f.open(); err != nil {
		return nil, err
	}
	v.seen = s
	return v, nil
}

// InMemory makes keys that are nowhere but in this process: what they seal is
// lost with it.
func InMemory() (*Vault, error) {
	k, err := newKeys(time.Time{})
	if err != nil {
		return nil, err
	}
	o, err := k.open()
	return &Vault{opened: o}, err
}

func (f Files) open() (o opened, err error) {
	k, err := f.read()
	if err != nil {
		return o, err
	}
	if o, err = k.open(); err != nil {
		return o, fmt.Errorf("keyset %s: %w", f.Keyset, err)
	}
	return o, nil
}

func (k keys) open() (o opened, err error) {
	if o.aead, err = aead.New(k.seal); err != nil {
		return o, err
	}
	if o.prf, err = prf.NewPRFSet(k.fingerprint); err != nil {
		return o, err
	}
	o.since = k.since
	o.primary = k.seal.KeysetInfo().GetPrimaryKeyId()
	return o, nil
}

func (f Files) stamp() (stamp, error) {
	info, err := os.Stat(f.Keyset)
	if err != nil {
		return stamp{}, fmt.Errorf("keyset: %w", err)
	}
	s := stamp{at: info.ModTime(), size: info.Size()}
	if file, ok := info.Sys().(*syscall.Stat_t); ok {
		s.number = file.Ino
	}
	return s, nil
}

// keys returns the keys as they are now. It looks at the file each time, which
// takes a microsecond: nothing is sealed any more with a key that was replaced.
func (v *Vault) keys() opened {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.files.Keyset == "" {
		return v.opened
	}
	s, err := v.files.stamp()
	if err == nil && s == v.seen {
		return v.opened
	}
	var fresh opened
	if err == nil {
		fresh, err = v.files.open()
	}
	if err != nil {
		if s != v.seen {
			v.log.Error("the keyset cannot be read; the keys that were read before are used", "error", err)
		}
		v.seen = s
		return v.opened
	}
	v.opened, v.seen = fresh, s
	v.log.Info("the keyset was read again", "primary_key_id", fresh.primary)
	return v.opened
}

// Seal implements [app.Vault].
func (v *Vault) Seal(at app.Place, text []byte) (billing.Encrypted, error) {
	k := v.keys()
	sealed, err := k.aead.Encrypt(text, bound(at))
	if err != nil {
		return billing.Encrypted{}, fmt.Errorf("seal %s of %s: %w", at.Purpose, at.Row, err)
	}
	return billing.Encrypted{Ciphertext: sealed, KeyID: k.primary}, nil
}

// Open implements [app.Vault].
func (v *Vault) Open(at app.Place, s billing.Encrypted) ([]byte, error) {
	id, ok := keyID(s.Ciphertext)
	if !ok || id != s.KeyID {
		return nil, fmt.Errorf("open %s of %s: %w", at.Purpose, at.Row, app.ErrSealBroken)
	}
	text, err := v.keys().aead.Decrypt(s.Ciphertext, bound(at))
	if err != nil {
		return nil, fmt.Errorf("open %s of %s: %w", at.Purpose, at.Row, app.ErrSealBroken)
	}
	return text, nil
}

// Fingerprint implements [app.Vault].
func (v *Vault) Fingerprint(p app.Purpose, user billing.UserID, text []byte) (f billing.Fingerprint, err error) {
	input := lengthPrefixed([]byte(p), []byte(user), text)
	defer clear(input)
	sum, err := v.keys().prf.ComputePrimaryPRF(input, uint32(len(f)))
	if err != nil {
		return f, fmt.Errorf("fingerprint of a %s: %w", p, err)
	}
	return billing.Fingerprint(sum), nil
}

// Current implements [app.Vault].
func (v *Vault) Current() uint32 { return v.keys().primary }

// Snapshot implements [app.Vault].
func (v *Vault) Snapshot() app.Vault { return &Vault{opened: v.keys()} }

// KeySince returns when the key that seals began to; the zero time when its file
// does not tell, which was made or rotated last by an earlier version.
func (v *Vault) KeySince() time.Time { return v.keys().since }

// Check seals something and opens it again.
func (v *Vault) Check() error {
	at := app.Place{Purpose: "check"}
	s, err := v.Seal(at, []byte("check"))
	if err != nil {
		return err
	}
	_, err = v.Open(at, s)
	return err
}

// keyID reads which key a ciphertext was made with.
func keyID(ciphertext []byte) (uint32, bool) {
	if len(ciphertext) < cryptofmt.TinkPrefixSize || ciphertext[0] != cryptofmt.TinkStartByte {
		return 0, false
	}
	return binary.BigEndian.Uint32(ciphertext[1:cryptofmt.TinkPrefixSize]), true
}

// schema is the version of what a ciphertext is bound to.
const schema = "1"

// bound is what a ciphertext is bound to.
func bound(at app.Place) []byte {
	return lengthPrefixed([]byte(at.Purpose), []byte(schema), []byte(at.Row), []byte(at.User))
}

// lengthPrefixed puts parts together so that no others run together to the same.
func lengthPrefixed(parts ...[]byte) []byte {
	size := 0
	for _, p := range parts {
		size += 8 + len(p)
	}
	joined := make([]byte, 0, size) // at once: what is grown leaves copies behind
	for _, p := range parts {
		joined = binary.BigEndian.AppendUint64(joined, uint64(len(p)))
		joined = append(joined, p...)
	}
	return joined
}
