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

// keyFileTest runs a test with a Verifier whose key is in a file. It uses a synctest
// bubble, so that sleeping takes no real time.
func keyFileTest(t *testing.T, test func(t *testing.T, v *auth.Verifier, file string, log *logs)) {
	t.Helper()
	t.Parallel()
	issuerKey() // generated outside the bubble: another test may be waiting for it
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

// wantOnlyKey checks that v accepts tokens of key want and of no other key.
func wantOnlyKey(t *testing.T, v *auth.Verifier, step string, want *rsa.PrivateKey) {
	t.Helper()
	for _, key := range []*rsa.PrivateKey{issuerKey(), nextKey(), weakKey()} {
		_, err := v.Verify(t.Context(), mintWith(key, b64(header()), b64(claims())))
		if (err == nil) != (key == want) {
			t.Errorf("%s: a token of the %d-bit key is accepted: %t", step, key.N.BitLen(), err == nil)
		}
	}
	if err := v.Ready(); err != nil {
		t.Errorf("%s: %v", step, err)
	}
}

func TestKeyFile_Replaced(t *testing.T) {
	keyFileTest(t, func(t *testing.T, v *auth.Verifier, file string, _ *logs) {
		wantOnlyKey(t, v, "at the start", issuerKey())
		put(t, file, pkix(nextKey().Public()))
		time.Sleep(10*time.Second - 1)
		wantOnlyKey(t, v, "before the file is read again", issuerKey())
		time.Sleep(time.Nanosecond)
		wantOnlyKey(t, v, "after the file is read again", nextKey())
		put(t, file, pkix(issuerKey().Public()))
		time.Sleep(time.Hour) // without any call of Verify
		wantOnlyKey(t, v, "previous key again", issuerKey())
	})
}

func TestKeyFile_UnusableFileKeepsKey(t *testing.T) {
	keyFileTest(t, func(t *testing.T, v *auth.Verifier, file string, log *logs) {
		wantErrors := func(step string, want int) {
			t.Helper()
			if got := strings.Count(log.text(), `"ERROR"`); got != want {
				t.Errorf("%s: %d errors were logged, want %d:\n%s", step, got, want, log.text())
			}
		}
		for i, bad := range []struct {
			name   string
			blocks []*pem.Block
		}{
			{"empty", nil},
			{"weak key", []*pem.Block{pkix(weakKey().Public())}},
			{"a private key", []*pem.Block{pkcs8(nextKey())}},
			{"two keys", []*pem.Block{pkix(issuerKey().Public()), pkix(nextKey().Public())}},
		} {
			put(t, file, bad.blocks...)
			for range 3 {
				time.Sleep(10 * time.Second)
				wantOnlyKey(t, v, bad.name, issuerKey())
			}
			wantErrors(bad.name, i+1)
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		wantOnlyKey(t, v, "file removed", issuerKey())
		wantErrors("file removed", 5)
		put(t, file, pkix(nextKey().Public()))
		time.Sleep(10 * time.Second)
		wantOnlyKey(t, v, "file restored", nextKey())
		if strings.Contains(log.text(), "BEGIN") {
			t.Error("the log quotes the file")
		}
	})
}

func TestKeyFile_Status(t *testing.T) {
	keyFileTest(t, func(t *testing.T, v *auth.Verifier, file string, _ *logs) {
		want := func(step string, want auth.KeyStatus) {
			t.Helper()
			if got := v.KeyStatus(t.Context()); got != want {
				t.Errorf("%s: %+v, want %+v", step, got, want)
			}
		}
		want("at the start", auth.KeyStatus{Used: 1})
		time.Sleep(time.Hour) // without any call of Verify
		want("an hour later", auth.KeyStatus{Used: 1})
		put(t, file)
		time.Sleep(time.Minute)
		want("unusable", auth.KeyStatus{Age: time.Minute, Used: 1, Faulty: 1})
		put(t, file, pkix(nextKey().Public()))
		time.Sleep(time.Minute)
		want("replaced", auth.KeyStatus{Used: 1})
	})
}

func TestKeyFile_ReplacedUnderLoad(t *testing.T) {
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
					t.Error("both keys were refused during the replacement")
				}
			})
		}
		all.Wait()
		wantOnlyKey(t, v, "after the replacement", nextKey())
	})
}
