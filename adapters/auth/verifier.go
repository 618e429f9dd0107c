package auth

import (
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// ErrUnauthenticated is the only error of [Verifier.Verify]. It says nothing
// about the cause on purpose: the cause helps an attacker more than a viewer.
var ErrUnauthenticated = errors.New("the access token is missing or not valid")

// Config says whose tokens are accepted.
type Config struct {
	PublicKeyFile string // PEM, PKIX or PKCS#1, looked at again when it changes; this or JWKSURL
	JWKSURL       string // https
	Issuer        string // the iss that every token must carry
	Audience      string // the aud that every token must name, alone or among others

	Leeway    time.Duration    // how far the issuer's clock may be off
	Now       func() time.Time // the wall clock: the test clock moves billing, not authentication
	AllowHTTP bool             // accept a JWKS URL without TLS; for dev and test

	// Transport carries the JWKS requests, for a private CA or a proxy of
	// one's own; nil is [http.DefaultTransport]. Time-out, size limit and the
	// refusal of redirects stay as they are.
	Transport http.RoundTripper
	Log       *slog.Logger // nil is silence
}

// Claims is what a verified token says about its bearer.
type Claims struct {
	// Subject is 1 to 255 characters out of A–Z a–z 0–9 - . _ ~ : @ | + / =,
	// so it is safe to log and to store. See [UserID] for a key made of it.
	Subject string
}

// Verifier verifies tokens. It is safe for concurrent use.
type Verifier struct {
	keys   keySource
	claims *jwt.Validator
	cache  *cache
	log    *slog.Logger
}

// keySource is where the auth service's keys come from: a file or a URL.
type keySource interface {
	// key returns the key for a token whose header names kid ("" for none).
	// The error is a refusal.
	key(ctx context.Context, kid string) (*rsa.PublicKey, error)
	// ready returns an error while there is no key at all.
	ready() error
}

// New makes a Verifier. A wrong configuration or key file is an error; a JWKS
// that cannot be fetched is not: the Verifier is then not ready, refuses every
// token and goes on trying. It waits at most 3 seconds for the first answer.
//
// With a JWKS the keys are fetched again from time to time until ctx ends.
func New(ctx context.Context, cfg Config) (*Verifier, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("auth: %w", err)
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	keys, err := cfg.keySource(ctx)
	if err != nil {
		return nil, fmt.Errorf("auth: %w", err)
	}
	return &Verifier{keys: keys, log: cfg.Log, cache: newCache(cacheSize), claims: jwt.NewValidator(
		jwt.WithIssuer(cfg.Issuer),
		jwt.WithAudience(cfg.Audience),
		jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(), // not in the future
		jwt.WithLeeway(cfg.Leeway),
		jwt.WithTimeFunc(cfg.Now),
	)}, nil
}

func (c Config) keySource(ctx context.Context) (keySource, error) {
	if c.PublicKeyFile != "" {
		k, err := newFileKey(c.PublicKeyFile, c.Log)
		if err != nil {
			return nil, err
		}
		return k, nil
	}
	return newRemoteKeys(ctx, c)
}

// check returns every fault of the configuration, joined.
func (c Config) check() error {
	var faults []error
	need := func(ok bool, fault string) {
		if !ok {
			faults = append(faults, errors.New(fault))
		}
	}
	need((c.PublicKeyFile == "") != (c.JWKSURL == ""), "give a public key file or a JWKS URL, and not both")
	need(c.Issuer != "", "no issuer given")
	need(c.Audience != "", "no audience given")
	need(c.Leeway >= 0, "the leeway is negative")
	need(c.Now != nil, "no clock given")
	if c.JWKSURL != "" {
		faults = append(faults, checkURL(c.JWKSURL, c.AllowHTTP))
	}
	return errors.Join(faults...)
}

// Verify returns the claims of a token that the auth service signed for us and
// that is valid now, or else [ErrUnauthenticated]. The cause is logged at debug
// level, in words that quote nothing of the token.
func (v *Verifier) Verify(ctx context.Context, token string) (Claims, error) {
	claims, err := v.verify(ctx, token)
	if err != nil {
		v.log.DebugContext(ctx, "token refused", "cause", err.Error())
		return Claims{}, ErrUnauthenticated
	}
	return claims, nil
}

func (v *Verifier) verify(ctx context.Context, token string) (Claims, error) {
	if len(token) > maxToken {
		return Claims{}, tooLong
	}
	sum := sha256.Sum256([]byte(token))
	known, err := v.signed(ctx, sum, token)
	if err != nil {
		v.cache.drop(sum)
		return Claims{}, err
	}
	// Each time, for the time that it is now. The validator names the rule that
	// failed and never the value.
	if err := v.claims.Validate(known.claims); err != nil {
		v.cache.drop(sum)
		return Claims{}, err
	}
	v.cache.put(sum, known)
	return Claims{Subject: known.claims.Subject}, nil
}

// signed returns what a token says that is signed with a key in use.
func (v *Verifier) signed(ctx context.Context, sum tokenSum, token string) (verified, error) {
	if known, ok := v.cache.get(sum); ok {
		key, err := v.keys.key(ctx, known.kid)
		if err != nil || key.Equal(known.key) {
			return known, err
		}
	}
	parts, err := split(token)
	if err != nil {
		return verified{}, err
	}
	kid, err := readHeader(parts.header)
	if err != nil {
		return verified{}, err
	}
	claims, err := readClaims(parts.payload)
	if err != nil {
		return verified{}, err
	}
	key, err := v.keys.key(ctx, kid)
	if err != nil {
		return verified{}, err
	}
	if jwt.SigningMethodRS256.Verify(parts.signed, parts.signature, key) != nil {
		return verified{}, badSignature
	}
	return verified{kid, key, claims}, nil
}

// Ready returns an error while there is no key to verify anything with. A key
// once fetched is kept when the JWKS is out of reach later.
func (v *Verifier) Ready() error { return v.keys.ready() }
