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

// keyFileInterval is the minimum time between two reads of the key file.
const keyFileInterval = 10 * time.Second

// fileKey serves the single key of a PEM file and ignores the kid of a token.
//
// The file may be replaced while the service runs. Within seconds tokens of the new
// key are accepted and tokens of the old key are refused. If the new file is
// unusable, the previous key stays in use.
type fileKey struct {
	path string
	log  *slog.Logger

	current atomic.Pointer[rsa.PublicKey]

	mu        sync.Mutex // held by the caller that reads the file
	readAt    time.Time
	goodAt    time.Time // when the file had a usable key last
	text      []byte    // content of the file that current was read from
	lastError string    // logged last; "" after a successful read
}

func newFileKey(path string, log *slog.Logger) (*fileKey, error) {
	text, key, err := loadPublicKey(path)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	k := &fileKey{path: path, log: log, readAt: now, goodAt: now, text: text}
	k.current.Store(key)
	return k, nil
}

func (k *fileKey) key(ctx context.Context, _ string) (*rsa.PublicKey, error) {
	if k.mu.TryLock() { // one caller reads the file, the others use the current key
		k.refresh(ctx)
		k.mu.Unlock()
	}
	return k.current.Load(), nil
}

func (k *fileKey) status(ctx context.Context) KeyStatus {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.refresh(ctx)
	s := KeyStatus{Age: time.Since(k.goodAt), Used: 1}
	if k.lastError != "" {
		s.Faulty = 1
	}
	return s
}

// refresh reads the file if it was not read within keyFileInterval. The caller holds
// mu.
func (k *fileKey) refresh(ctx context.Context) {
	if time.Since(k.readAt) >= keyFileInterval {
		k.readAt = time.Now()
		k.reload(ctx)
	}
}

// reload replaces the current key if the file has a new, usable key. It logs each
// error once.
func (k *fileKey) reload(ctx context.Context) {
	text, err := os.ReadFile(k.path)
	if err == nil && bytes.Equal(text, k.text) {
		k.lastError, k.goodAt = "", k.readAt
		return
	}
	var key *rsa.PublicKey
	if err == nil {
		key, err = parsePublicKey(text)
	}
	if err != nil {
		if err.Error() != k.lastError {
			k.lastError = err.Error()
			k.log.ErrorContext(ctx, "the public key file cannot be used; the previous key stays in use",
				"file", k.path, "error", err)
		}
		return
	}
	k.current.Store(key)
	k.text, k.lastError, k.goodAt = text, "", k.readAt
	k.log.InfoContext(ctx, "public key replaced", "file", k.path)
}

// successor implements [keySource]. There is none: key reads the file itself.
func (k *fileKey) successor(context.Context, string, *rsa.PublicKey) (*rsa.PublicKey, bool) {
	return nil, false
}

func (k *fileKey) ready() error { return nil }
