package auth

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"

	"github.com/MicahParks/jwkset"
)

// usableKeys is a key set that stores only keys that may verify our tokens and that
// never becomes empty again. jwkset itself accepts 1024-bit and symmetric keys, and
// an empty response makes it forget all keys.
type usableKeys struct {
	*jwkset.MemoryJWKSet
	log *slog.Logger
}

// KeyReplaceAll replaces the set by the usable keys of fetched. It returns an error,
// and keeps the set, if none is usable. jwkset calls it after each fetch.
func (g *usableKeys) KeyReplaceAll(ctx context.Context, fetched []jwkset.JWK) error {
	var good []jwkset.JWK
	var faults []error
	for _, k := range fetched {
		if err := checkJWK(k); err != nil {
			faults = append(faults, fmt.Errorf("key %q: %w", k.Marshal().KID, err))
			continue
		}
		good = append(good, k)
	}
	if len(good) == 0 {
		return fmt.Errorf("no usable key among %d: %w", len(fetched), errors.Join(faults...))
	}
	if len(faults) > 0 { // debug level only: a set may contain keys for other uses
		g.log.DebugContext(ctx, "unusable JWKS keys were skipped", "error", errors.Join(faults...))
	}
	return g.MemoryJWKSet.KeyReplaceAll(ctx, good)
}

func (g *usableKeys) empty() bool {
	all, err := g.KeyReadAll(context.Background())
	return err != nil || len(all) == 0
}

// checkJWK returns an error if the key must not verify our tokens (RFC 7517 §4: kty,
// use, alg, kid).
func checkJWK(k jwkset.JWK) error {
	meta := k.Marshal()
	key, ok := k.Key().(*rsa.PublicKey)
	switch {
	case !ok:
		return fmt.Errorf("a %T: an RSA public key is expected", k.Key())
	case meta.KID == "":
		return errors.New("no kid")
	case meta.USE != "" && meta.USE != jwkset.UseSig:
		return fmt.Errorf("use is %q", meta.USE)
	case meta.ALG != "" && meta.ALG != jwkset.AlgRS256:
		return fmt.Errorf("alg is %q", meta.ALG)
	}
	return checkRSA(key)
}
