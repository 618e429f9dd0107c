package boot_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/online-cinema/billing/adapters/auth"
)

// privateFile and publicFile hold one key pair for all tests: making one is
// slow.
var privateFile, publicFile string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "boot-test-")
	if err == nil {
		privateFile, publicFile, err = auth.NewKeyPair(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}
