package auth

import (
	"bytes"
	"context"
	"crypto/rsa"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// keyFileAge is how long a key is used before its file is looked at again.
const keyFileAge = 10 * time.Second

// fileKey is the one key of a PEM file. There is nothing to choose from, so a
// kid is not needed and, if there is one, not looked at.
//
// The file may be replaced while the key is used: tokens of the new key pass
// within seconds, and those of the old one no longer do. A file that cannot be
// used changes nothing.
type fileKey struct {
	path string
	log  *slog.Logger

	only atomic.Pointer[rsa.PublicKey]

	mu     sync.Mutex // of who looks at the file
	looked time.Time
	text   []byte // of the file that only is from
	told   string // the last thing that was wrong
}

func newFileKey(path string, log *slog.Logger) (*fileKey, error) {
	text, key, err := loadPublicKey(path)
	if err != nil {
		return nil, err
	}
	k := &fileKey{path: path, log: log, looked: time.Now(), text: text}
	k.only.Store(key)
	return k, nil
}

func (k *fileKey) key(ctx context.Context, _ string) (*rsa.PublicKey, error) {
	if k.mu.TryLock() { // one looks, and the others go on with the key there is
		if time.Since(k.looked) >= keyFileAge {
			k.looked = time.Now()
			k.look(ctx)
		}
		k.mu.Unlock()
	}
	return k.only.Load(), nil
}

func (k *fileKey) look(ctx context.Context) {
	text, err := os.ReadFile(k.path)
	if err == nil && bytes.Equal(text, k.text) {
		k.told = ""
		return
	}
	var key *rsa.PublicKey
	if err == nil {
		key, err = parsePublicKey(text)
	}
	if err != nil {
		if err.Error() != k.told {
			k.told = err.Error()
			k.log.ErrorContext(ctx, "the public key cannot be read again; the one from before is used",
				"file", k.path, "error", err)
		}
		return
	}
	k.only.Store(key)
	k.text, k.told = text, ""
	k.log.InfoContext(ctx, "a new public key is used", "file", k.path)
}

func (k *fileKey) ready() error { return nil }
