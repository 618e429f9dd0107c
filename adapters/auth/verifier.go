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

	"github.com/online-cinema/billing/core/billing"
)

// The errors of [Verifier.Verify]. An error that wraps ErrUnauthenticated also says
// the cause, for the log: it would help an attacker more than a viewer.
var (
	ErrUnauthenticated = errors.New("the access token is missing or not valid")
	ErrNoKeys          = errors.New("the auth service's keys were not fetched, or too long ago")
)

// Config configures the accepted tokens.
type Config struct {
	PublicKeyFile string // PEM, PKIX or PKCS#1, read again when it changes; this or JWKSURL
	JWKSURL       string // https
	Issuer        string // required iss
	Audience      string // required aud; a token may name other audiences too

	// DisplayClaim is the name of the claim with the viewer's display name, such as
	// email; "" reads none. A token may lack it, or have another type of value there.
	DisplayClaim string

	Leeway    time.Duration    // tolerated difference between the issuer's clock and ours
	Now       func() time.Time // the wall clock: the test clock does not affect authentication
	AllowHTTP bool             // accept a JWKS URL without TLS; for dev and test

	// Transport sends the JWKS requests, for example through a proxy or with a private
	// CA; nil means [http.DefaultTransport]. The timeout, the size limit and the
	// refusal of redirects apply to any transport.
	Transport http.RoundTripper
	Log       *slog.Logger // nil discards
}

// Claims are the claims of a verified token.
type Claims struct {
	// Scopes are the words of the claim scope that begin with "billing.". A token that has
	// any is a service's. It has none for a viewer, whatever other words the claim has.
	Scopes []string

	// Subject is 1 to 255 printable ASCII characters, without a space at either end.
	// It may contain quotes and markup: escape it. A UUID is in lower case. [UserID]
	// turns it into a user id.
	Subject string
	Display billing.Secret // of the display claim: see [billing.CleanDisplay]; empty without one
}

// Verifier verifies tokens. It is safe for concurrent use.
type Verifier struct {
	keys    keySource
	claims  *jwt.Validator
	display string // name of the display claim
	cache   *cache
}

// keySource provides the auth service's public keys, from a file or a URL.
type keySource interface {
	// key returns the key for a token whose header has this kid ("" without one).
	// The error is a refusal, or ErrNoKeys.
	key(ctx context.Context, kid string) (*rsa.PublicKey, error)
	// successor looks for a key that has replaced old under the same kid. ok is false
	// if there is none.
	successor(ctx context.Context, kid string, old *rsa.PublicKey) (key *rsa.PublicKey, ok bool)
	// ready returns an error while no key is available.
	ready() error
	status(ctx context.Context) KeyStatus
}

// New returns a Verifier, or an error if the configuration or the key file is
// invalid. A JWKS that cannot be fetched is not an error: the Verifier is not ready,
// refuses every token and retries. New waits at most 3 seconds for the first fetch.
//
// With a JWKS URL a goroutine refreshes the keys until ctx ends.
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
	return &Verifier{keys: keys, cache: newCache(cacheSize), display: cfg.DisplayClaim, claims: jwt.NewValidator(
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

// check returns all faults of the configuration, joined.
func (c Config) check() error {
	var faults []error
	need := func(ok bool, fault string) {
		if !ok {
			faults = append(faults, errors.New(fault))
		}
	}
	need((c.PublicKeyFile == "") != (c.JWKSURL == ""), "give either a public key file or a JWKS URL, not both")
	need(c.Issuer != "", "no issuer given")
	need(c.Audience != "", "no audience given")
	need(c.Leeway >= 0, "the leeway is negative")
	need(c.Now != nil, "no clock given")
	if c.JWKSURL != "" {
		faults = append(faults, checkURL(c.JWKSURL, c.AllowHTTP))
	}
	return errors.Join(faults...)
}

// Verify returns the claims of a token that the auth service signed for our audience
// and that is valid now. It returns [ErrNoKeys] if no key is available to tell, and
// otherwise an error that wraps [ErrUnauthenticated] and says the cause. No error
// quotes any part of the token.
func (v *Verifier) Verify(ctx context.Context, token string) (Claims, error) {
	claims, err := v.verify(ctx, token)
	switch {
	case errors.Is(err, ErrNoKeys):
		return Claims{}, err
	case err != nil:
		return Claims{}, fmt.Errorf("%w: %w", ErrUnauthenticated, err)
	}
	return claims, nil
}

func (v *Verifier) verify(ctx context.Context, token string) (Claims, error) {
	if len(token) > maxToken {
		return Claims{}, tooLong
	}
	hash := sha256.Sum256([]byte(token))
	t, err := v.verifySignature(ctx, hash, token)
	if err != nil {
		v.cache.drop(hash)
		return Claims{}, err
	}
	// Validated on each call, because a cached token may have expired. The error names
	// the failed rule, never the value.
	if err := v.claims.Validate(t.claims.RegisteredClaims); err != nil {
		v.cache.drop(hash)
		return Claims{}, err
	}
	v.cache.put(hash, t)
	return Claims{Subject: t.claims.Subject, Display: t.claims.display, Scopes: t.claims.scopes}, nil
}

// verifySignature returns the token if a key in use signed it. It skips the RSA
// verification if the cache has the token with the same key.
func (v *Verifier) verifySignature(ctx context.Context, hash tokenHash, token string) (verified, error) {
	if cached, ok := v.cache.get(hash); ok {
		key, err := v.keys.key(ctx, cached.kid)
		if err != nil || key.Equal(cached.key) {
			return cached, err
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
	claims, err := readClaims(parts.payload, v.display)
	if err != nil {
		return verified{}, err
	}
	key, err := v.keys.key(ctx, kid)
	if err != nil {
		return verified{}, err
	}
	if parts.signedBy(key) {
		return verified{kid, key, claims}, nil
	}
	if key, ok := v.keys.successor(ctx, kid, key); ok && parts.signedBy(key) {
		return verified{kid, key, claims}, nil
	}
	return verified{}, badSignature
}

// Ready returns an error while no key is available. Fetched keys stay in use for 24
// hours while the JWKS URL is unavailable.
func (v *Verifier) Ready() error { return v.keys.ready() }

// KeyStatus describes the auth service's keys.
type KeyStatus struct {
	Age    time.Duration // since they were last read with success, or since the start
	Used   int           // keys that verify tokens
	Other  int           // keys for another purpose, such as encryption
	Faulty int           // keys that break the rules: of a JWKS they are skipped, of a file the previous key is used
}

// KeyStatus returns the status of the keys.
func (v *Verifier) KeyStatus(ctx context.Context) KeyStatus { return v.keys.status(ctx) }
