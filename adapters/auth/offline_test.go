package auth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/adapters/auth"
)

const offlineIssuer = "https://billing.cinema.test"

func newSigner(t *testing.T, keys ...*rsa.PrivateKey) *auth.OfflineSigner {
	t.Helper()
	var blocks []*pem.Block
	for _, key := range keys {
		blocks = append(blocks, pkcs8(key))
	}
	s, err := auth.LoadOfflineSigner(pemFile(t, blocks...), offlineIssuer)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// player verifies a token as a player does, with the published keys alone.
func player(t *testing.T, keySet []byte, token string) (*jwt.Token, error) {
	t.Helper()
	keys, err := keyfunc.NewJWKSetJSON(json.RawMessage(keySet))
	if err != nil {
		t.Fatal(err)
	}
	return jwt.Parse(token, keys.Keyfunc, jwt.WithValidMethods([]string{"RS256"}), jwt.WithIssuer(offlineIssuer),
		jwt.WithAudience("entitlements"), jwt.WithExpirationRequired(), jwt.WithTimeFunc(func() time.Time { return noon }))
}

func TestOfflineSigner_PlayerVerifies(t *testing.T) {
	t.Parallel()
	s := newSigner(t, issuerKey())
	claims := auth.OfflineClaims{
		Subject: subject, UserID: "0193b1a0-7f6e-7c3a-9b1e-2f4d5c6b7a80", Features: []string{"hd"},
		IssuedAt: noon.Add(-1), ExpiresAt: noon.Add(time.Hour + 999*time.Millisecond),
	}
	signed, err := s.Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	token, err := player(t, s.KeySet(), signed)
	if err != nil {
		t.Fatal(err)
	}
	want := jwt.MapClaims{
		"iss": offlineIssuer, "aud": []any{"entitlements"}, "sub": subject, "user_id": claims.UserID, "features": []any{"hd"},
		"iat": float64(noon.Unix() - 1), "exp": float64(noon.Unix() + 3600),
	}
	if diff := cmp.Diff(want, token.Claims); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
	if token.Header["typ"] != "entitlements+jwt" {
		t.Errorf("typ is %v", token.Header["typ"])
	}
	claims.ExpiresAt = noon
	if signed, err = s.Sign(claims); err != nil {
		t.Fatal(err)
	}
	if _, err := player(t, s.KeySet(), signed); !errors.Is(err, jwt.ErrTokenExpired) {
		t.Errorf("an expired token: got the error %v", err)
	}
	if _, err := player(t, newSigner(t, nextKey()).KeySet(), signed); err == nil {
		t.Error("a token of another key is accepted")
	}
}

// While a key is replaced, tokens of both keys are valid.
func TestOfflineSigner_KeyIsReplaced(t *testing.T) {
	t.Parallel()
	old, both := newSigner(t, issuerKey()), newSigner(t, nextKey(), issuerKey())
	for name, s := range map[string]*auth.OfflineSigner{"old": old, "new": both} {
		signed, err := s.Sign(auth.OfflineClaims{Subject: subject, IssuedAt: noon, ExpiresAt: noon.Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := player(t, both.KeySet(), signed); err != nil {
			t.Errorf("token of the %s key: %v", name, err)
		}
		if _, err := player(t, old.KeySet(), signed); (err == nil) != (name == "old") {
			t.Errorf("token of the %s key with the old keys: %v", name, err)
		}
	}
}

// An offline token is no access token, even if both have the same key.
func TestVerify_RefusesOfflineTokens(t *testing.T) {
	t.Parallel()
	s, err := auth.LoadOfflineSigner(pemFile(t, pkcs8(issuerKey())), issuer)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := s.Sign(auth.OfflineClaims{Subject: subject, IssuedAt: noon, ExpiresAt: noon.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newVerifier(t, config(t)).Verify(t.Context(), signed); err == nil || !strings.Contains(err.Error(), "typ is not JWT") {
		t.Errorf("got the error %v", err)
	}
}

func TestLoadOfflineSigner_Refusals(t *testing.T) {
	t.Parallel()
	elliptic, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(issuerKey().Public())
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ file, want string }{
		"missing":       {filepath.Join(t.TempDir(), "none"), "no such file"},
		"empty":         {pemFile(t), "no PEM block"},
		"too small":     {pemFile(t, pkcs8(weakKey())), "1024 bits: at least 2048"},
		"elliptic":      {pemFile(t, pkcs8(elliptic)), "an RSA key is expected"},
		"public key":    {pemFile(t, &pem.Block{Type: "PUBLIC KEY", Bytes: public}), "PRIVATE KEY or RSA PRIVATE KEY is expected"},
		"second is bad": {pemFile(t, pkcs8(issuerKey()), pkcs8(weakKey())), "1024 bits: at least 2048"},
		"PKCS#1":        {pemFile(t, &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(issuerKey())}), ""},
	} {
		_, err := auth.LoadOfflineSigner(test.file, offlineIssuer)
		if test.want == "" && err == nil {
			continue
		}
		if err == nil || test.want == "" || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got the error %v, want %q", name, err, test.want)
		}
	}
}
