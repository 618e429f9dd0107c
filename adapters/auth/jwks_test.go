package auth_test

import (
	"context"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/auth"
	"github.com/online-cinema/billing/core/clocktest"
)

// jwksServer is a fake auth service that serves a key set over https.
type jwksServer struct {
	*httptest.Server
	handler atomic.Pointer[http.HandlerFunc]
	fetches atomic.Int64
	clock   *clocktest.Clock
}

// serve starts a jwksServer with a key set, and returns it with a configuration.
func serve(tb testing.TB, set string) (auth.Config, *jwksServer) {
	tb.Helper()
	s := &jwksServer{clock: newClock()}
	s.respond(set)
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.fetches.Add(1)
		(*s.handler.Load())(w, r)
	}))
	tb.Cleanup(s.Close)
	return auth.Config{
		JWKSURL: s.URL, Transport: s.Client().Transport,
		Issuer: issuer, Audience: audience, Leeway: leeway, Now: s.clock.Now,
	}, s
}

func (s *jwksServer) respond(body string) {
	s.handle(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) })
}

func (s *jwksServer) handle(h http.HandlerFunc) { s.handler.Store(&h) }

// refetch makes v fetch the set again by verifying a token with an unknown kid.
func (s *jwksServer) refetch(t *testing.T, v *auth.Verifier) {
	t.Helper()
	before := s.fetches.Load()
	s.clock.Advance(time.Minute)
	_, _ = v.Verify(t.Context(), mint(header(`kid="never-issued"`), claims()))
	if s.fetches.Load() == before {
		t.Fatal("the set was not fetched again")
	}
}

func keySet(keys ...string) string { return `{"keys":[` + strings.Join(keys, ",") + `]}` }

func publicJWK(kid string, key *rsa.PrivateKey) string { return jwk(kid, &key.PublicKey) }

// jwk returns a key as JSON; more are additional members.
func jwk(kid string, key *rsa.PublicKey, more ...string) string {
	n := base64.RawURLEncoding.EncodeToString(key.N.Bytes())
	e := base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes())
	all := append([]string{fmt.Sprintf(`"kty":"RSA","kid":%q,"n":%q,"e":%q`, kid, n, e)}, more...)
	return "{" + strings.Join(all, ",") + "}"
}

func privateJWK(kid string, key *rsa.PrivateKey) string {
	part := func(n *big.Int) string { return base64.RawURLEncoding.EncodeToString(n.Bytes()) }
	return jwk(kid, &key.PublicKey, fmt.Sprintf(`"d":%q,"p":%q,"q":%q,"dp":%q,"dq":%q,"qi":%q`, part(key.D),
		part(key.Primes[0]), part(key.Primes[1]), part(key.Precomputed.Dp), part(key.Precomputed.Dq), part(key.Precomputed.Qinv)))
}

func TestJWKS_KeyRotation(t *testing.T) {
	t.Parallel()
	cfg, server := serve(t, keySet(publicJWK("k1", issuerKey())))
	v := newVerifier(t, cfg)
	oldToken, newToken := mint(header(), claims()), mintWith(nextKey(), b64(header(`kid="k2"`)), b64(claims()))

	check := func(step, token string, valid bool, fetches int64) {
		t.Helper()
		if _, err := v.Verify(t.Context(), token); (err == nil) != valid {
			t.Errorf("%s: %v", step, err)
		}
		if got := server.fetches.Load(); got != fetches {
			t.Errorf("%s: %d fetches, want %d", step, got, fetches)
		}
	}
	check("known key", oldToken, true, 1)
	check("known key, second time", oldToken, true, 1)
	server.respond(keySet(publicJWK("k1", issuerKey()), publicJWK("k2", nextKey())))
	check("new key", newToken, true, 2)
	check("old key, still in the set", oldToken, true, 2)
	server.respond(keySet(publicJWK("k2", nextKey())))
	unknown := mint(header(`kid="k3"`), claims())
	check("unknown kid, no time passed", unknown, false, 2)
	server.clock.Advance(29 * time.Second)
	check("unknown kid, a second early", unknown, false, 2)
	server.clock.Advance(time.Second)
	check("unknown kid after half a minute", unknown, false, 3)
	check("key removed from the set", oldToken, false, 3)
	check("key kept in the set", newToken, true, 3)
}

