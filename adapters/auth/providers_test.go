package auth_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/adapters/auth"
)

// identityProvider is an access token and a key set in the shape that a product
// documents, at the address in the comment beside it. The key of the set is issuerKey.
type identityProvider struct {
	name     string
	issuer   string
	audience string
	header   string // KID stands for the key id
	claims   string // without iss, aud, exp, iat
	aud      string // "" for the audience alone
	kid      string
	key      []string // members of the key besides kty, kid, n and e
	others   []string // other keys of the set
	subject  string
}

func identityProviders() []identityProvider {
	return []identityProvider{
		{ // https://auth0.com/docs/secure/tokens/access-tokens/access-token-profiles
			name: "Auth0, standard profile", issuer: "https://cinema.eu.auth0.com/", audience: "https://billing.cinema.test/",
			header: `{"alg":"RS256","typ":"JWT","kid":"KID"}`, kid: "NjVBRjY5MDlCMUIwNzU4RTA2QzZFMDQ4QzQ2MDAyQjVDNjk1RTM2Qg",
			aud: `["https://billing.cinema.test/","https://cinema.eu.auth0.com/userinfo"]`,
			claims: `"sub":"google-oauth2|103547991597142817347","azp":"K1AUPhZq8mRi0Q0pjhkfu1D7y6KjDQja",
				"scope":"openid profile","gty":"password","org_id":"org_9ybsU1dN2dKfDkBi","permissions":[]`,
			key:     []string{`"alg":"RS256"`, `"use":"sig"`, x5c(issuerKey()), hexX5T(issuerKey())},
			others:  []string{jwk("next", &nextKey().PublicKey, `"alg":"RS256"`, `"use":"sig"`, x5c(nextKey()), hexX5T(nextKey()))},
			subject: "google-oauth2|103547991597142817347",
		},
		{ // https://auth0.com/docs/secure/tokens/access-tokens/access-token-profiles
			name: "Auth0, RFC 9068 profile", issuer: "https://cinema.eu.auth0.com/", audience: "https://billing.cinema.test/",
			header: `{"alg":"RS256","typ":"at+jwt","kid":"KID"}`, kid: "4lq9Qx3Zc0Ao2Wb5GmWdI",
			claims: `"sub":"auth0|6553da60a54af58e29493993","client_id":"K1AUPhZq8mRi0Q0pjhkfu1D7y6KjDQja","jti":"1kH9wz",
				"scope":"openid"`,
			key:     []string{`"use":"sig"`, x5c(issuerKey()), hexX5T(issuerKey())}, // "alg" can be switched off
			subject: "auth0|6553da60a54af58e29493993",
		},
		{ // https://www.keycloak.org/docs-api/latest/javadocs/org/keycloak/representations/AccessToken.html
			name: "Keycloak", issuer: "https://id.cinema.test/realms/cinema", audience: "billing",
			header: `{"alg":"RS256","typ" : "JWT","kid" : "KID"}`, kid: "FJ86GcF3jTbNLOco4NvZkUCIUmfYCqoqtOQeMfbhNlE",
			aud: `["billing","account"]`,
			claims: `"auth_time":1772366000,"jti":"onrtac:0d1a2b7c","sub":"9A2B1C5D-43C7-4B29-8A33-BD9D7F3E6B02","typ":"Bearer",
				"azp":"web","sid":"a8ad2f0b","acr":"1","allowed-origins":["*"],"realm_access":{"roles":["offline_access"]},
				"resource_access":{"account":{"roles":["manage-account"]}},"scope":"openid","email_verified":false`,
			key: []string{`"alg":"RS256"`, `"use":"sig"`, x5c(issuerKey()), x5t(issuerKey())},
			others: []string{
				jwk("enc", &nextKey().PublicKey, `"alg":"RSA-OAEP"`, `"use":"enc"`, x5c(nextKey()), x5t(nextKey())),
				`{"kid":"ec","kty":"EC","alg":"ES256","use":"sig","crv":"P-256","x":"AQ","y":"AQ"}`,
				`{"kid":"ed","kty":"OKP","alg":"EdDSA","use":"sig","crv":"Ed448","x":"AA"}`,
			},
			subject: "9a2b1c5d-43c7-4b29-8a33-bd9d7f3e6b02",
		},
		{ // https://clerk.com/docs/guides/sessions/session-tokens
			name: "Clerk", issuer: "https://clerk.cinema.test", audience: "billing", // aud comes from a JWT template
			header: `{"alg":"RS256","cat":"cl_B7d4PD222AAA","kid":"KID","typ":"JWT"}`, kid: "ins_2GIoQhbUpy0hX7B2cVkuTMinXoD",
			claims: `"sub":"user_2kA7cDlHUx2Hn0v1cJ4mGpYrT9b","azp":"https://cinema.test","nbf":1772366390,"fva":[7,-1],
				"sid":"sess_2kA7","sts":"active","v":2,"pla":"u:free","o":{"id":"org_1","rol":"admin"}`,
			key:     []string{`"use":"sig"`, `"alg":"RS256"`},
			subject: "user_2kA7cDlHUx2Hn0v1cJ4mGpYrT9b",
		},
		{ // https://fusionauth.io/docs/lifecycle/authenticate-users/oauth/tokens
			name: "FusionAuth, before 1.60", issuer: "acme.com", audience: "3c219e58-ed0e-4b18-ad48-f4f92793ae32",
			header: `{"alg":"RS256","typ":"JWT","gty":["authorization_code"],"kid":"KID"}`, kid: "A0n9QnXz2o",
			claims: `"sub":"858a4b01-62c8-4c2f-bfa7-6d018833bea7","jti":"8f1b","authenticationType":"PASSWORD",
				"email":"viewer@cinema.test","email_verified":true,"applicationId":"3c219e58-ed0e-4b18-ad48-f4f92793ae32",
				"roles":["viewer"],"scope":"openid","sid":"1c2d","auth_time":1772366000,"tid":"30663132"`,
			key:     []string{`"alg":"RS256"`, `"use":"sig"`, x5c(issuerKey()), hexX5T(issuerKey()), `"x5t_S256":"aa"`},
			others:  []string{`{"kid":"hmac","kty":"oct","alg":"HS256","use":"sig"}`},
			subject: "858a4b01-62c8-4c2f-bfa7-6d018833bea7",
		},
		{ // gty is in the payload since 1.60
			name: "FusionAuth, from 1.60", issuer: "acme.com", audience: "3c219e58-ed0e-4b18-ad48-f4f92793ae32",
			header: `{"alg":"RS256","typ":"JWT","kid":"KID"}`, kid: "A0n9QnXz2o",
			claims: `"sub":"858a4b01-62c8-4c2f-bfa7-6d018833bea7","gty":["authorization_code"],"jti":"8f1b","authenticationType":"PASSWORD",
				"email":"viewer@cinema.test","email_verified":true,"applicationId":"3c219e58-ed0e-4b18-ad48-f4f92793ae32",
				"roles":["viewer"],"scope":"openid","sid":"1c2d","auth_time":1772366000,"tid":"30663132"`,
			key:     []string{`"alg":"RS256"`, `"use":"sig"`, x5c(issuerKey()), hexX5T(issuerKey()), `"x5t_S256":"aa"`},
			others:  []string{`{"kid":"hmac","kty":"oct","alg":"HS256","use":"sig"}`},
			subject: "858a4b01-62c8-4c2f-bfa7-6d018833bea7",
		},
		{ // https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
			name: "Entra ID, v1.0", issuer: "https://sts.windows.net/aa000000-0000-4000-8000-000000000001/", audience: "api://billing",
			header: `{"typ":"JWT","alg":"RS256","x5t":"KID","kid":"KID"}`, kid: "imi0Y2z0dYKxBttAqK_Tt5hYBTk",
			claims: `"nbf":1772366340,"acr":"1","aio":"42ZgYAhcuX2r5P5bDuZd/93+a3kA","amr":["pwd"],"appid":"f0d2","appidacr":"0",
				"ipaddr":"203.0.113.7","name":"Ivan","oid":"690222be","rh":"0.AScA","scp":"access",
				"sub":"l3_roISQU222bULS9yi2k0XpqpOiMz5H3ZACo1GeXA","tid":"aa00","unique_name":"ivan@cinema.test","uti":"x","ver":"1.0"`,
			key:     []string{`"use":"sig"`, x5t(issuerKey()), x5c(issuerKey()), `"issuer":"https://sts.windows.net/{tenantid}/"`},
			subject: "l3_roISQU222bULS9yi2k0XpqpOiMz5H3ZACo1GeXA",
		},
		{ // https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
			name: "Entra ID, v2.0", issuer: "https://login.microsoftonline.com/aa00/v2.0", audience: "6e74172b-be56-4843-9ff4-e66a39bb12e3",
			header: `{"typ":"JWT","alg":"RS256","kid":"KID"}`, kid: "imi0Y2z0dYKxBttAqK_Tt5hYBTk",
			claims: `"nbf":1772366340,"aio":"ATQAy","azp":"6e74","azpacr":"0","name":"Ivan","oid":"690222be","rh":"0.A","scp":"access",
				"preferred_username":"ivan@cinema.test","sub":"HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ","tid":"aa00","uti":"x","ver":"2.0"`,
			key: []string{`"use":"sig"`, x5t(issuerKey()), x5c(issuerKey()), `"cloud_instance_name":"microsoftonline.com"`,
				`"issuer":"https://login.microsoftonline.com/{tenantid}/v2.0"`},
			subject: "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ",
		},
		{ // https://developer.okta.com/standards/OIDC/
			name: "Okta", issuer: "https://cinema.okta.com/oauth2/default", audience: "api://default",
			header: `{"kid":"KID","alg":"RS256"}`, kid: "ZkvelLN_seik7w4pc_prCcfUf-h2hFfiwkDeCrs0iUc",
			claims: `"sub":"o'brien, sean@cinema.test","ver":1,"jti":"AT.MNAoEQ_jbKqoinrQo1D0XKjMX28U5d7ZszBceot7-Ts","cid":"0oa1",
				"uid":"00u1","scp":["openid","profile"],"auth_time":1772366000`,
			key:     []string{`"alg":"RS256"`, `"use":"sig"`},
			subject: "o'brien, sean@cinema.test",
		},
		{ // https://zitadel.com/docs/apis/openidoauth/claims
			name: "Zitadel", issuer: "https://id.cinema.test", audience: "163840776801878273",
			header: `{"alg":"RS256","kid":"KID","typ":"JWT"}`, kid: "254930142823776259",
			aud: `["170086363054473473@cinema","163840776801878273"]`,
			claims: `"sub":"163840776835432705","nbf":1772366390,"jti":"V2_254930-at_2549","azp":"170086363054473473@cinema",
				"urn:zitadel:iam:org:project:roles":{"viewer":{"163840776835432705":"cinema.id.test"}}`,
			key:     []string{`"use":"sig"`, `"alg":"RS256"`},
			subject: "163840776835432705",
		},
	}
}

