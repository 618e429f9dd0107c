package boot_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/auth"
	"github.com/online-cinema/billing/adapters/vault"
)

// privateFile and publicFile hold one key pair for all tests, because generating
// one is slow.
var privateFile, publicFile string

// keys has an encrypted keyset and its KEK, plaintextKeys a plaintext keyset.
var keys, plaintextKeys vault.Files

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "boot-test-")
	if err == nil {
		privateFile, publicFile, err = auth.NewKeyPair(dir)
	}
	keys = vault.Files{Keyset: filepath.Join(dir, "keyset.json"), KEK: filepath.Join(dir, "kek")}
	plaintextKeys = vault.Files{Keyset: filepath.Join(dir, "plaintext.json"), AllowPlaintext: true}
	if err = errors.Join(err, vault.Create(keys, time.Now()), vault.Create(plaintextKeys, time.Now())); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}
