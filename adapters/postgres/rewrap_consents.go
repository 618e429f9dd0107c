package postgres

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// WithAuthenticator makes [Store.Rewrap] sign the consents of live subscriptions too.
// All other methods get consents signed, and return them so.
func WithAuthenticator(a ports.Authenticator) Option {
	return func(s *Store) { s.authenticator = a }
}

// consents signs the consents that are not signed with the current key. It verifies a
// signature before it replaces it.
func (r *Rewrap) consents(ctx context.Context, q *dbgen.Queries, limit int) (int, error) {
	if r.store.authenticator == nil {
		return 0, nil
	}
	rows, err := q.ConsentsToSign(ctx, dbgen.ConsentsToSignParams{
		Key: r.store.macKey(), AfterUser: r.consent.user, AfterID: r.consent.id, Take: int32(limit),
	})
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	var users, ids []string
	var macs [][]byte
	for _, row := range rows {
		r.consent = cursor{row.UserID, row.ID}
		mac, err := r.sign(subscriptionOf(row, "", "", false))
		if err := r.record("subscription", row.ID, err); err != nil {
			return 0, err
		}
		if err == nil {
			users, ids, macs = append(users, row.UserID), append(ids, row.ID), append(macs, mac)
		}
	}
	signed, err := q.ConsentsSign(ctx, users, ids, macs)
	if err == nil && signed != int64(len(ids)) {
		err = fmt.Errorf("%d of %d consents were signed: %w", signed, len(ids), ports.ErrChanged)
	}
	return len(rows), err
}

func (r *Rewrap) sign(s billing.Subscription) ([]byte, error) {
	a, at, text := r.store.authenticator, ports.ConsentPlace(s), s.ConsentText()
	switch {
	case s.ConsentMAC == "" && r.RefuseUnsigned:
		return nil, ports.ErrNotAuthentic
	case s.ConsentMAC != "":
		if err := a.VerifyMAC(at, []byte(s.ConsentMAC), text); err != nil {
			return nil, err
		}
	}
	return a.MAC(at, text)
}

// macKey returns the beginning of every signature with the current key.
func (s *Store) macKey() []byte {
	return binary.BigEndian.AppendUint32(nil, s.authenticator.MACKeyID())
}

// ConsentCounts counts live subscriptions.
type ConsentCounts struct {
	Unsigned    int64 // without a signed consent
	OfOtherKeys int64 // signed with another key than the current one
}

// ConsentCounts returns zero for a store without [WithAuthenticator].
func (s *Store) ConsentCounts(ctx context.Context) (ConsentCounts, error) {
	if s.authenticator == nil {
		return ConsentCounts{}, nil
	}
	row, err := dbgen.New(s.pool).ConsentsCount(ctx, s.macKey())
	if err != nil {
		return ConsentCounts{}, translate(err)
	}
	return ConsentCounts{row.Unsigned, row.OfOtherKeys}, nil
}