// An auth service may replace a key without a new kid.
func TestJWKS_NewKeyUnderKnownKeyID(t *testing.T) {
	t.Parallel()
	cfg, server := serve(t, keySet(publicJWK("k1", issuerKey())))
	v := newVerifier(t, cfg)
	oldToken, newToken := mint(header(), claims()), mintWith(nextKey(), b64(header()), b64(claims()))
	forged := mintWith(attackerKey(), b64(header()), b64(claims()))

	check := func(step, token string, valid bool, fetches int64) {
		t.Helper()
		if _, err := v.Verify(t.Context(), token); (err == nil) != valid {
			t.Errorf("%s: %v", step, err)
		}
		if got := server.fetches.Load(); got != fetches {
			t.Errorf("%s: %d fetches, want %d", step, got, fetches)
		}
	}
	check("old key", oldToken, true, 1)
	server.respond(keySet(publicJWK("k1", nextKey())))
	check("new key", newToken, true, 2)
	check("new key, second time", newToken, true, 2)
	check("old key, replaced", oldToken, false, 2)
	check("forged, no time passed", forged, false, 2)
	server.clock.Advance(30 * time.Second)
	check("forged after half a minute", forged, false, 3)
	check("forged again", forged, false, 3)
	check("new key at the end", newToken, true, 3)
}

func TestJWKS_Status(t *testing.T) {
	t.Parallel()
	cfg, server := serve(t, "no JSON")
	var log logs
	cfg.Log = log.logger()
	v := newVerifier(t, cfg)
	want := func(step string, want auth.KeyStatus) {
		t.Helper()
		if got := v.KeyStatus(t.Context()); got != want {
			t.Errorf("%s: %+v, want %+v", step, got, want)
		}
	}
	want("at the start", auth.KeyStatus{})
	server.clock.Advance(time.Minute)
	want("never fetched", auth.KeyStatus{Age: time.Minute})
	server.respond(keySet(
		jwk("enc", &nextKey().PublicKey, `"use":"enc"`), publicJWK("k1", issuerKey()), publicJWK("k1", nextKey()),
		publicJWK("weak", weakKey()), `{"kty":"EC","kid":"ec"}`, "7",
	))
	server.refetch(t, v)
	want("fetched", auth.KeyStatus{Used: 1, Other: 2, Faulty: 3})
	if text := log.text(); !strings.Contains(text, "1024 bits") || !strings.Contains(text, "same kid") || strings.Contains(text, "enc") {
		t.Errorf("the log does not describe the faulty keys alone: %s", text)
	}
	before := log.text()
	server.refetch(t, v)
	if log.text() != before {
		t.Errorf("the same faults were logged again: %s", log.text())
	}
	server.respond(keySet())
	server.refetch(t, v)
	want("not fetched since", auth.KeyStatus{Age: time.Minute, Used: 1, Other: 2, Faulty: 3})
}

func TestJWKS_FaultsFitInLogLine(t *testing.T) {
	t.Parallel()
	faulty := strings.TrimSuffix(strings.Repeat(`{"kid":7},`, 1000), ",")
	cfg, server := serve(t, keySet(faulty))
	var log logs
	cfg.Log = log.logger()
	v := newVerifier(t, cfg)
	server.respond(keySet(faulty, publicJWK("k1", issuerKey())))
	server.refetch(t, v)
	if text := log.text(); strings.Count(text, "key 4:") != 2 || strings.Contains(text, "key 5:") {
		t.Errorf("not the first five of 1,000 faults, in two lines: %.2000s", text)
	}
}

func TestJWKS_KeyIDSelectsKey(t *testing.T) {
	t.Parallel()
	cfg, _ := serve(t, keySet(publicJWK("k1", issuerKey()), publicJWK("k2", nextKey())))
	for _, a := range []attack{
		{"kid missing", mint(header("kid="), claims()), causeNoKID},
		{"unknown kid", mint(header(`kid="k3"`), claims()), causeUnknown},
		{"kid in another case", mint(header(`kid="K1"`), claims()), causeUnknown},
		{"kid of another key of the set", mint(header(`kid="k2"`), claims()), causeSignature},
		{"kid of a file", mint(header(`kid="../../../../dev/null"`), claims()), causeUnknown},
		{"kid with SQL", mint(header(`kid="k1' UNION SELECT 'k"`), claims()), causeUnknown},
	} {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			wantRefused(t, cfg, a)
		})
	}
}

