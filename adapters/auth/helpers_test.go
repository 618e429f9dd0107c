package auth_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/auth"
	"github.com/online-cinema/billing/core/clocktest"
)

const (
	issuer   = "https://auth.cinema.test"
	audience = "billing"
	subject  = "viewer-canary-7f3a" // must not appear in any log
	leeway   = 30 * time.Second
)

// noon is the time of the tests' clocks at the start.
var noon = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

var (
	issuerKey   = sync.OnceValue(func() *rsa.PrivateKey { return generate(2048) })
	nextKey     = sync.OnceValue(func() *rsa.PrivateKey { return generate(2048) })
	attackerKey = sync.OnceValue(func() *rsa.PrivateKey { return generate(2048) })
	weakKey     = sync.OnceValue(func() *rsa.PrivateKey { return generate(1024) })
)

func generate(bits int) *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return key
}

func newClock() *clocktest.Clock { return clocktest.New(noon) }

// logs collects the log of a Verifier.
type logs struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logs) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *logs) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// config returns a configuration with the issuer's key in a PEM file.
func config(tb testing.TB) auth.Config {
	tb.Helper()
	der, err := x509.MarshalPKIXPublicKey(issuerKey().Public())
	if err != nil {
		tb.Fatal(err)
	}
	return auth.Config{
		PublicKeyFile: pemFile(tb, &pem.Block{Type: "PUBLIC KEY", Bytes: der}),
		Issuer:        issuer, Audience: audience, Leeway: leeway, Now: newClock().Now,
	}
}

func pemFile(tb testing.TB, blocks ...*pem.Block) string {
	tb.Helper()
	var text []byte
	for _, b := range blocks {
		text = append(text, pem.EncodeToMemory(b)...)
	}
	path := filepath.Join(tb.TempDir(), "key.pem")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

func newVerifier(tb testing.TB, cfg auth.Config) *auth.Verifier {
	tb.Helper()
	v, err := auth.New(tb.Context(), cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

// header returns a valid JSON header with changes: "name=json" sets a member, "name="
// removes it, and "+name=json" appends a second one.
func header(changes ...string) string {
	return object([]string{`alg="RS256"`, `typ="JWT"`, `kid="k1"`}, changes)
}

// claims returns valid JSON claims with changes, as for header.
func claims(changes ...string) string {
	return object([]string{
		`sub="` + subject + `"`, `iss="` + issuer + `"`, `aud="` + audience + `"`,
		"exp=" + unix(time.Hour), "iat=" + unix(-time.Minute),
	}, changes)
}

// unix returns a time relative to noon, as a NumericDate.
func unix(d time.Duration) string {
	text, _ := json.Marshal(noon.Add(d).Unix())
	return string(text)
}

func object(members, changes []string) string {
	for _, change := range changes {
		if add, ok := strings.CutPrefix(change, "+"); ok {
			members = append(members, add)
			continue
		}
		members = set(members, change)
	}
	var out []string
	for _, m := range members {
		name, value, _ := strings.Cut(m, "=")
		out = append(out, `"`+name+`":`+value)
	}
	return "{" + strings.Join(out, ",") + "}"
}

func set(members []string, change string) []string {
	name, value, _ := strings.Cut(change, "=")
	var out []string
	found := false
	for _, m := range members {
		if !strings.HasPrefix(m, name+"=") {
			out = append(out, m)
			continue
		}
		if found = true; value != "" {
			out = append(out, change)
		}
	}
	if !found {
		out = append(out, change)
	}
	return out
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// mint returns a token signed by the issuer, with any text as header and claims.
func mint(header, claims string) string { return mintParts(b64(header), b64(claims)) }

// mintParts signs two encoded parts, well-formed or not.
func mintParts(header, claims string) string { return mintWith(issuerKey(), header, claims) }

func mintWith(key *rsa.PrivateKey, header, claims string) string {
	text := header + "." + claims
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return text + "." + b64(string(sig))
}
