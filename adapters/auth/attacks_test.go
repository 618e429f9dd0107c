package auth_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/auth"
)

// attack is a token that must be refused with cause. Where possible the issuer signed
// it, so that only the rule under test can refuse it.
type attack struct {
	name  string
	token string
	cause string
}

const (
	causeLong      = "longer than 8 KiB"
	causeParts     = "not three parts"
	causeBase64    = "a part is not base64url"
	causeJSON      = "header or payload is not one strict JSON object"
	causeDeep      = "nested too deep"
	causeAlg       = "alg is not RS256"
	causeTyp       = "typ is not JWT or at+jwt"
	causeKID       = "kid is not a string of 1 to 128 bytes"
	causeParam     = "header has one of crit, b64, zip, enc, jwk, jku, x5u, x5c"
	causeSpelling  = "a header parameter in another spelling"
	causeNested    = "the payload is another token"
	causeMisspelt  = "a registered claim in another spelling"
	causeIss       = "iss is not a string"
	causeSub       = "sub is missing or not 1 to 255 printable ASCII characters"
	causeAud       = "aud is not a string or an array of strings"
	causeDate      = "a date is not a number of seconds"
	causeNoKID     = "kid is missing"
	causeUnknown   = "no key with this kid"
	causeSignature = "wrong signature"

	causeExpired          = "token is expired"
	causeEarly            = "token is not valid yet"
	causeIssued           = "token used before issued"
	causeIssuer           = "token has invalid issuer"
	causeAudience         = "token has invalid audience"
	causeNoExp            = "token is missing required claim: exp claim is required"
	causeNoIss            = "token is missing required claim: iss claim is required"
	causeNoAud            = "token is missing required claim: aud claim is required"
	causeExpiredAndIssuer = "token is expired, token has invalid issuer"
)

func attacks() []attack {
	var all []attack
	all = append(all, shapeAttacks()...)
	all = append(all, jsonAttacks()...)
	all = append(all, algorithmAttacks()...)
	all = append(all, headerAttacks()...)
	all = append(all, subjectAttacks()...)
	all = append(all, claimAttacks()...)
	return append(all, timeAttacks()...)
}

func shapeAttacks() []attack {
	good := mint(header(), claims())
	h, p, s := b64(header()), b64(claims()), strings.Split(good, ".")[2]
	flipped := []byte(rawSignature(good)) // decoded: a flipped bit of the text may leave the base64url alphabet
	flipped[len(flipped)-20] ^= 1
	return []attack{
		{"empty", "", causeParts},
		{"one word", "nonsense", causeParts},
		{"two parts", h + "." + p, causeParts},
		{"four parts", good + ".AAAA", causeParts},
		{"five parts, as in JWE", "a.b.c.d.e", causeParts},
		{"two tokens", good + "." + good, causeParts},
		{"dots only", "..", causeBase64},
		{"many dots", strings.Repeat(".", 8<<10), causeParts},
		{"dot at the end", good + ".", causeParts},
		{"dot at the start", "." + good, causeParts},
		{"no header", mintParts("", p), causeBase64},
		{"no payload", mintParts(h, ""), causeBase64},
		{"no signature", h + "." + p + ".", causeBase64},
		{"scheme in front", "Bearer " + good, causeBase64},
		{"line feed in header", mintParts(h[:9]+"\n"+h[9:], p), causeBase64},
		{"line feed in payload", mintParts(h, p[:9]+"\n"+p[9:]), causeBase64},
		{"line feed in signature", h + "." + p + "." + s[:9] + "\n" + s[9:], causeBase64},
		{"carriage return in signature", h + "." + p + "." + s + "\r", causeBase64},
		{"line feed at the end", good + "\n", causeBase64},
		{"space in payload", mintParts(h, p[:9]+" "+p[9:]), causeBase64},
		{"space in front", " " + good, causeBase64},
		{"NUL at the end", good + "\x00", causeBase64},
		{"padding on the header", mintParts(base64.URLEncoding.EncodeToString([]byte(header(`kid="k"`))), p), causeBase64},
		{"padding on the payload", mintParts(h, b64(claims("x=11"))+"="), causeBase64},
		{"padding on the signature", good + "==", causeBase64},
		{"standard base64 alphabet", mintParts(h, base64.RawStdEncoding.EncodeToString([]byte(claims(`x="~~~???"`)))), causeBase64},
		{"percent-encoded", strings.ReplaceAll(good, ".", "%2E"), causeParts},
		{"fullwidth letter", h + "." + p + "." + s[:9] + "Ａ" + s[9:], causeBase64},
		{"trailing bits in header", mintParts(withSpareBit(header()), p), causeBase64},
		{"trailing bits in payload", mintParts(h, withSpareBit(claims())), causeBase64},
		{"trailing bits in signature", good[:len(good)-1] + next(good[len(good)-1]), causeBase64},
		{"impossible base64 length", mintParts(h, strings.Repeat("A", 4*9+1)), causeBase64},
		{"longer than allowed by one", padded(8<<10 + 1), causeLong},
		{"eight megabytes", strings.Repeat("A", 8<<20), causeLong},
		{"truncated by one", good[:len(good)-1], causeBase64},
		{"signature cut short", h + "." + p + "." + b64(rawSignature(good)[:252]), causeSignature},
		{"bit flipped in signature", h + "." + p + "." + b64(string(flipped)), causeSignature},
		{"signature of zeros", h + "." + p + "." + b64(strings.Repeat("\x00", 256)), causeSignature},
		{"signature of one byte", h + "." + p + ".AA", causeSignature},
		{"signature with a zero in front", h + "." + p + "." + b64("\x00"+rawSignature(good)), causeSignature},
		{"payload swapped", h + "." + b64(claims(`sub="mallory"`)) + "." + s, causeSignature},
		{"header swapped", b64(header(`typ="at+jwt"`)) + "." + p + "." + s, causeSignature},
		{"signed with another key", mintWith(attackerKey(), h, p), causeSignature},
	}
}

