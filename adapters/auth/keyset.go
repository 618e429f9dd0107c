package auth

import (
	"crypto/rsa"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/MicahParks/jwkset"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// publicKey holds the members of a JWK that decide whether and how it verifies tokens
// (RFC 7517 §4, RFC 7518 §6.3). The others are ignored. Among them are the
// certificates x5c, x5t and x5u: many servers publish them wrongly, and the key is
// trusted because of the URL that it comes from.
type publicKey struct {
	Type       string   `json:"kty"`
	Use        string   `json:"use"`
	Algorithm  string   `json:"alg"`
	Operations []string `json:"key_ops"`
	ID         string   `json:"kid"`
	N          string   `json:"n"`
	E          string   `json:"e"`

	D  jsontext.Value `json:"d"` // private members
	P  jsontext.Value `json:"p"`
	Q  jsontext.Value `json:"q"`
	DP jsontext.Value `json:"dp"`
	DQ jsontext.Value `json:"dq"`
	QI jsontext.Value `json:"qi"`
}

// keySet is a fetched key set, sorted into the keys that are used and the others.
type keySet struct {
	used   []jwkset.JWK
	other  []error // keys for another purpose, such as encryption: usual
	faulty []error // keys that break the rules: the auth service should be told
}

// readKeySet reads the keys one by one, so that a strange key does not cost the rest
// of the set. It returns an error if it can use none of them.
func readKeySet(keys []stdjson.RawMessage) (keySet, error) {
	var s keySet
	for i, raw := range keys {
		s.add(i, raw)
	}
	if len(s.used) == 0 {
		return s, fmt.Errorf("no usable key among %d: %w", len(keys), firstFaults(slices.Concat(s.faulty, s.other)))
	}
	return s, nil
}

// maxFaults is the number of keys that one log line describes.
const maxFaults = 5

// firstFaults joins the first of the faults. It returns nil if there are none.
func firstFaults(faults []error) error { return errors.Join(faults[:min(len(faults), maxFaults)]...) }

func (s *keySet) add(i int, raw []byte) {
	var k publicKey
	if err := json.Unmarshal(raw, &k); err != nil {
		s.faulty = append(s.faulty, fmt.Errorf("key %d: not a JWK: %w", i, err))
		return
	}
	if err := k.checkPurpose(); err != nil {
		s.other = append(s.other, fmt.Errorf("key %d, kid %q: %w", i, k.ID, err))
		return
	}
	jwk, err := k.parse()
	if err == nil && slices.ContainsFunc(s.used, func(u jwkset.JWK) bool { return u.Marshal().KID == k.ID }) {
		err = errors.New("an earlier key has the same kid")
	}
	if err != nil {
		s.faulty = append(s.faulty, fmt.Errorf("key %d, kid %q: %w", i, k.ID, err))
		return
	}
	s.used = append(s.used, jwk)
}

// checkPurpose returns an error if the key is not for the verification of RS256.
// Unknown operations are ignored (RFC 7517 §4.3).
func (k publicKey) checkPurpose() error {
	switch {
	case k.Type != "RSA":
		return fmt.Errorf("kty is %q", k.Type)
	case k.Use != "" && k.Use != "sig":
		return fmt.Errorf("use is %q", k.Use)
	case k.Algorithm != "" && k.Algorithm != "RS256":
		return fmt.Errorf("alg is %q", k.Algorithm)
	case len(k.Operations) > 0 && !slices.Contains(k.Operations, "verify"):
		return fmt.Errorf("key_ops are %q", k.Operations)
	}
	return nil
}

// parse returns the key, or an error if it must not verify tokens. jwkset itself
// accepts 1024-bit keys.
func (k publicKey) parse() (jwkset.JWK, error) {
	switch {
	case k.ID == "":
		return jwkset.JWK{}, errors.New("no kid")
	case k.private():
		return jwkset.JWK{}, errors.New("a private key is published: replace it")
	}
	jwk, err := jwkset.NewJWKFromMarshal(jwkset.JWKMarshal{
		KTY: jwkset.KtyRSA, ALG: jwkset.AlgRS256, USE: jwkset.UseSig, KID: k.ID, N: k.N, E: k.E,
	}, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
	if err != nil {
		return jwk, err
	}
	key, ok := jwk.Key().(*rsa.PublicKey)
	if !ok {
		return jwk, fmt.Errorf("a %T: an RSA public key is expected", jwk.Key())
	}
	return jwk, checkRSA(key)
}

func (k publicKey) private() bool {
	return slices.ContainsFunc([]jsontext.Value{k.D, k.P, k.Q, k.DP, k.DQ, k.QI}, func(v jsontext.Value) bool {
		return v != nil && v.Kind() != 'n'
	})
}
