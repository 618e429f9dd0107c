// Package auth authenticates viewers: it verifies the JWTs that the cinema's
// auth service issues, and returns their subject.
//
//	token ─► shape ─► header ─► claims ─► key ─► signature ─► time, iss, aud ─► Claims
//	        token.go          claims.go  keys.go └────────── golang-jwt ──────┘
//	                                     jwks.go ◄─ keyset.go ◄─ client.go
//
// The steps before the key lookup are our own code and stricter than the library.
// The library accepts about twenty odd shapes: duplicate members, "SUB" for "sub",
// "crit", line breaks in the base64. It never parses a token here. It receives the
// claims that the strict reader parsed, so the two cannot disagree.
//
// Header parameters and claims that the package does not know are ignored, because
// identity providers add their own. Header parameters that change how a token must be
// read are refused.
//
// Only RS256 is accepted (RFC 8725 §3.1: the verifier picks the algorithm, not
// the token). Keys come from one PEM file or from one JWKS URL, and may change
// while the service runs. Verifying a token causes no network call, except that an
// unknown key id or a wrong signature may cause one JWKS fetch, at most twice a
// minute. The keys of a JWKS are read one by one; a key that cannot be used is
// skipped and counted. Without a successful fetch they are used for 24 hours.
//
// A signature is verified once: the hash of each valid token is cached with the
// key that signed it (cache.go). Each call still checks that the key is in use and
// that the token is valid now.
//
// [OfflineSigner] is the other direction: it signs tokens with which the cinema's players
// prove what a viewer may use.
//
// Not here: the HTTP header and the 401 (httpapi), and the registration of users
// on their first request (core). The auth service issues the tokens; [Sign] and
// [NewKeyPair] exist for dev and test only.
package auth