// withSpareBit encodes a JSON object and sets an unused bit of its last character. It
// pads the object with spaces until the encoding has unused bits.
func withSpareBit(object string) string {
	for len(object)%3 != 1 {
		object = object[:len(object)-1] + " }"
	}
	part := b64(object)
	return part[:len(part)-1] + next(part[len(part)-1])
}

// next returns the character after c in the base64url alphabet.
func next(c byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return alphabet[strings.IndexByte(alphabet, c)+1:][:1]
}

func rawSignature(token string) string {
	raw, _ := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[2])
	return string(raw)
}

func jsonAttacks() []attack {
	deep := strings.Repeat("[", 16) + strings.Repeat("]", 16) // inside an object: one level too deep
	deepest := strings.Repeat("[", 2000) + strings.Repeat("]", 2000)
	inHeader := map[string]string{
		"not JSON": "hello", "array": "[" + header() + "]", "string": `"` + subject + `"`, "null": "null",
		"number": "1", "empty text": " ", "two objects": header() + header(), "trailing text": header() + "x",
		"trailing comma": strings.Replace(header(), "}", ",}", 1), "byte order mark": "\ufeff" + header(),
		"invalid UTF-8": header("kid=\"\xff\""), "lone surrogate": header(`kid="\ud800"`),
		"comment": "/**/" + header(), "cut off": strings.TrimSuffix(header(), "}"),
		"doubled alg": header(`+alg="RS256"`), "doubled alg, none first": header(`alg="none"`, `+alg="RS256"`),
		"doubled alg, escaped": header(`+\u0061lg="RS256"`), "doubled kid": header(`+kid="k1"`),
		"doubled typ": header(`+typ="JWT"`), "bare name": strings.Replace(header(), `"alg"`, `alg`, 1),
	}
	inPayload := map[string]string{
		"not JSON": "hello", "array": "[" + claims() + "]", "string": `"x"`, "null": "null", "true": "true",
		"two objects": claims() + claims(), "trailing text": claims() + "]", "trailing NUL": claims() + "\x00",
		"byte order mark": "\ufeff" + claims(), "invalid UTF-8": claims("name=\"\xc3\x28\""),
		"UTF-16": "{\x00}\x00", "lone surrogate": claims(`name="\udfff"`), "cut off": strings.TrimSuffix(claims(), "}"),
		"doubled sub": claims(`+sub="admin"`), "doubled sub, escaped": claims(`+s\u0075b="admin"`),
		"doubled exp": claims("+exp=" + unix(2*time.Hour)), "doubled aud": claims(`+aud="` + audience + `"`),
		"doubled iss": claims(`+iss="` + issuer + `"`), "doubled private claim": claims("role=1", "+role=2"),
		"doubled deep inside": claims(`x={"a":{"b":1,"b":2}}`), "NaN": claims("exp=NaN"),
		"single quotes": strings.ReplaceAll(claims(), `"`, `'`),
	}
	all := []attack{
		{"payload nested too deep", mint(header(), claims("x="+deep)), causeDeep},
		{"payload nested very deep", mint(header(), claims("x="+deepest)), causeDeep},
		{"payload of open brackets", mint(header(), strings.Repeat("[", 4000)), causeDeep},
		{"header nested too deep", mint(header("kid="+deep), claims()), causeDeep},
	}
	for name, text := range inHeader {
		all = append(all, attack{"header: " + name, mint(text, claims()), causeJSON})
	}
	for name, text := range inPayload {
		all = append(all, attack{"payload: " + name, mint(header(), text), causeJSON})
	}
	return all
}

