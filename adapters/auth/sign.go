package auth

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// SignClaims are the claims of a dev or test token. Times are truncated to the second.
type SignClaims struct {
	Subject, Issuer, Audience string
	Scope                     string // words, separated by spaces; empty omits the claim
	IssuedAt, ExpiresAt       time.Time
}

// signedClaims is the JSON of SignClaims.
type signedClaims struct {
	jwt.RegisteredClaims

	Scope string `json:"scope,omitempty"`
}

// Sign returns a token in the form that the auth service issues. It is for dev and
// test only. It does not check the claims, so [Verifier.Verify] may refuse the token.
// An empty kid is omitted.
func Sign(key *rsa.PrivateKey, kid string, claims SignClaims) (string, error) {
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, signedClaims{jwt.RegisteredClaims{
		Subject: claims.Subject, Issuer: claims.Issuer, Audience: jwt.ClaimStrings{claims.Audience},
		IssuedAt: jwt.NewNumericDate(claims.IssuedAt), ExpiresAt: jwt.NewNumericDate(claims.ExpiresAt),
	}, claims.Scope})
	if kid != "" {
		token.Header["kid"] = kid
	}
	signed, err := token.SignedString(key)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	return signed, nil
}

// LoadPrivateKey reads an RSA key from a PEM file, PKCS#8 or PKCS#1. It returns an
// error for a key that is too weak for [Verifier.Verify].
func LoadPrivateKey(path string) (*rsa.PrivateKey, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("private key: %w", err)
	}
	key, err := parsePrivateKey(text)
	if err != nil {
		return nil, fmt.Errorf("private key %s: %w", path, err)
	}
	return key, checkRSA(&key.PublicKey)
}

func parsePrivateKey(text []byte) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("no PEM block")
	}
	return parsePrivateBlock(block)
}

func parsePrivateBlock(block *pem.Block) (*rsa.PrivateKey, error) {
	switch block.Type {
	case "RSA PRIVATE KEY":
		return x509.ParsePKCS1PrivateKey(block.Bytes)
	case "PRIVATE KEY":
		any, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return nil, err
		}
		key, ok := any.(*rsa.PrivateKey)
		if !ok {
			return nil, fmt.Errorf("a %T: an RSA key is expected", any)
		}
		return key, nil
	}
	return nil, fmt.Errorf("PEM block %q: PRIVATE KEY or RSA PRIVATE KEY is expected", block.Type)
}

// NewKeyPair writes a new RSA key pair into dir: private.pem (PKCS#8, readable by the
// owner only) and public.pem (PKIX). It returns [os.ErrExist] and overwrites nothing
// if one of them exists. It is for dev and test only.
func NewKeyPair(dir string) (privateFile, publicFile string, err error) {
	key, err := rsa.GenerateKey(rand.Reader, minKeyBits)
	if err != nil {
		return "", "", fmt.Errorf("new key pair: %w", err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", "", fmt.Errorf("new key pair: %w", err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return "", "", fmt.Errorf("new key pair: %w", err)
	}
	privateFile, publicFile = filepath.Join(dir, "private.pem"), filepath.Join(dir, "public.pem")
	if err := writePEM(privateFile, 0o600, "PRIVATE KEY", private); err != nil {
		return "", "", fmt.Errorf("new key pair: %w", err)
	}
	if err := writePEM(publicFile, 0o644, "PUBLIC KEY", public); err != nil {
		return "", "", errors.Join(fmt.Errorf("new key pair: %w", err), os.Remove(privateFile))
	}
	return privateFile, publicFile, nil
}

// writePEM creates a file. It returns [os.ErrExist] if the file exists.
func writePEM(path string, mode os.FileMode, kind string, der []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	return errors.Join(pem.Encode(f, &pem.Block{Type: kind, Bytes: der}), f.Close())
}
