package auth_test

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/auth"
)

func TestSign_TokenIsAccepted(t *testing.T) {
	t.Parallel()
	private, public, err := auth.NewKeyPair(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	key, err := auth.LoadPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cfg := config(t)
	cfg.PublicKeyFile = public
	v := newVerifier(t, cfg)
	for _, kid := range []string{"", "dev"} {
		token, err := auth.Sign(key, kid, auth.SignClaims{
			Subject: subject, Issuer: issuer, Audience: audience, IssuedAt: noon, ExpiresAt: noon.Add(time.Hour),
		})
		if err != nil {
			t.Fatal(err)
		}
		got, err := v.Verify(t.Context(), token)
		if err != nil || got.Subject != subject {
			t.Errorf("kid %q: Verify = %+v, %v", kid, got, err)
		}
	}
}

func TestNewKeyPair(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	private, public, err := auth.NewKeyPair(dir)
	if err != nil {
		t.Fatal(err)
	}
	if private != filepath.Join(dir, "private.pem") || public != filepath.Join(dir, "public.pem") {
		t.Errorf("NewKeyPair = %s, %s; want private.pem and public.pem in %s", private, public, dir)
	}
	info, err := os.Stat(private)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("private key: mode %v, %v; want 0600", info.Mode(), err)
	}

	before, _ := os.ReadFile(private)
	if _, _, err := auth.NewKeyPair(dir); !errors.Is(err, fs.ErrExist) {
		t.Errorf("second NewKeyPair = %v, want %v", err, fs.ErrExist)
	}
	if after, _ := os.ReadFile(private); string(after) != string(before) {
		t.Error("the private key was overwritten")
	}
}

// An existing public.pem may belong to the auth service. It is kept, and no private key
// without its public key is left behind.
func TestNewKeyPair_KeepsExistingPublicKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	public := filepath.Join(dir, "public.pem")
	if err := os.WriteFile(public, []byte("theirs"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := auth.NewKeyPair(dir); !errors.Is(err, fs.ErrExist) {
		t.Errorf("NewKeyPair = %v, want %v", err, fs.ErrExist)
	}
	if text, _ := os.ReadFile(public); string(text) != "theirs" {
		t.Error("public.pem was overwritten")
	}
	if _, err := os.Stat(filepath.Join(dir, "private.pem")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("private.pem: %v, want %v", err, fs.ErrNotExist)
	}
}

func TestLoadPrivateKey(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		block *pem.Block
		want  string // "" means success
	}{
		{"PKCS#8", pkcs8(issuerKey()), ""},
		{"PKCS#1", &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(issuerKey())}, ""},
		{"public key", pkix(issuerKey().Public()), `"PUBLIC KEY"`},
		{"elliptic curve", pkcs8(ellipticKey()), "RSA key is expected"},
		{"1024 bits", pkcs8(weakKey()), "1024 bits"},
		{"garbage", &pem.Block{Type: "PRIVATE KEY", Bytes: []byte("garbage")}, "asn1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := auth.LoadPrivateKey(pemFile(t, tt.block))
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("LoadPrivateKey = %v, want %q", err, tt.want)
			}
		})
	}
}

func TestLoadPrivateKey_NotPEM(t *testing.T) {
	t.Parallel()
	if _, err := auth.LoadPrivateKey(pemFile(t)); err == nil {
		t.Error("an empty file is accepted")
	}
	if _, err := auth.LoadPrivateKey("/nowhere/private.pem"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("LoadPrivateKey = %v, want %v", err, fs.ErrNotExist)
	}
}