func algorithmAttacks() []attack {
	all := []attack{
		{"none, unsigned", b64(header(`alg="none"`)) + "." + b64(claims()) + ".", causeBase64},
		{"none, some signature", b64(header(`alg="none"`)) + "." + b64(claims()) + ".AA", causeAlg},
		{"HS256 with the public key as secret", signedHMAC(publicPEM()), causeAlg},
		{"HS256 with the DER as secret", signedHMAC(publicDER()), causeAlg},
		{"PS256 by the issuer", signedPSS(), causeAlg},
		{"RS256 header over a PSS signature", strings.Replace(signedPSS(), b64(header(`alg="PS256"`)), b64(header()), 1), causeSignature},
		{"RS384 by the issuer", signedRS384(`alg="RS384"`), causeAlg},
		{"RS256 header over SHA-384", signedRS384(), causeSignature},
		{"ES256 with the attacker's key", signedES256(), causeAlg},
		{"alg missing", mint(header("alg="), claims()), causeAlg},
	}
	for _, alg := range []string{
		`"none"`, `"None"`, `"NONE"`, `"nOnE"`, `""`, `" RS256"`, `"RS256 "`, `"rs256"`, `"Rs256"`, `"RS256\u0000"`,
		`"HS256"`, `"RS384"`, `"RS512"`, `"PS256"`, `"ES256"`, `"EdDSA"`, `"RSA-OAEP"`, `null`, `256`, `["RS256"]`, `{"RS256":1}`,
	} {
		all = append(all, attack{"alg " + alg + ", signed by the issuer", mint(header("alg="+alg), claims()), causeAlg})
	}
	return all
}

func publicDER() []byte {
	der, err := x509.MarshalPKIXPublicKey(issuerKey().Public())
	if err != nil {
		panic(err)
	}
	return der
}

func publicPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: publicDER()})
}

func signedHMAC(secret []byte) string {
	text := b64(header(`alg="HS256"`)) + "." + b64(claims())
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(text))
	return text + "." + b64(string(mac.Sum(nil)))
}

func signedPSS() string {
	text := b64(header(`alg="PS256"`)) + "." + b64(claims())
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPSS(rand.Reader, issuerKey(), crypto.SHA256, sum[:], nil)
	if err != nil {
		panic(err)
	}
	return text + "." + b64(string(sig))
}

func signedRS384(changes ...string) string {
	text := b64(header(changes...)) + "." + b64(claims())
	sum := sha512.Sum384([]byte(text))
	sig, err := rsa.SignPKCS1v15(nil, issuerKey(), crypto.SHA384, sum[:])
	if err != nil {
		panic(err)
	}
	return text + "." + b64(string(sig))
}

func signedES256() string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	text := b64(header(`alg="ES256"`)) + "." + b64(claims())
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		panic(err)
	}
	var sig [64]byte
	r.FillBytes(sig[:32])
	s.FillBytes(sig[32:])
	return text + "." + b64(string(sig[:]))
}

