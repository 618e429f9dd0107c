package auth

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/golang-jwt/jwt/v5"

	"github.com/online-cinema/billing/core/billing"
)

const (
	maxSubject = 255          // RFC 7519 sets no limit; OpenID Connect Core §2 does
	maxDate    = 253402300799 // the last second of the year 9999
)

// registered are the claims of RFC 7519 §4.1.
var registered = []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti"}

// claims are the claims that are read: the registered ones, the display claim, and the scopes.
type claims struct {
	jwt.RegisteredClaims

	display billing.Secret
	scopes  []string // of a service
}

// readClaims reads the registered claims and checks their form. The subject is
// fully checked here; the validator checks the presence and the values of the
// rest. Other claims may have any value. display names the display claim, or is empty.
func readClaims(raw []byte, display string) (claims, error) {
	var c claims
	members, err := readObject(raw)
	if err != nil {
		return c, err
	}
	for name := range members {
		if misspelt(name, registered) {
			return c, misspeltClaim
		}
	}
	var ok bool
	if c.Issuer, ok = members.text("iss"); !ok && members.has("iss") {
		return c, badIssuer
	}
	if c.Subject, ok = members.text("sub"); !ok || !validSubject(c.Subject) {
		return c, badSubject
	}
	if id, ok := subjectUUID(c.Subject); ok {
		c.Subject = id
	}
	if c.Audience, ok = audience(members["aud"]); !ok && members.has("aud") {
		return c, badAudience
	}
	if name, ok := members.text(display); ok && display != "" {
		c.display = billing.CleanDisplay(name)
	}
	c.scopes = serviceScopes(members["scope"])
	return c, readDates(members, &c.RegisteredClaims)
}

// servicePrefix begins the words of scope that make a token one of a service.
const servicePrefix = "billing."

// serviceScopes returns the words with [servicePrefix]: of a text of words (RFC 8693 §4.2),
// or of the texts of a list, as some identity providers write the claim. It ignores all
// else that the claim may hold, because viewers' tokens may have a claim of this name.
func serviceScopes(v jsontext.Value) (scopes []string) {
	list := []jsontext.Value{v}
	if v.Kind() == '[' {
		list = elements(v)
	}
	for _, element := range list {
		text, _ := unquote(element)
		for word := range strings.FieldsSeq(text) {
			if strings.HasPrefix(word, servicePrefix) {
				scopes = append(scopes, word)
			}
		}
	}
	return scopes
}

// elements returns the values of an array.
func elements(array jsontext.Value) (all []jsontext.Value) {
	d := jsontext.NewDecoder(bytes.NewReader(array)) // array is valid JSON: no read below can fail
	_, _ = d.ReadToken()
	for d.PeekKind() != ']' {
		v, _ := d.ReadValue()
		all = append(all, v.Clone())
	}
	return all
}

// misspelt reports whether name equals one of names only when case is ignored
// ("SUB", or "ſub" with a long s). Such a token is refused, because another
// service may read that member and we would not.
func misspelt(name string, names []string) bool {
	for _, n := range names {
		if name != n && strings.EqualFold(name, n) {
			return true
		}
	}
	return false
}

// validSubject reports whether OpenID Connect Core §2 allows a subject: at
// most 255 ASCII characters. Control characters are refused, and spaces at the ends,
// which people do not see.
func validSubject(sub string) bool {
	return sub != "" && len(sub) <= maxSubject && strings.TrimSpace(sub) == sub &&
		!strings.ContainsFunc(sub, func(r rune) bool { return r < ' ' || r > '~' })
}

// audience reads a string or an array of strings (RFC 7519 §4.1.3).
func audience(v jsontext.Value) (all []string, ok bool) {
	if one, ok := unquote(v); ok {
		return []string{one}, true
	}
	if v.Kind() != '[' {
		return nil, false
	}
	for _, element := range elements(v) {
		text, ok := unquote(element)
		if !ok {
			return nil, false
		}
		all = append(all, text)
	}
	return all, true
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

// date reads a NumericDate (RFC 7519 §2): seconds since 1970 as a JSON number in any
// form, up to the end of the year 9999. It drops a fraction, which the RFC allows. It
// refuses strings, and negative numbers.
func date(v jsontext.Value) (at time.Time, ok bool) {
	if v.Kind() != '0' || v[0] == '-' {
		return time.Time{}, false
	}
	seconds, err := strconv.ParseFloat(string(v), 64)
	if err != nil || seconds >= maxDate+1 {
		return time.Time{}, false
	}
	return time.Unix(int64(seconds), 0), true
}
