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

// privateFile and publicFile hold one key pair for all tests: making one is
// slow.
var privateFile, publicFile string

// keys are a keyset and the key that encrypts it, clearKeys a keyset alone.
var keys, clearKeys vault.Files

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "boot-test-")
	if err == nil {
		privateFile, publicFile, err = auth.NewKeyPair(dir)
	}
	keys = vault.Files{Keyset: filepath.Join(dir, "keyset.json"), KEK: filepath.Join(dir, "kek")}
	clearKeys = vault.Files{Keyset: filepath.Join(dir, "clear.json"), AllowClear: true}
	if err = errors.Join(err, vault.Create(keys, time.Now()), vault.Create(clearKeys, time.Now())); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}
