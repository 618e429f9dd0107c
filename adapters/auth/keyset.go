package auth

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"

	"github.com/MicahParks/jwkset"
)

// goodKeys is a key set that takes only keys we would verify with, and that is
// never emptied again: jwkset alone takes 1024-bit and symmetric keys, and an
// empty set for an order to forget all keys.
type goodKeys struct {
	*jwkset.MemoryJWKSet
	log *slog.Logger
}

// KeyReplaceAll is what jwkset calls with a set it has fetched.
func (g *goodKeys) KeyReplaceAll(ctx context.Context, fetched []jwkset.JWK) error {
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
	if len(faults) > 0 { // nothing odd: a set may hold keys for other uses
		g.log.DebugContext(ctx, "JWKS keys left out", "error", errors.Join(faults...))
	}
	return g.MemoryJWKSet.KeyReplaceAll(ctx, good)
}

func (g *goodKeys) empty() bool {
	all, err := g.KeyReadAll(context.Background())
	return err != nil || len(all) == 0
}

// checkJWK says why a key of the set is not for verifying our tokens, if so
// (RFC 7517 §4: kty, use, alg, kid).
func checkJWK(k jwkset.JWK) error {
	meta := k.Marshal()
	key, ok := k.Key().(*rsa.PublicKey)
	switch {
	case !ok:
		return fmt.Errorf("a %T where an RSA public key is expected", k.Key())
	case meta.KID == "":
		return errors.New("no kid")
	case meta.USE != "" && meta.USE != jwkset.UseSig:
		return fmt.Errorf("use is %q", meta.USE)
	case meta.ALG != "" && meta.ALG != jwkset.AlgRS256:
		return fmt.Errorf("alg is %q", meta.ALG)
	}
	return checkRSA(key)
}
