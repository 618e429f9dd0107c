package auth_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/adapters/auth"
)

func TestVerify_AcceptsValidTokens(t *testing.T) {
	t.Parallel()
	v := newVerifier(t, config(t))
	longest := padded(8 << 10)
	if len(longest) != 8<<10 {
		t.Fatalf("padded returned %d bytes, want %d", len(longest), 8<<10)
	}
	deep := strings.Repeat("[", 15) + strings.Repeat("]", 15) // the payload itself is the 16th level
	tests := []struct{ name, token string }{
		{"plain", mint(header(), claims())},
		{"access token of RFC 9068", mint(header(`typ="at+jwt"`), claims())},
		{"no typ", mint(header("typ="), claims())},
		{"no kid", mint(header("kid="), claims())},
		{"another kid", mint(header(`kid="k2"`), claims())},
		{"longest kid", mint(header(`kid="`+strings.Repeat("k", 128)+`"`), claims())},
		{"spaces and line breaks in the JSON", mint("{\"alg\":\r\n \"RS256\" }\n", " "+claims()+" ")},
		{"escaped member name", mint(header(), strings.Replace(claims(), `"sub"`, `"s\u0075b"`, 1))},
		{"typ in small letters", mint(header(`typ="jwt"`), claims())},
		{"typ in capitals", mint(header(`typ="AT+JWT"`), claims())},
		{"typ as a media type", mint(header(`typ="application/at+jwt"`), claims())},
		{"typ as a media type in capitals", mint(header(`typ="Application/JWT"`), claims())},
		{"unknown header parameters", mint(header(`+cat="cl_B7d4"`, `+gty=["password"]`, `+org="o"`, `+x5t="AA"`, `+x5t#S256="AA"`,
			`+nonce="n"`, `+exp=1`, `+=1`, `+jti={"a":[null]}`), claims())},
		{"cty of its own", mint(header(`+cty="example;v=1"`), claims())},
		{"dates with exponents", mint(header(), claims("exp=1.9e9", "iat=1.772366E+9", "nbf=17723660e2"))},
		{"audience among others", mint(header(), claims(`aud=["catalogue","billing"]`))},
		{"audience in an array of one", mint(header(), claims(`aud=["billing"]`))},
		{"no iat", mint(header(), claims("iat="))},
		{"iat 0", mint(header(), claims("iat=0"))},
		{"nbf in the past", mint(header(), claims("nbf="+unix(-time.Hour)))},
		{"fraction of a second", mint(header(), claims("exp="+unix(time.Hour)+".75", "iat="+unix(-time.Hour)+".25"))},
		{"exp at the end of the year 9999", mint(header(), claims("exp=253402300799"))},
		{"private claims", mint(header(), claims(`jti="x"`, `realm_access={"roles":["a"]}`, `SUBJECT="x"`, `name="Ünï 🎬"`))},
		{"deepest nesting", mint(header(), claims("x="+deep))},
		{"longest token", longest},
		{"expired within the leeway", mint(header(), claims("exp="+unix(time.Second-leeway)))},
		{"nbf within the leeway", mint(header(), claims("nbf="+unix(leeway)))},
		{"iat within the leeway", mint(header(), claims("iat="+unix(leeway)))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := v.Verify(t.Context(), tt.token)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(auth.Claims{Subject: subject}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// padded returns a valid token of exactly n bytes. The length of a base64 part modulo 4
// is never 1, so padded varies the length of the header until the rest fits.
func padded(n int) string {
	for kid := "k"; ; kid += "k" {
		h := header(`kid="` + kid + `"`)
		left := n - len(mint(h, claims("x=1"))) + len(b64(claims("x=1")))
		if left%4 == 1 {
			continue
		}
		fill := left*3/4 - len(claims(`x=""`))
		return mint(h, claims(`x="`+strings.Repeat("a", fill)+`"`))
	}
}

func TestVerify_Subjects(t *testing.T) {
	t.Parallel()
	v := newVerifier(t, config(t))
	for _, sub := range []string{
		"1", "0193b1a0-7f6e-7c3a-9b1e-2f4d5c6b7a80", "auth0|5f7c8ec7c33c6c004bbafe82", "ivan.petrov+tv@example.com",
		"urn:cinema:viewer:17", "AZaz09-._~:@|+/=", strings.Repeat("a", 255), "o'brien@example.com", "cn=Ivan Petrov,ou=tv",
		"x'; DROP TABLE users;", "<script>", "{{7*7}}", "%00", "$1", "a;b", "#!", "~",
	} {
		t.Run(sub, func(t *testing.T) {
			t.Parallel()
			got, err := v.Verify(t.Context(), mint(header(), claims(`sub="`+sub+`"`)))
			if err != nil {
				t.Fatal(err)
			}
			if got.Subject != sub {
				t.Errorf("subject %q, want %q", got.Subject, sub)
			}
		})
	}
}

func TestVerify_Scopes(t *testing.T) {
	t.Parallel()
	v := newVerifier(t, config(t))
	tests := []struct {
		name, claim string
		want        []string
	}{
		{"no scope", "x=1", nil},
		{"other words", `scope="openid profile billing mybilling.events Billing.events"`, nil},
		{"a text", `scope="openid billing.events  billing.entitlements"`, []string{"billing.events", "billing.entitlements"}},
		{"an unknown word of a service", `scope="billing."`, []string{"billing."}},
		{"a list", `scope=["openid","billing.events"]`, []string{"billing.events"}},
		{"a list of texts of words", `scope=["openid billing.events"]`, []string{"billing.events"}},
		{"a list with other values", `scope=[1,null,["billing.x"],{"billing.y":1},"billing.events"]`, []string{"billing.events"}},
		{"escaped", `scope="b\u0069lling.events"`, []string{"billing.events"}},
		{"a number", `scope=1`, nil},
		{"null", `scope=null`, nil},
		{"an object", `scope={"billing.events":true}`, nil},
		{"an empty list", `scope=[]`, nil},
		{"another claim", `scp="billing.events"`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			token := mint(header(), claims(tt.claim))
			for range 2 { // the second token comes from the cache
				got, err := v.Verify(t.Context(), token)
				if diff := cmp.Diff(auth.Claims{Subject: subject, Scopes: tt.want}, got); diff != "" || err != nil {
					t.Errorf("%v; claims (-want +got):\n%s", err, diff)
				}
			}
		})
	}
}

func TestVerify_SubjectCharacters(t *testing.T) {
	t.Parallel()
	v := newVerifier(t, config(t))
	for r := range rune(0x250) {
		_, err := v.Verify(t.Context(), mint(header(), claims(fmt.Sprintf(`sub="a\u%04xb"`, r))))
		if want := r >= ' ' && r <= '~'; (err == nil) != want {
			t.Errorf("character %q: accepted is %v, want %v", r, err == nil, want)
		}
	}
}

// The cached token must be checked against the clock on each call.
func TestVerify_ChecksTimeOnEachCall(t *testing.T) {
	t.Parallel()
	now := newClock()
	cfg := config(t)
	cfg.Now = now.Now
	v := newVerifier(t, cfg)
	token := mint(header(), claims("nbf="+unix(time.Minute), "exp="+unix(time.Hour)))
	steps := []struct {
		name  string
		after time.Duration // since noon
		valid bool
	}{
		{"too early", time.Minute - leeway - 1, false},
		{"within the leeway before", time.Minute - leeway, true},
		{"between nbf and exp", 30 * time.Minute, true},
		{"within the leeway after", time.Hour + leeway - 1, true},
		{"too late", time.Hour + leeway, false},
	}
	for _, step := range steps {
		now.Advance(noon.Add(step.after).Sub(now.Now()))
		if _, err := v.Verify(t.Context(), token); (err == nil) != step.valid {
			t.Errorf("%s: %v", step.name, err)
		}
	}
}

func TestNew_FaultyConfig(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*auth.Config)
		want   []string
	}{
		{"neither file nor URL", func(c *auth.Config) { c.PublicKeyFile = "" }, []string{"a public key file or a JWKS URL"}},
		{"file and URL", func(c *auth.Config) { c.JWKSURL = "https://auth.cinema.test/jwks" }, []string{"not both"}},
		{"http", jwksURL("http://auth.cinema.test/jwks"), []string{"https is required"}},
		{"another scheme", jwksURL("file:///etc/jwks.json"), []string{"not an https URL"}},
		{"another scheme with a host", jwksURL("ftp://auth.cinema.test/jwks"), []string{"not an https URL"}},
		{"no scheme", jwksURL("auth.cinema.test/jwks"), []string{"not an https URL"}},
		{"no host", jwksURL("https:///jwks"), []string{"not an https URL"}},
		{"no URL at all", jwksURL("https://%zz"), []string{"not a URL"}},
		{"negative leeway", func(c *auth.Config) { c.Leeway = -1 }, []string{"leeway"}},
		{"file missing", func(c *auth.Config) { c.PublicKeyFile = "/nowhere/public.pem" }, []string{"/nowhere/public.pem"}},
		{"all faults together", func(c *auth.Config) { *c = auth.Config{} }, []string{"key file", "no issuer", "no audience", "no clock"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cfg := config(t)
			tt.change(&cfg)
			v, err := auth.New(t.Context(), cfg)
			if err == nil || v != nil {
				t.Fatalf("New = %v, %v; want an error", v, err)
			}
			for _, part := range tt.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("New = %q, want it to contain %q", err, part)
				}
			}
		})
	}
}