func TestJWKS_SkipsUnusableKeys(t *testing.T) {
	t.Parallel()
	secret := base64.RawURLEncoding.EncodeToString([]byte("secret secret secret secret secr"))
	point := base64.RawURLEncoding.EncodeToString(ellipticKey().X.FillBytes(make([]byte, 32)))
	issuerN := base64.RawURLEncoding.EncodeToString(issuerKey().N.Bytes())
	tests := []struct {
		name, key string
		token     string // signed with the key, if possible
	}{
		{"1024 bits", publicJWK("bad", weakKey()), mintWith(weakKey(), b64(header(`kid="bad"`)), b64(claims()))},
		{"symmetric", `{"kty":"oct","kid":"bad","k":"` + secret + `"}`, ""},
		{"private", privateJWK("bad", issuerKey()), mint(header(`kid="bad"`), claims())},
		{"no kid", jwk("", &issuerKey().PublicKey), mint(header("kid="), claims())},
		{"for encryption", jwk("bad", &issuerKey().PublicKey, `"use":"enc"`), mint(header(`kid="bad"`), claims())},
		{"for PS256", jwk("bad", &issuerKey().PublicKey, `"alg":"PS256"`), mint(header(`kid="bad"`), claims())},
		{"for RS512", jwk("bad", &issuerKey().PublicKey, `"alg":"RS512"`), mint(header(`kid="bad"`), claims())},
		{"exponent 3", jwk("bad", withExponent(3)), ""},
		{"exponent 1: anyone can sign", jwk("bad", withExponent(1)), ""},
		{"even exponent", jwk("bad", withExponent(65538)), ""},
		{"private, in part", jwk("bad", &issuerKey().PublicKey, `"p":"AQ"`), mint(header(`kid="bad"`), claims())},
		{"not for verification", jwk("bad", &issuerKey().PublicKey, `"key_ops":["encrypt","wrapKey"]`), mint(header(`kid="bad"`), claims())},
		{"exponent beyond 64 bits", `{"kty":"RSA","kid":"bad","n":"` + issuerN + `","e":"AQAAAAAAAQAB"}`, mint(header(`kid="bad"`), claims())},
		{"8193 bits", jwk("bad", keyOfSize(8193)), ""},
		{"unsupported curve", `{"kty":"EC","kid":"bad","crv":"secp256k1","x":"` + point + `","y":"` + point + `"}`, ""},
		{"unknown kty", `{"kty":"PQC","kid":"bad"}`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.token == "" {
				tt.token = mint(header(`kid="bad"`), claims())
			}
			cfg, server := serve(t, keySet(tt.key))
			v := newVerifier(t, cfg)
			if v.Ready() == nil {
				t.Error("ready with no other key than this one")
			}
			server.respond(keySet(tt.key, publicJWK("k1", issuerKey())))
			server.refetch(t, v)
			if _, err := v.Verify(t.Context(), tt.token); err == nil {
				t.Error("a token was verified with the unusable key")
			}
		})
	}
}

