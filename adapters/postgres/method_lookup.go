package postgres

import (
	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// methodLookup finds a viewer's method by the fingerprints of its token, one for each
// key, or by the token in plaintext, which a method has from a time without a vault.
// It is empty for an order that is not paid by token.
type methodLookup struct {
	user, system, token string
	fingerprints        []billing.Fingerprint
}

type methodLookups []methodLookup

// lookups returns one lookup for each order.
func (t tokens) lookups(queries []ports.CheckoutQuery) (methodLookups, error) {
	list := make(methodLookups, len(queries))
	for i, o := range queries {
		if o.Token.IsZero() {
			continue
		}
		f, err := t.fingerprints(o.User, o.Token)
		if err != nil {
			return nil, err
		}
		list[i] = methodLookup{string(o.User), o.PaymentSystem, o.Token.Reveal(), f}
	}
	return list, nil
}

// params returns the parameters of MethodsByToken, with one element for each
// fingerprint.
func (list methodLookups) params() (users, systems []string, fingerprints [][]byte) {
	add := func(l methodLookup, fingerprint []byte) {
		users, systems, fingerprints = append(users, l.user), append(systems, l.system), append(fingerprints, fingerprint)
	}
	for _, l := range list {
		for _, f := range l.fingerprints {
			add(l, f[:])
		}
		if l.token != "" && len(l.fingerprints) == 0 {
			add(l, nil)
		}
	}
	return users, systems, fingerprints
}

// methodKey identifies a method by its token's fingerprint or plaintext.
type methodKey struct {
	user, system, token string
	plaintext           bool
}

type methodIndex map[methodKey]*dbgen.PaymentMethod

func indexMethods(rows []*dbgen.PaymentMethod) methodIndex {
	index := make(methodIndex, len(rows))
	for _, row := range rows {
		if row.TokenFingerprint != nil {
			index[methodKey{row.UserID, row.PaymentSystem, string(row.TokenFingerprint), false}] = row
		}
		if row.Token.Valid {
			index[methodKey{row.UserID, row.PaymentSystem, row.Token.String, true}] = row
		}
	}
	return index
}

// find prefers a method with an encrypted token, and among those the newest key.
func (index methodIndex) find(l methodLookup) (*dbgen.PaymentMethod, bool) {
	for _, f := range l.fingerprints {
		if row, ok := index[methodKey{l.user, l.system, string(f[:]), false}]; ok {
			return row, true
		}
	}
	row, ok := index[methodKey{l.user, l.system, l.token, true}]
	return row, ok
}
