package main

import (
	"crypto/rsa"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/adapters/auth"
	"github.com/online-cinema/billing/adapters/clock"
	"github.com/online-cinema/billing/adapters/httpapi"
	"github.com/online-cinema/billing/adapters/memory"
	"github.com/online-cinema/billing/adapters/metrics"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

// newKey returns the auth service's key and the file with its public key.
func newKey(t *testing.T) (*rsa.PrivateKey, string) {
	t.Helper()
	private, public, err := auth.NewKeyPair(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	key, err := auth.LoadPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return key, public
}

func newVerifier(t *testing.T, cfg auth.Config) *auth.Verifier {
	t.Helper()
	cfg.Issuer, cfg.Audience, cfg.Now = "i", "a", time.Now
	v, err := auth.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func sign(t *testing.T, key *rsa.PrivateKey, subject string, life time.Duration) string {
	t.Helper()
	token, err := auth.Sign(key, "k1", auth.SignClaims{
		Subject: subject, Issuer: "i", Audience: "a", IssuedAt: time.Now().Add(-time.Hour), ExpiresAt: time.Now().Add(life),
	})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func newUsers() *viewers.LastSeen {
	return &viewers.LastSeen{Store: memory.New(), Clock: clock.System{}}
}

// A subject that is the UUID of another viewer must not open that viewer's account.
func TestAuthenticate_SubjectThatIsAnotherViewersID(t *testing.T) {
	t.Parallel()
	key, public := newKey(t)
	check := authenticate(newVerifier(t, auth.Config{PublicKeyFile: public}), newUsers())
	victim, err := check(t.Context(), sign(t, key, "viewer-17", time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	for _, attacker := range []string{string(victim.User), strings.ToUpper(string(victim.User))} {
		id, err := check(t.Context(), sign(t, key, attacker, time.Hour))
		if id.User != "" || !errors.Is(err, ports.ErrOtherSubject) || errors.Is(err, billing.Unavailable) {
			t.Errorf("subject %s: %+v, %v; want %v", attacker, id, err, ports.ErrOtherSubject)
		}
	}
	for _, sub := range []string{"viewer-17", "{" + string(victim.User) + "}", "0193b1a0-7f6e-7c3a-9b1e-2f4d5c6b7a80"} {
		if _, err := check(t.Context(), sign(t, key, sub, time.Hour)); err != nil {
			t.Errorf("subject %s: %v", sub, err)
		}
	}
}

// A service has no account, even if its subject is that of a viewer.
func TestAuthenticate_ServiceIsNotRegistered(t *testing.T) {
	t.Parallel()
	key, public := newKey(t)
	users := &viewers.LastSeen{Clock: clock.System{}} // without a store: to register a user would panic
	token, err := auth.Sign(key, "k1", auth.SignClaims{
		Subject: "player", Issuer: "i", Audience: "a", IssuedAt: time.Now().Add(-time.Hour), ExpiresAt: time.Now().Add(time.Hour),
		Scope: "openid billing.events",
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := authenticate(newVerifier(t, auth.Config{PublicKeyFile: public}), users)(t.Context(), token)
	if diff := cmp.Diff(httpapi.Caller{Scopes: []string{"billing.events"}}, got); diff != "" || err != nil {
		t.Errorf("%v; caller (-want +got):\n%s", err, diff)
	}
}

func TestAuthenticate_SaysWhyTokenIsRefused(t *testing.T) {
	t.Parallel()
	key, public := newKey(t)
	other, _ := newKey(t)
	check := authenticate(newVerifier(t, auth.Config{PublicKeyFile: public}), newUsers())
	for want, token := range map[string]string{
		"token is expired": sign(t, key, "viewer-17", -time.Minute),
		"wrong signature":  sign(t, other, "viewer-17", time.Hour),
		"not three parts":  "secret",
	} {
		_, err := check(t.Context(), token)
		if !errors.Is(err, auth.ErrUnauthenticated) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), token) {
			t.Errorf("got %v, want the cause %q", err, want)
		}
	}
}

// A client that gets 401 signs its viewer out, so a token that cannot be checked gets
// 503.
func TestAuthenticate_KeysUnavailable(t *testing.T) {
	t.Parallel()
	key, _ := newKey(t)
	broken := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(broken.Close)
	v := newVerifier(t, auth.Config{JWKSURL: broken.URL, AllowHTTP: true})
	_, err := authenticate(v, newUsers())(t.Context(), sign(t, key, "viewer-17", time.Hour))
	if !errors.Is(err, billing.Unavailable) || !errors.Is(err, auth.ErrNoKeys) {
		t.Errorf("got %v, want %v", err, billing.Unavailable)
	}
}

func TestWatchKeys(t *testing.T) {
	t.Parallel()
	_, public := newKey(t)
	m := metrics.New("v1")
	watchKeys(m, newVerifier(t, auth.Config{PublicKeyFile: public}))
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
	if want := "\nbilling_auth_keys{state=\"used\"} 1\n"; !strings.Contains(w.Body.String(), want) {
		t.Errorf("the metrics do not contain %q", want)
	}
}

func TestUserRef(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]viewers.UserRef{
		"0193b1a0-7f6e-7c3a-9b1e-2f4d5c6b7a80": {ID: "0193b1a0-7f6e-7c3a-9b1e-2f4d5c6b7a80"},
		"0193B1A0-7F6E-7C3A-9B1E-2F4D5C6B7A80": {ID: "0193b1a0-7f6e-7c3a-9b1e-2f4d5c6b7a80"},
		"auth0|17":                             {ID: billing.UserID(auth.UserID("auth0|17")), Subject: "auth0|17"},
	} {
		if got := userRef(name); got != want {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
}

// A player verifies the token of the API with the keys of the API.
func TestSignOffline(t *testing.T) {
	t.Parallel()
	private, _, err := auth.NewKeyPair(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	signer, err := auth.LoadOfflineSigner(private, "https://billing.example")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := keyfunc.NewJWKSetJSON(signer.KeySet())
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for subject, want := range map[string]string{"auth0|17": "auth0|17", "": "u"} {
		token, err := signOffline(signer)(viewers.Access{
			UserID: "u", Subject: subject, Entitlements: viewers.Entitlements{Features: []string{"hd"}, At: now},
		}, now.Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := jwt.Parse(token, keys.Keyfunc, jwt.WithValidMethods([]string{"RS256"}), jwt.WithExpirationRequired())
		if err != nil {
			t.Fatal(err)
		}
		if got, err := parsed.Claims.GetSubject(); got != want || err != nil {
			t.Errorf("sub of %q is %q, %v; want %q", subject, got, err, want)
		}
	}
}
