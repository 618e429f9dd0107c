package auth

import (
	"encoding/base64"
	"strings"
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

// readHeader checks the protected header and returns its kid, or "" without one.
//
// The header may contain only alg, kid and typ. This allow-list refuses "crit", as
// a verifier without extensions must (RFC 7515 §4.1.11), "b64" and "zip". It also
// refuses keys supplied by the token: "jwk", "jku", "x5c", "x5u" (RFC 8725 §3.10).
func readHeader(raw []byte) (kid string, err error) {
	params, err := readObject(raw)
	if err != nil {
		return "", err
	}
	for name := range params {
		switch name {
		case "alg", "kid", "typ":
		default:
			return "", unexpectedParam
		}
	}
	if alg, ok := params.text("alg"); !ok || alg != "RS256" {
		return "", badAlgorithm
	}
	// Explicit typing (RFC 8725 §3.11): an ID token or a logout token of the same
	// issuer must not be accepted as an access token (RFC 9068 §2.1).
	if typ, ok := params.text("typ"); params.has("typ") && (!ok || typ != "JWT" && typ != "at+jwt") {
		return "", badType
	}
	kid, ok := params.text("kid")
	if params.has("kid") && (!ok || kid == "" || len(kid) > maxKeyID) {
		return "", badKeyID
	}
	return kid, nil
}
