package auth

import (
	"encoding/base64"
	"strings"
)

const (
	maxToken = 8 << 10 // bytes; what common servers allow a whole header line
	maxKeyID = 128     // bytes
)

// compact is a token in its three parts (RFC 7515 §7.1), decoded.
type compact struct {
	signed    string // header and payload as they came: what the signature is over
	header    []byte
	payload   []byte
	signature []byte
}

// split takes a token apart. There is one spelling of each token and no other
// is accepted, or one token could pass for many.
func split(token string) (compact, error) {
	if len(token) > maxToken {
		return compact{}, tooLong
	}
	parts := strings.SplitN(token, ".", 4)
	if len(parts) != 3 {
		return compact{}, notThree
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

// decode reads base64url without padding (RFC 7515 §2). The characters are
// checked first because encoding/base64 skips line breaks; Strict refuses
// trailing bits that are not zero (RFC 4648 §3.5).
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

// readHeader checks the protected header and returns its kid, "" for none.
//
// It may hold alg, kid and typ and nothing else. That refuses "crit", as a
// verifier that knows no extensions must (RFC 7515 §4.1.11), and "b64", "zip"
// and the key that the token brings along ("jwk", "jku", "x5c", "x5u":
// RFC 8725 §3.10) without a list of what is bad.
func readHeader(raw []byte) (kid string, err error) {
	params, err := readObject(raw)
	if err != nil {
		return "", err
	}
	for name := range params {
		switch name {
		case "alg", "kid", "typ":
		default:
			return "", foreignParam
		}
	}
	if alg, ok := params.text("alg"); !ok || alg != "RS256" {
		return "", badAlgorithm
	}
	// Explicit typing (RFC 8725 §3.11): an ID token or a logout token of the
	// same issuer must not pass for an access token (RFC 9068 §2.1).
	if typ, ok := params.text("typ"); params.has("typ") && (!ok || typ != "JWT" && typ != "at+jwt") {
		return "", badType
	}
	kid, ok := params.text("kid")
	if params.has("kid") && (!ok || kid == "" || len(kid) > maxKeyID) {
		return "", badKeyID
	}
	return kid, nil
}
