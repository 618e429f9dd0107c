package postgres

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// LockForRemoval locks all rows in the order of their ids, so it must know the tokens of
// the named methods before it locks them. If one of them has got another token
// meanwhile, it looks for the methods with that token too.
func (r methods) LockForRemoval(ctx context.Context, removal ports.MethodRemoval) ([]billing.PaymentMethod, error) {
	user, target := string(removal.User), removal.Target()
	named, err := r.q.MethodsNamed(ctx, user, target)
	if err != nil {
		return nil, err
	}
	for {
		tokens, err := r.tokens.tokensOf(named)
		if err != nil {
			return nil, err
		}
		systems, fingerprints := tokens.params()
		locked, err := r.q.MethodsForRemoval(ctx, dbgen.MethodsForRemovalParams{
			UserID: user, Target: target, PaymentSystems: systems, TokenFingerprints: fingerprints,
		})
		if err != nil {
			return nil, err
		}
		before := named
		named = slices.DeleteFunc(slices.Clone(locked), func(row *dbgen.PaymentMethod) bool { return !isNamed(row, target) })
		if !slices.EqualFunc(before, named, sameToken) {
			continue
		}
		same := slices.DeleteFunc(locked, func(row *dbgen.PaymentMethod) bool { return !isNamed(row, target) && !tokens.have(row) })
		return r.removedTogether(ctx, user, target, same)
	}
}

func isNamed(row *dbgen.PaymentMethod, target string) bool {
	return row.ID == target || idOrEmpty[string](row.CardID) == target
}

// sameToken reports whether a method has the same stored token in both rows.
func sameToken(a, b *dbgen.PaymentMethod) bool {
	return a.ID == b.ID && a.Token == b.Token && bytes.Equal(a.TokenCt, b.TokenCt)
}

// removedTogether returns the locked methods, and those that were removed together with
// a method that target names. Its query sees the removals for which the lock has waited.
func (r methods) removedTogether(ctx context.Context, user, target string, locked []*dbgen.PaymentMethod) ([]billing.PaymentMethod, error) {
	ids := mapSlice(locked, func(row *dbgen.PaymentMethod) string { return row.ID })
	rows, err := r.q.MethodsRemovedTogether(ctx, user, ids, target)
	return mapSlice(rows, r.tokens.methodOf), err
}

func (r methods) Remove(ctx context.Context, removal ports.MethodRemoval, removed ...billing.PaymentMethod) error {
	if len(removed) == 0 {
		return nil
	}
	n, err := r.q.MethodsRemove(ctx, dbgen.MethodsRemoveParams{
		UserID: string(removal.User), Target: removal.Target(),
		Ids:        mapSlice(removed, func(m billing.PaymentMethod) string { return string(m.ID) }),
		RemovedAts: mapSlice(removed, func(m billing.PaymentMethod) time.Time { return m.RemovedAt }),
	})
	if err == nil && n != int64(len(removed)) {
		err = fmt.Errorf("removed %d payment methods instead of %d", n, len(removed))
	}
	return err
}

func (r methods) MayBeCharged(ctx context.Context, user billing.UserID, ids ...billing.PaymentMethodID) (bool, error) {
	return r.q.MethodsMayBeCharged(ctx, string(user), stringsOf(ids))
}

// knownToken is the token of a method at a payment system.
type knownToken struct {
	system       string
	token        billing.Secret
	fingerprints [][]byte // under every key, because a method may be stored under any of them
}

type knownTokens struct {
	tokens
	list []knownToken
}

// tokensOf returns the tokens of the rows. A token that cannot be decrypted is known by
// its stored fingerprint only.
func (t tokens) tokensOf(rows []*dbgen.PaymentMethod) (knownTokens, error) {
	known := knownTokens{tokens: t}
	for _, row := range rows {
		m := t.methodOf(row)
		k := knownToken{system: m.PaymentSystem, token: m.Token}
		if row.TokenFingerprint != nil {
			k.fingerprints = append(k.fingerprints, row.TokenFingerprint)
		}
		if !m.Token.IsZero() {
			list, err := t.fingerprints(m.UserID, m.Token)
			if err != nil {
				return knownTokens{}, err
			}
			for _, f := range list {
				k.fingerprints = append(k.fingerprints, f[:])
			}
		}
		known.list = append(known.list, k)
	}
	return known, nil
}

// params returns the parameters of MethodsForRemoval, with one element for each
// fingerprint.
func (known knownTokens) params() (systems []string, fingerprints [][]byte) {
	for _, k := range known.list {
		for _, f := range k.fingerprints {
			systems, fingerprints = append(systems, k.system), append(fingerprints, f)
		}
	}
	return systems, fingerprints
}

// have reports whether the row has one of the tokens. It compares fingerprints if the
// row has one.
func (known knownTokens) have(row *dbgen.PaymentMethod) bool {
	m := known.methodOf(row)
	return slices.ContainsFunc(known.list, func(k knownToken) bool {
		if k.system != row.PaymentSystem {
			return false
		}
		found := func(f []byte) bool { return bytes.Equal(f, row.TokenFingerprint) }
		return row.TokenFingerprint != nil && slices.ContainsFunc(k.fingerprints, found) ||
			!m.Token.IsZero() && m.Token.Equal(k.token)
	})
}
