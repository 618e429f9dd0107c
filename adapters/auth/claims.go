package auth

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/golang-jwt/jwt/v5"
)

const (
	maxSubject = 255          // RFC 7519 sets no limit; OpenID Connect Core §2 does
	maxDate    = 253402300799 // the last second of the year 9999
)

// registered are the claims of RFC 7519 §4.1.
var registered = [...]string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti"}

// readClaims reads the registered claims and checks their form. Whether they
// are there, and fit, is for the validator; only the subject is finished here.
// Other claims may hold anything.
func readClaims(raw []byte) (jwt.RegisteredClaims, error) {
	var c jwt.RegisteredClaims
	members, err := readObject(raw)
	if err != nil {
		return c, err
	}
	for name := range members {
		if misspelt(name) {
			return c, claimVariant
		}
	}
	var ok bool
	if c.Issuer, ok = members.text("iss"); !ok && members.has("iss") {
		return c, badIssuer
	}
	if c.Subject, ok = members.text("sub"); !ok || !safeSubject(c.Subject) {
		return c, badSubject
	}
	if c.Audience, ok = audience(members["aud"]); !ok && members.has("aud") {
		return c, badAudience
	}
	return c, readDates(members, &c)
}

// misspelt reports a name that a reader who ignores case takes for a registered
// claim ("SUB", or "ſub" with a long s) and we do not: a token that says one
// thing to us and another to the next service is refused.
func misspelt(name string) bool {
	for _, claim := range registered {
		if name != claim && strings.EqualFold(name, claim) {
			return true
		}
	}
	return false
}

// safeSubject keeps the subject harmless wherever it ends up: in a log line, a
// header, a query, a page. UUIDs, "auth0|…", e-mail addresses and URNs fit.
func safeSubject(sub string) bool {
	return sub != "" && len(sub) <= maxSubject && !strings.ContainsFunc(sub, func(r rune) bool {
		return !alphanumeric(r) && !strings.ContainsRune("-._~:@|+/=", r)
	})
}

// audience is a string or an array of strings (RFC 7519 §4.1.3).
func audience(v jsontext.Value) (all []string, ok bool) {
	if one, ok := unquote(v); ok {
		return []string{one}, true
	}
	if v.Kind() != '[' {
		return nil, false
	}
	d := jsontext.NewDecoder(bytes.NewReader(v)) // of valid JSON: nothing below can fail
	_, _ = d.ReadToken()
	for d.PeekKind() == '"' {
		t, _ := d.ReadToken()
		all = append(all, t.String())
	}
	return all, d.PeekKind() == ']'
}

func readDates(members object, c *jwt.RegisteredClaims) error {
	for name, to := range map[string]**jwt.NumericDate{
		"exp": &c.ExpiresAt, "nbf": &c.NotBefore, "iat": &c.IssuedAt,
	} {
		if !members.has(name) {
			continue
		}
		at, ok := date(members[name])
		if !ok {
			return badDate
		}
		*to = jwt.NewNumericDate(at)
	}
	return nil
}

// date reads a NumericDate (RFC 7519 §2): seconds since 1970 as a JSON number,
// not a string, to the year 9999. A fraction is allowed there and dropped; an
// exponent is of no use but to overflow.
func date(v jsontext.Value) (at time.Time, ok bool) {
	if strings.ContainsAny(string(v), "eE") {
		return time.Time{}, false
	}
	whole, _, _ := strings.Cut(string(v), ".")
	seconds, err := strconv.ParseUint(whole, 10, 64) // digits only: no quotes, no sign
	if err != nil || seconds > maxDate {
		return time.Time{}, false
	}
	return time.Unix(int64(seconds), 0), true
}
