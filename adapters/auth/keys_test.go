package auth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/online-cinema/billing/adapters/auth"
)

func pkix(public any) *pem.Block {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		panic(err)
	}
	return &pem.Block{Type: "PUBLIC KEY", Bytes: der}
}

func pkcs8(private any) *pem.Block {
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		panic(err)
	}
	return &pem.Block{Type: "PRIVATE KEY", Bytes: der}
}

func ellipticKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

// withExponent returns the issuer's key with public exponent e.
func withExponent(e int) *rsa.PublicKey { return &rsa.PublicKey{N: issuerKey().N, E: e} }

// keyOfSize returns a public key whose modulus is an odd number of n bits.
func keyOfSize(n uint) *rsa.PublicKey {
	odd := new(big.Int).Lsh(big.NewInt(1), n-1)
	return &rsa.PublicKey{N: odd.SetBit(odd, 0, 1), E: 65537}
}

func evenModulus() *rsa.PublicKey {
	return &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 2047), E: 65537}
}

func TestNew_AcceptsKeyFiles(t *testing.T) {
	t.Parallel()
	pkcs1 := &pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(&issuerKey().PublicKey)}
	for name, block := range map[string]*pem.Block{"PKIX": pkix(issuerKey().Public()), "PKCS#1": pkcs1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := config(t)
			cfg.PublicKeyFile = pemFile(t, block)
			if _, err := newVerifier(t, cfg).Verify(t.Context(), mint(header(), claims())); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestNew_RefusesKeyFiles(t *testing.T) {
	t.Parallel()
	good := pkix(issuerKey().Public())
	tests := []struct {
		name   string
		blocks []*pem.Block
		want   string
	}{
		{"no key", nil, "0 PEM blocks"},
		{"two keys", []*pem.Block{good, good}, "2 PEM blocks"},
		{"private key, PKCS#8", []*pem.Block{pkcs8(issuerKey())}, "this is a private key"},
		{"private key, PKCS#1", []*pem.Block{{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(issuerKey())}}, "this is a private key"},
		{"private key, encrypted", []*pem.Block{{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte{1}}}, "this is a private key"},
		{"private key after the public one", []*pem.Block{good, pkcs8(issuerKey())}, "this is a private key"},
		{"elliptic curve", []*pem.Block{pkix(ellipticKey().Public())}, "RSA key is expected"},
		{"certificate", []*pem.Block{{Type: "CERTIFICATE", Bytes: good.Bytes}}, `"CERTIFICATE"`},
		{"garbage", []*pem.Block{{Type: "PUBLIC KEY", Bytes: []byte("garbage")}}, "asn1"},
		{"1024 bits", []*pem.Block{pkix(weakKey().Public())}, "1024 bits"},
		{"2047 bits", []*pem.Block{pkix(keyOfSize(2047))}, "2047 bits"},
		{"8193 bits", []*pem.Block{pkix(keyOfSize(8193))}, "8193 bits"},
		{"exponent 3", []*pem.Block{pkix(withExponent(3))}, "exponent 3"},
		{"even exponent", []*pem.Block{pkix(withExponent(65538))}, "exponent 65538"},
		{"even modulus", []*pem.Block{pkix(evenModulus())}, "even modulus"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cfg := config(t)
			cfg.PublicKeyFile = pemFile(t, tt.blocks...)
			_, err := auth.New(t.Context(), cfg)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("New = %v, want %q", err, tt.want)
			}
		})
	}
}

func TestNew_KeyFileNotPEM(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	cfg.PublicKeyFile = filepath.Join(t.TempDir(), "key.der")
	if err := os.WriteFile(cfg.PublicKeyFile, publicDER(), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := auth.New(t.Context(), cfg); err == nil {
		t.Error("a DER file is accepted")
	}
}