// The tokens and key sets of common identity providers are accepted as they are.
func TestVerify_IdentityProviders(t *testing.T) {
	t.Parallel()
	for _, p := range identityProviders() {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			cfg, _ := serve(t, keySet(append(p.others, jwk(p.kid, &issuerKey().PublicKey, p.key...))...))
			cfg.Issuer, cfg.Audience = p.issuer, p.audience
			v := newVerifier(t, cfg)
			if err := v.Ready(); err != nil {
				t.Fatal(err)
			}
			if p.aud == "" {
				p.aud = `"` + p.audience + `"`
			}
			token := mint(strings.ReplaceAll(p.header, "KID", p.kid), `{"iss":"`+p.issuer+`","aud":`+p.aud+
				`,"iat":`+unix(-time.Minute)+`,"exp":`+unix(time.Hour)+","+p.claims+"}")
			got, err := v.Verify(t.Context(), token)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(auth.Claims{Subject: p.subject}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// x5c returns the member with a certificate of key.
func x5c(key *rsa.PrivateKey) string {
	return `"x5c":["` + base64.StdEncoding.EncodeToString(certificate(key)) + `"]`
}

// x5t returns the thumbprints of the certificate, as RFC 7517 §4.8 specifies them.
func x5t(key *rsa.PrivateKey) string {
	short, long := sha1.Sum(certificate(key)), sha256.Sum256(certificate(key))
	return `"x5t":"` + b64(string(short[:])) + `","x5t#S256":"` + b64(string(long[:])) + `"`
}

// hexX5T returns the thumbprint in hexadecimal digits, as Auth0 publishes it.
func hexX5T(key *rsa.PrivateKey) string {
	sum := sha1.Sum(certificate(key))
	return `"x5t":"` + b64(strings.ToUpper(hex.EncodeToString(sum[:]))) + `"`
}

var certificates sync.Map // of *rsa.PrivateKey: DER

func certificate(key *rsa.PrivateKey) []byte {
	if der, ok := certificates.Load(key); ok {
		return der.([]byte)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: noon, NotAfter: noon.AddDate(10, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	stored, _ := certificates.LoadOrStore(key, der)
	return stored.([]byte)
}