// Each of these keys used to cost the whole set.
func TestJWKS_OddKeyDoesNotCostTheSet(t *testing.T) {
	t.Parallel()
	good := &issuerKey().PublicKey
	tests := []struct {
		name, key string
		usable    bool // the odd key itself, whose kid is odd
	}{
		{"thumbprint in hexadecimal", jwk("odd", good, x5c(issuerKey()), hexX5T(issuerKey())), true},
		{"thumbprint of another certificate", jwk("odd", good, x5c(issuerKey()), x5t(nextKey())), true},
		{"thumbprint that is a number", jwk("odd", good, `"x5t":5`), true},
		{"certificate of another key", jwk("odd", good, x5c(nextKey())), true},
		{"certificate that is none", jwk("odd", good, `"x5c":["MIIB"]`), true},
		{"URL of a certificate", jwk("odd", good, `"x5u":"not a URL"`), true},
		{"null members", jwk("odd", good, `"use":null`, `"alg":null`, `"key_ops":null`, `"d":null`), true},
		{"key_ops with an unknown word", jwk("odd", good, `"key_ops":["verify","x-audit"]`), true},
		{"key_ops empty", jwk("odd", good, `"key_ops":[]`), true},
		{"unknown members", jwk("odd", good, `"issuer":"https://login.test/{tenantid}"`, `"revoked":{"at":[1]}`), true},
		{"modulus with a zero in front", rsaJWK("odd", append([]byte{0}, good.N.Bytes()...)), true},
		{"padding", strings.Replace(rsaJWK("odd", good.N.Bytes()), `","e"`, `==","e"`, 1), true},
		{"key_ops with unknown words only", jwk("odd", good, `"key_ops":["x-audit"]`), false},
		{"key_ops a string", jwk("odd", good, `"key_ops":"verify"`), false},
		{"unknown use", jwk("odd", good, `"use":"tls"`), false},
		{"unknown alg", jwk("odd", good, `"alg":"RS256-x"`), false},
		{"numeric kid", `{"kty":"RSA","kid":17,"n":"AQ","e":"AQAB"}`, false},
		{"kid twice", jwk("odd", good, `"kid":"odd"`), false},
		{"modulus not base64", `{"kty":"RSA","kid":"odd","n":"!","e":"AQAB"}`, false},
		{"no modulus", `{"kty":"RSA","kid":"odd","e":"AQAB"}`, false},
		{"elliptic curve, point off the curve", `{"kty":"EC","kid":"odd","crv":"P-256","x":"AQ","y":"AQ"}`, false},
		{"elliptic curve, unknown", `{"kty":"EC","kid":"odd","crv":"P-999","x":"AQ","y":"AQ"}`, false},
		{"Ed25519, too short", `{"kty":"OKP","kid":"odd","crv":"Ed25519","x":"AQ"}`, false},
		{"post-quantum", `{"kty":"AKP","kid":"odd","alg":"ML-DSA-44","pub":"AQ"}`, false},
		{"kty missing", `{"kid":"odd"}`, false},
		{"invalid UTF-8", jwk("odd", good, "\"name\":\"\xff\""), false},
		{"null", "null", false},
		{"number", "1", false},
		{"string", `"odd"`, false},
		{"array", "[]", false},
		{"empty object", "{}", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			// The odd key comes first, and once more last.
			cfg, _ := serve(t, keySet(tt.key, publicJWK("k2", nextKey()), tt.key))
			v := newVerifier(t, cfg)
			if err := v.Ready(); err != nil {
				t.Fatal(err)
			}
			if _, err := v.Verify(t.Context(), mintWith(nextKey(), b64(header(`kid="k2"`)), b64(claims()))); err != nil {
				t.Errorf("token of the other key: %v", err)
			}
			if _, err := v.Verify(t.Context(), mint(header(`kid="odd"`), claims())); (err == nil) != tt.usable {
				t.Errorf("token of the odd key: %v, want it to be usable: %t", err, tt.usable)
			}
		})
	}
}

// rsaJWK returns a key with the given modulus.
func rsaJWK(kid string, n []byte) string {
	return fmt.Sprintf(`{"kty":"RSA","kid":%q,"n":%q,"e":"AQAB"}`, kid, base64.RawURLEncoding.EncodeToString(n))
}

// A set usually contains keys for other uses. They must not hide the signing key, even
// under the same kid.
func TestJWKS_IgnoresKeysForOtherUses(t *testing.T) {
	t.Parallel()
	cfg, _ := serve(t, keySet(
		jwk("k1", &nextKey().PublicKey, `"use":"enc"`, `"alg":"RSA-OAEP"`),
		jwk("k1", &issuerKey().PublicKey, `"use":"sig"`, `"alg":"RS256"`),
		`{"kty":"OKP","crv":"Ed448","kid":"k4","x":"AA"}`,
	))
	v := newVerifier(t, cfg)
	if err := v.Ready(); err != nil {
		t.Error(err)
	}
	if _, err := v.Verify(t.Context(), mint(header(), claims())); err != nil {
		t.Error(err)
	}
}

