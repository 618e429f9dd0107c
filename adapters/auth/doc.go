// Package auth decides whose request it is: it verifies the JWTs that the
// cinema's auth service issues, and gives the subject they name.
//
//	token ─► shape ─► header ─► claims ─► key ─► signature ─► time, iss, aud ─► Claims
//	        token.go          claims.go  keys.go └────────── golang-jwt ──────┘
//	                                     jwks.go
//
// Everything left of the key is our own and stricter than the library, which
// would let some twenty odd shapes pass: doubled members, "SUB" for "sub",
// "crit", line breaks in the base64. The library never parses a token here; it
// gets what the strict reader read, so the two cannot read it differently.
//
// Only RS256 is accepted (RFC 8725 §3.1: the verifier picks the algorithm, not
// the token). Keys come from one PEM file or from one JWKS URL, and may change
// while the service runs. No token costs a network call; an unknown key id may
// cause one, at most twice a minute.
//
// A signature is verified once: the sums of tokens that were good are remembered
// (cache.go), with the key that signed them. Whether that key is still in use,
// and the token valid at this moment, is asked each time.
//
// Not here: the HTTP header and the 401 (httpapi), and the registration of users
// seen for the first time (app). Issuing tokens
// is the auth service's business: [Sign] and [NewKeyPair] exist so that there
// is something to try out in dev and test.
package auth