func jwksURL(url string) func(*auth.Config) {
	return func(c *auth.Config) { c.PublicKeyFile, c.JWKSURL = "", url }
}

func TestReady_KeyFile(t *testing.T) {
	t.Parallel()
	if err := newVerifier(t, config(t)).Ready(); err != nil {
		t.Error(err)
	}
}

func TestVerify_DisplayClaim(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	cfg.DisplayClaim = "email"
	with, without := newVerifier(t, cfg), newVerifier(t, config(t))
	for name, tt := range map[string]struct{ claim, want string }{
		"an e-mail address": {`email="Anna@Example.com"`, "Anna@Example.com"},
		"spaces, controls":  {`email=" Ан\u0000на\u200b "`, "Анна"},
		"absent":            {"x=1", ""},
		"a number":          {"email=7", ""},
		"null":              {"email=null", ""},
		"a list":            {`email=["a"]`, ""},
		"too long":          {`email="` + strings.Repeat("я", 255) + `"`, ""},
		"longest":           {`email="` + strings.Repeat("я", 254) + `"`, strings.Repeat("я", 254)},
		"a card number":     {`email="4242 4242 4242 4242"`, ""},
	} {
		token := mint(header(), claims("+"+tt.claim))
		for range 2 { // the second time from the cache
			got, err := with.Verify(t.Context(), token)
			if err != nil || got.Display.Reveal() != tt.want {
				t.Errorf("%s: %q, %v, want %q", name, got.Display.Reveal(), err, tt.want)
			}
			if text := fmt.Sprintf("%v %+v", got, got); tt.want != "" && strings.Contains(text, tt.want) {
				t.Errorf("%s: the claims print as %s", name, text)
			}
		}
		if got, err := without.Verify(t.Context(), token); err != nil || !got.Display.IsZero() {
			t.Errorf("%s: without configuration %q, %v, want nothing", name, got.Display.Reveal(), err)
		}
	}
}