func headerAttacks() []attack {
	jwk := publicJWK("k1", attackerKey())
	byAttacker := func(change string) string {
		return mintWith(attackerKey(), b64(header(change)), b64(claims()))
	}
	all := []attack{
		{"attacker's key embedded as jwk", byAttacker("jwk=" + jwk), causeParam},
		{"attacker's key set named by jku", byAttacker(`jku="https://evil.test/jwks"`), causeParam},
		{"attacker's certificate in x5c", byAttacker(`x5c=["MIIB"]`), causeParam},
		{"attacker's certificate named by x5u", byAttacker(`x5u="https://evil.test/cert"`), causeParam},
	}
	for cause, params := range map[string][]string{
		causeParam: {
			"jwk=" + jwk, `jku="https://auth.cinema.test/jwks"`, `x5u="https://auth.cinema.test/c"`, `x5c=["MIIB"]`,
			`crit=["exp"]`, `crit=[]`, `crit=["b64"]`, `crit=null`, "b64=false", "b64=true", `zip="DEF"`, `enc="A128GCM"`,
		},
		causeSpelling: {
			`ALG="RS256"`, `Alg="none"`, `KID="k1"`, `Typ="JWT"`, `Crit=["exp"]`, `B64=false`, `JWK={}`, `X5U="https://evil.test"`,
			`\u212aid="k1"`, // the Kelvin sign is a k in another case
		},
		causeNested: {`cty="JWT"`, `cty="jwt"`, `cty="application/jwt"`},
	} {
		for _, param := range params {
			all = append(all, attack{"header parameter " + param, mint(header("+"+param), claims()), cause})
		}
	}
	for _, typ := range []string{`"JWS"`, `"JOSE"`, `"logout+jwt"`, `"dpop+jwt"`, `"id_token"`, `""`, `"jwt\u0000"`, `null`, `1`, `["JWT"]`,
		`"application/"`, `"application/logout+jwt"`, `"text/JWT"`, `"application/application/JWT"`, `"okta-internal-at+jwt"`, `"JWT "`} {
		all = append(all, attack{"typ " + typ, mint(header("typ="+typ), claims()), causeTyp})
	}
	for _, kid := range []string{`""`, `null`, `1`, `["k1"]`, `{"k1":1}`, `"` + strings.Repeat("k", 129) + `"`} {
		all = append(all, attack{"kid " + kid, mint(header("kid="+kid), claims()), causeKID})
	}
	return all
}

func subjectAttacks() []attack {
	var all []attack
	for _, sub := range []string{
		"", `""`, "null", "1", "true", `["viewer"]`, `{"id":"viewer"}`, `"\u0000"`, `"viewer\u0000admin"`, `" "`,
		`" viewer"`, `"viewer "`, `"a\tb"`, `"a\nb"`, `"a\r\nX-Admin: 1"`, `"a\u007fb"`, `"ａdmin"`, `"аdmin"`, `"a\u202eb"`,
		`"a\u200bb"`, `"é"`, `"` + strings.Repeat("a", 256) + `"`,
	} {
		all = append(all, attack{"sub " + sub, mint(header(), claims("sub="+sub)), causeSub})
	}
	return all
}

func claimAttacks() []attack {
	all := []attack{
		{"iss missing", mint(header(), claims("iss=")), causeNoIss},
		{"iss empty", mint(header(), claims(`iss=""`)), causeNoIss},
		{"aud missing", mint(header(), claims("aud=")), causeNoAud},
		{"aud empty", mint(header(), claims(`aud=""`)), causeNoAud},
		{"aud an empty array", mint(header(), claims("aud=[]")), causeNoAud},
		{"aud an array of one empty string", mint(header(), claims(`aud=[""]`)), causeNoAud},
		{"empty object", mint(header(), "{}"), causeSub},
	}
	for _, iss := range []string{`"https://evil.test"`, `"https://auth.cinema.test/"`, `"HTTPS://AUTH.CINEMA.TEST"`, `"https://auth.cinema.test\u0000"`} {
		all = append(all, attack{"iss " + iss, mint(header(), claims("iss="+iss)), causeIssuer})
	}
	for _, iss := range []string{"null", "1", `["https://auth.cinema.test"]`, "{}"} {
		all = append(all, attack{"iss " + iss, mint(header(), claims("iss="+iss)), causeIss})
	}
	for _, aud := range []string{`"catalogue"`, `"Billing"`, `"billing2"`, `"billing catalogue"`, `["catalogue","search"]`} {
		all = append(all, attack{"aud " + aud, mint(header(), claims("aud="+aud)), causeAudience})
	}
	for _, aud := range []string{"null", "1", "{}", `{"billing":1}`, `["billing",1]`, `[null,"billing"]`, `[["billing"]]`} {
		all = append(all, attack{"aud " + aud, mint(header(), claims("aud="+aud)), causeAud})
	}
	for _, variant := range []string{
		`SUB="admin"`, `Sub="admin"`, `ſub="admin"`, `ISS="x"`, `iſſ="x"`, `AUD="billing"`, "EXP=9999999999", "Exp=1", "NBF=1",
		"Iat=1", `JTI="x"`,
	} {
		all = append(all, attack{"claim " + variant, mint(header(), claims("+"+variant)), causeMisspelt})
	}
	return all
}