// No response of the JWKS URL may remove the keys of the last good response.
func TestJWKS_BadResponseKeepsKeys(t *testing.T) {
	t.Parallel()
	good := keySet(publicJWK("k1", issuerKey()), publicJWK("k2", nextKey()))
	text := func(s string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(s)) }
	}
	tests := []struct {
		name     string
		response http.HandlerFunc
		want     string
	}{
		{"empty set", text(`{"keys":[]}`), "no usable key among 0"},
		{"null set", text(`{"keys":null}`), "no usable key among 0"},
		{"no keys member", text(`{}`), "no usable key among 0"},
		{"only a weak key", text(keySet(publicJWK("k9", weakKey()))), "1024 bits"},
		{"not JSON", text("<html>"), "invalid character"},
		{"cut off", text(good[:100]), "EOF"},
		{"larger than allowed", text(`{"pad":"` + strings.Repeat("a", 1<<20) + `",` + good[1:]), "too large"},
		{"error, with a set", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = w.Write([]byte(good))
		}, "500"},
		{"redirect to a set", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/moved" {
				http.Redirect(w, r, "/moved", http.StatusFound)
				return
			}
			_, _ = w.Write([]byte(good))
		}, "redirects are not followed"},
		{"connection cut", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cfg, server := serve(t, keySet(publicJWK("k1", issuerKey())))
			var log logs
			cfg.Log = log.logger()
			v := newVerifier(t, cfg)
			server.handle(tt.response)
			server.refetch(t, v)
			if _, err := v.Verify(t.Context(), mint(header(), claims())); err != nil {
				t.Errorf("token of the previous key: %v", err)
			}
			if _, err := v.Verify(t.Context(), mintWith(nextKey(), b64(header(`kid="k2"`)), b64(claims()))); err == nil {
				t.Error("a key of the bad response was used")
			}
			if line := log.text(); !strings.Contains(line, `"WARN"`) || !strings.Contains(line, tt.want) {
				t.Errorf("no warning with %q in %s", tt.want, line)
			}

			server.respond(good)
			server.refetch(t, v)
			if _, err := v.Verify(t.Context(), mintWith(nextKey(), b64(header(`kid="k2"`)), b64(claims()))); err != nil {
				t.Errorf("after a good response: %v", err)
			}
		})
	}
}

func TestJWKS_LargestKeySet(t *testing.T) {
	t.Parallel()
	set := keySet(publicJWK("k1", issuerKey()))
	pad := strings.Repeat("a", 1<<20-len(set)-len(`"pad":"",`))
	cfg, _ := serve(t, `{"pad":"`+pad+`",`+set[1:])
	if err := newVerifier(t, cfg).Ready(); err != nil {
		t.Error(err)
	}
}

func TestNew_PlainHTTPOnlyWhereAllowed(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(keySet(publicJWK("k1", issuerKey()))))
	}))
	t.Cleanup(server.Close)
	cfg := config(t)
	cfg.PublicKeyFile, cfg.JWKSURL = "", server.URL
	if _, err := auth.New(t.Context(), cfg); err == nil {
		t.Error("an http URL is accepted without AllowHTTP")
	}
	cfg.AllowHTTP = true
	if err := newVerifier(t, cfg).Ready(); err != nil {
		t.Error(err)
	}
}

// The JWKS URL must have a certificate of a trusted authority.
func TestJWKS_UntrustedCertificate(t *testing.T) {
	t.Parallel()
	cfg, _ := serve(t, keySet(publicJWK("k1", issuerKey())))
	cfg.Transport = nil
	if newVerifier(t, cfg).Ready() == nil {
		t.Error("ready with keys of a server with an untrusted certificate")
	}
}

func TestJWKS_ConcurrentUnknownKeysShareOneFetch(t *testing.T) {
	t.Parallel()
	cfg, server := serve(t, keySet(publicJWK("k1", issuerKey())))
	v := newVerifier(t, cfg)
	server.respond(keySet(publicJWK("k1", issuerKey()), publicJWK("k2", nextKey())))
	unknown := mint(header(`kid="unknown"`), claims())
	added := mintWith(nextKey(), b64(header(`kid="k2"`)), b64(claims()))

	var all sync.WaitGroup
	for range 20 {
		all.Go(func() { _, _ = v.Verify(context.Background(), unknown) })
		all.Go(func() {
			if _, err := v.Verify(context.Background(), added); err != nil {
				t.Error(err)
			}
		})
		all.Go(func() { _ = v.Ready() })
	}
	all.Wait()
	if got := server.fetches.Load(); got != 2 {
		t.Errorf("%d fetches, want 2", got)
	}
}
