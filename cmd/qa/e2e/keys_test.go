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

// A rotated key is used within this time, without a restart.
const rotated = time.Minute

// issuer is an auth service: its key, and the tokens it gave out.
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

// traffic asks with one token after the other, until the test ends.
type traffic struct {
	accepted, refused map[string]*atomic.Int64 // by token
	odd               atomic.Pointer[string]   // an answer that is neither
}

func (w world) traffic(t *testing.T, a api, issuers ...issuer) *traffic {
	t.Helper()
	tr := &traffic{accepted: map[string]*atomic.Int64{}, refused: map[string]*atomic.Int64{}}
	ctx := context.WithoutCancel(t.Context()) // which ends before the traffic does
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
					tr.odd.Store(new(fmt.Sprint(got.status, " ", got.text, " ", err)))
				}
			}
		})
	}
	t.Cleanup(func() {
		close(stop)
		all.Wait()
		if odd := tr.odd.Load(); odd != nil {
			t.Errorf("answered %s", *odd)
		}
	})
	return tr
}

// passes tells whether a token is accepted now.
func passes(t *testing.T, a api, i issuer) bool {
	t.Helper()
	got := viewer{base: a.base, token: i.token}.call(t, http.MethodGet, "/v1/entitlements", "", "")
	if got.status != http.StatusOK && got.status != http.StatusUnauthorized {
		t.Fatalf("answered %d %s", got.status, got.text)
	}
	return got.status == http.StatusOK
}

// within waits until something is true, for no longer than a key may take.
func within(t *testing.T, what string, is func() bool) {
	t.Helper()
	begin := time.Now()
	eventually(t, what, is)
	took := time.Since(begin)
	t.Logf("%s: after %v", what, took.Round(10*time.Millisecond))
	if took > rotated {
		t.Errorf("%s: after %v, want %v at most", what, took, rotated)
	}
}

// quiet expects that the log, which is at its most talkative, has nothing of the
// tokens in it, and that it is the log.
func quiet(t *testing.T, a api, issuers ...issuer) {
	t.Helper()
	eventually(t, "refusals in the log", func() bool { return strings.Contains(a.said(), `"cause":`) })
	said := a.said()
	for _, i := range issuers {
		for _, part := range append(strings.Split(i.token, "."), "viewer-"+i.kid) {
			if strings.Contains(said, part) {
				t.Errorf("the log tells of %s", part)
			}
		}
	}
}

// The PEM file is replaced while viewers ask: the new key's tokens pass, the old
// one's no longer, and nothing else happens.
func TestThePublicKeyIsReplaced(t *testing.T) {
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
	if n := tr.refused[old.token].Load(); n > 0 || passes(t, a, next) {
		t.Errorf("the old key's tokens were refused %d times before, and the new one's passed", n)
	}
	replace(next.pem)
	within(t, "the new key's tokens pass", func() bool { return passes(t, a, next) })
	if passes(t, a, old) {
		t.Error("the old key's tokens pass still")
	}
	quiet(t, a, old, next)
}

// Without a key it is not ready, and is when there is one. Then the auth service has a new key from one moment to the next. Its first token
// makes us look, and then the old key's tokens pass no longer.
func TestTheKeySetIsReplaced(t *testing.T) {
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
		t.Error("it is ready without a key")
	}
	set.Store(new(jwks(old)))
	eventually(t, "readiness", func() bool { return ready(t, a) == http.StatusOK })
	tr := w.traffic(t, a, old)
	eventually(t, "traffic", func() bool { return tr.accepted[old.token].Load() > 0 })
	set.Store(new(jwks(next)))
	if n := tr.refused[old.token].Load(); n > 0 {
		t.Errorf("the old key's tokens were refused %d times before", n)
	}
	within(t, "the new key's tokens pass", func() bool { return passes(t, a, next) })
	if passes(t, a, old) {
		t.Error("the old key's tokens pass still")
	}
	quiet(t, a, old, next)
}
