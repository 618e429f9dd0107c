package auth

import (
	"crypto/rsa"
	"encoding/base64"
	"slices"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

const (
	maxToken = 8 << 10 // bytes; common servers limit a whole header line to this size
	maxKeyID = 128     // bytes
)

// compact holds the three decoded parts of a token (RFC 7515 §7.1).
type compact struct {
	signed    string // header and payload, still encoded: the input of the signature
	header    []byte
	payload   []byte
	signature []byte
}

// signedBy reports whether key signed the token with RS256.
func (c compact) signedBy(key *rsa.PublicKey) bool {
	return jwt.SigningMethodRS256.Verify(c.signed, c.signature, key) == nil
}

// split decodes the three parts of a token. It accepts only the canonical encoding of
// each part, so that a token has exactly one spelling.
func split(token string) (compact, error) {
	if len(token) > maxToken {
		return compact{}, tooLong
	}
	parts := strings.SplitN(token, ".", 4)
	if len(parts) != 3 {
		return compact{}, notThreeParts
	}
	var raw [3][]byte
	for i, part := range parts {
		var err error
		if raw[i], err = decode(part); err != nil {
			return compact{}, err
		}
	}
	signed := token[:len(parts[0])+len(".")+len(parts[1])]
	return compact{signed: signed, header: raw[0], payload: raw[1], signature: raw[2]}, nil
}

// decode decodes base64url without padding (RFC 7515 §2). It checks the characters
// first, because encoding/base64 skips line breaks. Strict refuses trailing bits that
// are not zero (RFC 4648 §3.5).
func decode(part string) ([]byte, error) {
	if part == "" || strings.ContainsFunc(part, notBase64URL) {
		return nil, notBase64
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil {
		return nil, notBase64
	}
	return raw, nil
}

func notBase64URL(r rune) bool { return !alphanumeric(r) && r != '-' && r != '_' }

func alphanumeric(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

// unsupported are header parameters that change how a token must be read, or that
// bring a key. A verifier that does not support crit must refuse it (RFC 7515
// §4.1.11), and keys come from the configuration alone (RFC 8725 §3.10).
var unsupported = []string{"crit", "b64", "zip", "enc", "jwk", "jku", "x5u", "x5c"}

// readHeader checks the protected header and returns its kid, or "" without one. It
// ignores parameters that it does not know (RFC 7515 §4).
func readHeader(raw []byte) (kid string, err error) {
	params, err := readObject(raw)
	if err != nil {
		return "", err
	}
	for name := range params {
		if slices.Contains(unsupported, name) {
			return "", unsupportedParam
		}
		if misspelt(name, unsupported) || misspelt(name, []string{"alg", "kid", "typ"}) {
			return "", misspeltParam
		}
	}
	if alg, ok := params.text("alg"); !ok || alg != "RS256" {
		return "", badAlgorithm
	}
	if !params.mediaType("typ", "JWT", "at+jwt") {
		return "", badType
	}
	// With cty "JWT" the payload is another token (RFC 7519 §5.2).
	if params.has("cty") && params.mediaType("cty", "JWT") {
		return "", nestedToken
	}
	kid, ok := params.text("kid")
	if params.has("kid") && (!ok || kid == "" || len(kid) > maxKeyID) {
		return "", badKeyID
	}
	return kid, nil
}

// mediaType reports whether a parameter is missing or one of types, in any case and
// with or without "application/" (RFC 7515 §4.1.9). Explicit typing (RFC 8725 §3.11)
// keeps an ID token or a logout token of the same issuer from being accepted as an
// access token (RFC 9068 §2.1).
func (o object) mediaType(name string, types ...string) bool {
	if !o.has(name) {
		return true
	}
	text, ok := o.text(name)
	const prefix = "application/"
	if len(text) > len(prefix) && strings.EqualFold(text[:len(prefix)], prefix) {
		text = text[len(prefix):]
	}
	return ok && slices.ContainsFunc(types, func(t string) bool { return strings.EqualFold(t, text) })
}
