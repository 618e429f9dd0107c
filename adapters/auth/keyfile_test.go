package auth_test

import (
	"crypto/rsa"
	"encoding/pem"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/online-cinema/billing/adapters/auth"
)

// keyFileTest runs a test in a bubble, where time passes only when everybody
// waits, with a Verifier whose key is in a file.
func keyFileTest(t *testing.T, test func(t *testing.T, v *auth.Verifier, file string, log *logs)) {
	t.Helper()
	t.Parallel()
	issuerKey() // made outside: another test may be making it
	nextKey()
	weakKey()
	synctest.Test(t, func(t *testing.T) {
		var log logs
		cfg := config(t)
		cfg.Log = log.logger()
		test(t, newVerifier(t, cfg), cfg.PublicKeyFile, &log)
	})
}

func put(t *testing.T, file string, blocks ...*pem.Block) {
	t.Helper()
	var text []byte
	for _, b := range blocks {
		text = append(text, pem.EncodeToMemory(b)...)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// whose expects that tokens of this key pass, and of no other.
func whose(t *testing.T, v *auth.Verifier, step string, want *rsa.PrivateKey) {
	t.Helper()
	for _, key := range []*rsa.PrivateKey{issuerKey(), nextKey(), weakKey()} {
		_, err := v.Verify(t.Context(), mintWith(key, b64(header()), b64(claims())))
		if (err == nil) != (key == want) {
			t.Errorf("%s: a token of the key of %d bits passes: %t", step, key.N.BitLen(), err == nil)
		}
	}
	if err := v.Ready(); err != nil {
		t.Errorf("%s: %v", step, err)
	}
}

func TestAKeyFileIsReplaced(t *testing.T) {
	keyFileTest(t, func(t *testing.T, v *auth.Verifier, file string, _ *logs) {
		whose(t, v, "at the start", issuerKey())
		put(t, file, pkix(nextKey().Public()))
		time.Sleep(10*time.Second - 1)
		whose(t, v, "before the file is looked at again", issuerKey())
		time.Sleep(time.Nanosecond)
		whose(t, v, "after that", nextKey())
		put(t, file, pkix(issuerKey().Public()))
		time.Sleep(time.Hour) // in which nobody asks
		whose(t, v, "changed back", issuerKey())
	})
}

func TestAKeyFileThatCannotBeUsedChangesNothing(t *testing.T) {
	keyFileTest(t, func(t *testing.T, v *auth.Verifier, file string, log *logs) {
		warned := func(step string, want int) {
			t.Helper()
			if got := strings.Count(log.text(), `"ERROR"`); got != want {
				t.Errorf("%s: logged %d times, want %d:\n%s", step, got, want, log.text())
			}
		}
		for i, bad := range []struct {
			name   string
			blocks []*pem.Block
		}{
			{"empty", nil},
			{"weak", []*pem.Block{pkix(weakKey().Public())}},
			{"a private key", []*pem.Block{pkcs8(nextKey())}},
			{"two keys", []*pem.Block{pkix(issuerKey().Public()), pkix(nextKey().Public())}},
		} {
			put(t, file, bad.blocks...)
			for range 3 {
				time.Sleep(10 * time.Second)
				whose(t, v, bad.name, issuerKey())
			}
			warned(bad.name, i+1)
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		whose(t, v, "gone", issuerKey())
		warned("gone", 5)
		put(t, file, pkix(nextKey().Public()))
		time.Sleep(10 * time.Second)
		whose(t, v, "there again", nextKey())
		if strings.Contains(log.text(), "BEGIN") {
			t.Error("the log quotes the file")
		}
	})
}

func TestAKeyFileIsReplacedUnderLoad(t *testing.T) {
	keyFileTest(t, func(t *testing.T, v *auth.Verifier, file string, _ *logs) {
		put(t, file, pkix(nextKey().Public()))
		time.Sleep(10 * time.Second)
		old, fresh := mint(header(), claims()), mintWith(nextKey(), b64(header()), b64(claims()))
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				_, first := v.Verify(t.Context(), old)
				_, second := v.Verify(t.Context(), fresh)
				if first != nil && second != nil {
					t.Error("neither key passes while one takes the place of the other")
				}
			})
		}
		all.Wait()
		whose(t, v, "after that", nextKey())
	})
}