func timeAttacks() []attack {
	all := []attack{
		{"exp missing", mint(header(), claims("exp=")), causeNoExp},
		{"expired an hour ago", mint(header(), claims("exp="+unix(-time.Hour))), causeExpired},
		{"expired, leeway just over", mint(header(), claims("exp="+unix(-leeway))), causeExpired},
		{"exp 0", mint(header(), claims("exp=0")), causeExpired},
		{"exp 1.5", mint(header(), claims("exp=1.5")), causeExpired},
		{"exp in milliseconds, long past", mint(header(), claims("exp=86400000")), causeExpired},
		{"nbf in the future", mint(header(), claims("nbf="+unix(leeway+time.Second))), causeEarly},
		{"iat in the future", mint(header(), claims("iat="+unix(leeway+time.Second))), causeIssued},
		{"expired and of another issuer", mint(header(), claims("exp=1", `iss="x"`)), causeExpiredAndIssuer},
	}
	dates := []string{
		`"` + unix(time.Hour) + `"`, `""`, `"never"`, "null", "true", "[]", "{}", "-1", "-0", "-1e9", "-" + unix(0), "1e99", "1e400", "253402300800",
		"2.534023008e11", "9223372036854775807", "9223372036854775808", "18446744073709551616",
		strings.Repeat("9", 400), unix(time.Hour) + "000", // a date in milliseconds
	}
	for _, date := range dates {
		for _, claim := range []string{"exp", "nbf", "iat"} {
			all = append(all, attack{claim + " " + date[:min(len(date), 25)], mint(header(), claims(claim+"="+date)), causeDate})
		}
	}
	return all
}

func TestVerify_RefusesAttacks(t *testing.T) {
	t.Parallel()
	pemConfig := config(t)
	jwksConfig, _ := serve(t, keySet(publicJWK("k1", issuerKey())))
	for _, source := range []struct {
		name string
		cfg  auth.Config
	}{{"PEM file", pemConfig}, {"JWKS", jwksConfig}} {
		t.Run(source.name, func(t *testing.T) {
			t.Parallel()
			all := attacks()
			t.Logf("%d attacks", len(all))
			for _, a := range all {
				t.Run(a.name, func(t *testing.T) { wantRefused(t, source.cfg, a) })
			}
		})
	}
}

// wantRefused checks that the token is refused, and that the error says the cause of
// the attack and quotes no part of the token. The verifier itself logs nothing.
func wantRefused(t *testing.T, cfg auth.Config, a attack) {
	t.Helper()
	var log logs
	cfg.Log = log.logger()
	got, err := newVerifier(t, cfg).Verify(t.Context(), a.token)
	if !errors.Is(err, auth.ErrUnauthenticated) {
		t.Fatalf("Verify = %v, want %v", err, auth.ErrUnauthenticated)
	}
	if got.Subject != "" || got.Scopes != nil {
		t.Errorf("Verify = %+v with an error, want no claims", got)
	}
	if !strings.HasSuffix(err.Error(), ": "+a.cause) {
		t.Errorf("Verify = %v, want the cause %q", err, a.cause)
	}
	for _, part := range append(strings.Split(a.token, "."), "canary", "admin", "evil", "DROP") {
		if len(part) > 3 && strings.Contains(err.Error(), part) {
			t.Errorf("the error quotes the token: %v", err)
		}
	}
	if log.text() != "" {
		t.Errorf("the verifier logged %s", log.text())
	}
}
