package auth

import (
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	// offlineType is the header typ of offline tokens. It differs from those of access
	// tokens, so that neither is taken for the other (RFC 8725 §3.11).
	offlineType = "entitlements+jwt"
	// offlineAudience is the aud of offline tokens: the cinema's players.
	offlineAudience = "entitlements"
)

// OfflineClaims are the claims of an offline entitlement token. Times are truncated to the
// second, so that the token never lasts longer than they say.
type OfflineClaims struct {
	Subject   string // of the viewer's access tokens, or the user id if it is not known
	UserID    string
	Features  []string
	IssuedAt  time.Time
	ExpiresAt time.Time
}

// OfflineSigner signs offline entitlement tokens: JWTs with RS256. Players verify them with
// the keys of [OfflineSigner.KeySet], and need no connection to this service.
type OfflineSigner struct {
	keys   []*rsa.PrivateKey // the first one signs
	issuer string
}

// LoadOfflineSigner reads the RSA keys of a PEM file, PKCS#8 or PKCS#1. The first key signs.
// The others are only published, so that tokens stay valid while a key is replaced. It
// returns an error for a key that is not RSA, or of less than 2,048 bits.
func LoadOfflineSigner(path, issuer string) (*OfflineSigner, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	s := &OfflineSigner{issuer: issuer}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		key, err := parsePrivateBlock(block)
		if err != nil {
			return nil, err
		}
		if err := checkRSA(&key.PublicKey); err != nil {
			return nil, err
		}
		s.keys = append(s.keys, key)
	}
	if len(s.keys) == 0 {
		return nil, errors.New("no PEM block")
	}
	return s, nil
}

// offlineJSON is the JSON of OfflineClaims.
type offlineJSON struct {
	jwt.RegisteredClaims

	UserID   string   `json:"user_id"`
	Features []string `json:"features"`
}

// Sign returns a token.
func (s *OfflineSigner) Sign(c OfflineClaims) (string, error) {
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, offlineJSON{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: s.issuer, Subject: c.Subject, Audience: jwt.ClaimStrings{offlineAudience},
			IssuedAt: jwt.NewNumericDate(c.IssuedAt.Truncate(time.Second)), ExpiresAt: jwt.NewNumericDate(c.ExpiresAt.Truncate(time.Second)),
		},
		UserID: c.UserID, Features: c.Features,
	})
	token.Header["typ"], token.Header["kid"] = offlineType, thumbprint(&s.keys[0].PublicKey)
	signed, err := token.SignedString(s.keys[0])
	if err != nil {
		return "", fmt.Errorf("sign offline token: %w", err)
	}
	return signed, nil
}

// offlineKey is an RSA public key as JSON (RFC 7517, RFC 7518 §6.3.1).
type offlineKey struct {
	KeyType   string `json:"kty"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
	ID        string `json:"kid"`
	Modulus   string `json:"n"`
	Exponent  string `json:"e"`
}

// KeySet returns the public keys as a JWKS (RFC 7517).
func (s *OfflineSigner) KeySet() []byte {
	set := struct {
		Keys []offlineKey `json:"keys"`
	}{}
	for _, key := range s.keys {
		n, e := coordinates(&key.PublicKey)
		set.Keys = append(set.Keys, offlineKey{"RSA", "sig", "RS256", thumbprint(&key.PublicKey), n, e})
	}
	text, err := json.Marshal(set)
	if err != nil { // cannot happen: a struct of strings
		panic(err)
	}
	return text
}

// thumbprint returns the key's id (RFC 7638): the same key always has the same.
func thumbprint(key *rsa.PublicKey) string {
	n, e := coordinates(key)
	hash := sha256.Sum256([]byte(`{"e":"` + e + `","kty":"RSA","n":"` + n + `"}`))
	return base64.RawURLEncoding.EncodeToString(hash[:])
}

func coordinates(key *rsa.PublicKey) (n, e string) {
	encode := func(v *big.Int) string { return base64.RawURLEncoding.EncodeToString(v.Bytes()) }
	return encode(key.N), encode(big.NewInt(int64(key.E)))
}
