package e2e

import (
	"context"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/auth"
)

// rotated is the longest time until a rotated key is used, without a restart.
const rotated = time.Minute

// issuer is an auth service with its key and one token.
type issuer struct {
	kid   string
	key   *rsa.PrivateKey
	token string
	pem   []byte
}

func newIssuer(t *testing.T, kid string) issuer {
	t.Helper()
	dir := t.TempDir()
	private, public, err := auth.NewKeyPair(dir)
	if err != nil {
		t.Fatal(err)
	}
	i := issuer{kid: kid}
	if i.key, err = auth.LoadPrivateKey(private); err != nil {
		t.Fatal(err)
	}
	if i.pem, err = os.ReadFile(public); err != nil {
		t.Fatal(err)
	}
	i.token, err = auth.Sign(i.key, kid, auth.SignClaims{
		Subject: "viewer-" + kid, Issuer: "i", Audience: "a", IssuedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func jwks(keys ...issuer) []byte {
	set := map[string][]map[string]string{"keys": {}}
	for _, i := range keys {
		b64 := base64.RawURLEncoding.EncodeToString
		set["keys"] = append(set["keys"], map[string]string{
			"kty": "RSA", "use": "sig", "alg": "RS256", "kid": i.kid,
			"n": b64(i.key.N.Bytes()), "e": b64(big.NewInt(int64(i.key.E)).Bytes()),
		})
	}
	text, err := json.Marshal(set)
	if err != nil {
		panic(err)
	}
	return text
}

// traffic sends requests with the token of each issuer until the test ends.
type traffic struct {
	accepted, refused map[string]*atomic.Int64 // by token
	unexpected        atomic.Pointer[string]   // any other response
}

// traffic starts the requests. The test fails after an unexpected response.
func (w world) traffic(t *testing.T, a api, issuers ...issuer) *traffic {
	t.Helper()
	tr := &traffic{accepted: map[string]*atomic.Int64{}, refused: map[string]*atomic.Int64{}}
	ctx := context.WithoutCancel(t.Context()) // t.Context ends before the traffic
	stop := make(chan struct{})
	var all sync.WaitGroup
	for _, i := range issuers {
		accepted, refused := &atomic.Int64{}, &atomic.Int64{}
		tr.accepted[i.token], tr.refused[i.token] = accepted, refused
		all.Go(func() {
			v := viewer{base: a.base, token: i.token}
			for pace := time.NewTicker(10 * time.Millisecond); ; {
				select {
				case <-stop:
					return
				case <-pace.C:
				}
				got, err := v.try(ctx, http.MethodGet, "/v1/entitlements", "", "")
				switch {
				case err == nil && got.status == http.StatusOK:
					accepted.Add(1)
				case err == nil && got.status == http.StatusUnauthorized && got.body.Code == "unauthenticated":
					refused.Add(1)
				default:
					tr.unexpected.Store(new(fmt.Sprint(got.status, " ", got.text, " ", err)))
				}
			}
		})
	}
	t.Cleanup(func() {
		close(stop)
		all.Wait()
		if got := tr.unexpected.Load(); got != nil {
			t.Errorf("response %s, want 200 or 401", *got)
		}
	})
	return tr
}

// accepts reports whether the API accepts the token of i.
func accepts(t *testing.T, a api, i issuer) bool {
	t.Helper()
	got := viewer{base: a.base, token: i.token}.call(t, http.MethodGet, "/v1/entitlements", "", "")
	if got.status != http.StatusOK && got.status != http.StatusUnauthorized {
		t.Fatalf("response %d %s, want 200 or 401", got.status, got.text)
	}
	return got.status == http.StatusOK
}

// withinRotation waits until is returns true. The test fails if that takes longer than
// a rotation may.
func withinRotation(t *testing.T, what string, is func() bool) {
	t.Helper()
	begin := time.Now()
	eventually(t, what, is)
	took := time.Since(begin)
	t.Logf("%s: after %v", what, took.Round(10*time.Millisecond))
	if took > rotated {
		t.Errorf("%s: after %v, want at most %v", what, took, rotated)
	}
}

// checkLogWithoutTokens fails the test if the debug log contains a part of a token. It
// first waits for the refusals in the log, which prove that it is the right log.
func checkLogWithoutTokens(t *testing.T, a api, issuers ...issuer) {
	t.Helper()
	eventually(t, "refusals in the log", func() bool { return strings.Contains(a.output(), `"msg":"token refused"`) })
	log := a.output()
	for _, i := range issuers {
		for _, part := range append(strings.Split(i.token, "."), "viewer-"+i.kid) {
			if strings.Contains(log, part) {
				t.Errorf("the log contains %s", part)
			}
		}
	}
}

// The PEM file is replaced during traffic. Then tokens of the new key are accepted,
// and tokens of the old key are refused.
func TestAuth_PublicKeyReplaced(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old, next := newIssuer(t, "old"), newIssuer(t, "next")
	file := filepath.Join(w.keys, "auth.pem")
	replace := func(text []byte) {
		t.Helper()
		if err := os.WriteFile(file+".new", text, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
	}
	replace(old.pem)
	a := w.api(t, "billing-api", "BILLING_AUTH_PUBLIC_KEY_FILE="+file, "BILLING_LOG_LEVEL=debug")
	tr := w.traffic(t, a, old, next)
	eventually(t, "traffic", func() bool { return tr.refused[next.token].Load() > 0 && tr.accepted[old.token].Load() > 0 })
	if n := tr.refused[old.token].Load(); n > 0 || accepts(t, a, next) {
		t.Errorf("before the change: %d refusals of the old key's token, or the new key's token is accepted", n)
	}
	replace(next.pem)
	withinRotation(t, "the new key's token is accepted", func() bool { return accepts(t, a, next) })
	if accepts(t, a, old) {
		t.Error("the old key's token is still accepted")
	}
	checkLogWithoutTokens(t, a, old, next)
}

// The API is not ready without a key. It becomes ready with the first key. Then the
// auth service replaces its key without overlap: the first token with the new key
// makes the API fetch the keys, and tokens of the old key are refused.
func TestAuth_KeySetReplaced(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old, next := newIssuer(t, "old"), newIssuer(t, "next")
	var set atomic.Pointer[[]byte]
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		if keys := set.Load(); keys != nil {
			_, _ = rw.Write(*keys)
			return
		}
		rw.WriteHeader(http.StatusServiceUnavailable)
	}))
	t.Cleanup(server.Close)
	a := w.api(t, "billing-api", "BILLING_AUTH_PUBLIC_KEY_FILE=", "BILLING_AUTH_JWKS_URL="+server.URL, "BILLING_LOG_LEVEL=debug")
	if readiness(t, a)["keys"] == "ok" || ready(t, a) != http.StatusServiceUnavailable {
		t.Error("ready without a key")
	}
	set.Store(new(jwks(old)))
	eventually(t, "readiness", func() bool { return ready(t, a) == http.StatusOK })
	tr := w.traffic(t, a, old)
	eventually(t, "traffic", func() bool { return tr.accepted[old.token].Load() > 0 })
	set.Store(new(jwks(next)))
	if n := tr.refused[old.token].Load(); n > 0 {
		t.Errorf("%d refusals of the old key's token before the change", n)
	}
	withinRotation(t, "the new key's token is accepted", func() bool { return accepts(t, a, next) })
	if accepts(t, a, old) {
		t.Error("the old key's token is still accepted")
	}
	checkLogWithoutTokens(t, a, old, next)
}
