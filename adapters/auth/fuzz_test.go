package auth_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/online-cinema/billing/adapters/auth"
)

// FuzzVerify checks that Verify never panics and accepts only the exact tokens that
// the issuer signed.
func FuzzVerify(f *testing.F) {
	v := newVerifier(f, config(f))
	signed := map[string]bool{}
	for _, token := range []string{mint(header(), claims()), mint(header("kid="), claims(`aud=["billing"]`))} {
		signed[token] = true
		f.Add(token)
	}
	for _, a := range attacks() {
		if len(a.token) < 4<<10 {
			f.Add(a.token)
		}
	}
	f.Fuzz(func(t *testing.T, token string) {
		_, err := v.Verify(t.Context(), token)
		if err == nil && !signed[token] {
			t.Errorf("accepted a token that the issuer did not sign: %q", token)
		}
		if err != nil && !errors.Is(err, auth.ErrUnauthenticated) {
			t.Errorf("Verify = %v", err)
		}
	})
}

// FuzzSignedText signs arbitrary headers and claims, and checks that encoding/json
// reads every accepted token the same way as Verify.
func FuzzSignedText(f *testing.F) {
	v := newVerifier(f, config(f))
	f.Add(header(), claims())
	f.Add(header(`+alg="none"`), claims(`+SUB="admin"`))
	f.Add(header("kid="), claims(`x={"a":[1,{"b":null}]}`, `+s\u0075b="admin"`))
	f.Add(header(`+cat="x"`, `typ="application/AT+JWT"`), claims("exp=1.9e9", `sub="x'; DROP"`))
	f.Add(header("crit=[]"), claims("exp=1e99", `aud=["a","b"]`))
	f.Fuzz(func(t *testing.T, header, claims string) {
		got, err := v.Verify(t.Context(), mint(header, claims))
		if err != nil {
			return
		}
		var h struct{ Alg, Typ, Kid, Crit any }
		var c struct {
			Iss, Sub string
			Aud      any
			Exp      float64
		}
		if err := json.Unmarshal([]byte(header), &h); err != nil {
			t.Errorf("header %q: %v", header, err)
		}
		if err := json.Unmarshal([]byte(claims), &c); err != nil {
			t.Errorf("claims %q: %v", claims, err)
		}
		if h.Alg != "RS256" || h.Crit != nil || c.Iss != issuer || !strings.EqualFold(c.Sub, got.Subject) ||
			c.Exp+leeway.Seconds() <= float64(noon.Unix()) || c.Aud == nil {
			t.Errorf("accepted %s %s as %+v", header, claims, got)
		}
		if got.Subject == "" || strings.TrimSpace(got.Subject) != got.Subject || strings.ContainsFunc(got.Subject, notPrintable) {
			t.Errorf("subject %q", got.Subject)
		}
	})
}

func notPrintable(r rune) bool { return r < ' ' || r > '~' }
