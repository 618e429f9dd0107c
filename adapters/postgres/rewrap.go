package postgres

import (
	"context"
	"crypto/subtle"
	"fmt"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

// Rewrap seals up to limit rows again that are sealed with another key than the
// vault's current one, or are in the clear, and returns how many. Each is opened
// again before it is kept. Rows that somebody is working with are left for the
// next call, and any number may rewrap at once: it can be stopped and taken up
// again at any moment.
//
// A row that does not open ends it with [app.ErrSealBroken] and the row's id.
func (s *Store) Rewrap(ctx context.Context, limit int) (n int, err error) {
	if s.vault == nil {
		return 0, app.ErrNoVault
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err = s.inQueries(ctx, func(q *dbgen.Queries) error {
		cards, err := s.rewrapCards(ctx, q, limit)
		if err != nil {
			return err
		}
		methods, err := s.rewrapMethods(ctx, q, limit)
		n = cards + methods
		return err
	})
	return n, err
}

// inQueries is InTx for what is no use case.
func (s *Store) inQueries(ctx context.Context, f func(*dbgen.Queries) error) error {
	tx, err := s.pool.Begin(ctx)
	if err != nil {
		return unavailable(err)
	}
	defer rollback(ctx, tx)
	if err := f(dbgen.New(tx)); err != nil {
		return translate(err)
	}
	return translate(tx.Commit(ctx))
}

func (s *Store) rewrapCards(ctx context.Context, q *dbgen.Queries, limit int) (int, error) {
	rows, err := q.CardsToSeal(ctx, int64(s.vault.Current()), int32(limit))
	if err != nil {
		return 0, err
	}
	for _, row := range rows {
		at := app.Place{Purpose: app.SealedNumber, User: billing.UserID(row.UserID), Row: row.ID}
		fresh, err := s.reseal(at, sealedOf(row.NumberCt, row.KeyID))
		if err != nil {
			return 0, fmt.Errorf("card %s: %w", row.ID, err)
		}
		n, err := q.CardSeal(ctx, dbgen.CardSealParams{
			UserID: row.UserID, ID: row.ID, NumberCt: fresh.Ciphertext, KeyID: key(fresh),
		})
		if err := mustTouch(1, n, err); err != nil {
			return 0, err
		}
	}
	return len(rows), nil
}

func (s *Store) reseal(at app.Place, old billing.Sealed) (billing.Sealed, error) {
	text, err := s.vault.Open(at, old)
	if err != nil {
		return billing.Sealed{}, err
	}
	defer clear(text)
	fresh, err := s.vault.Seal(at, text)
	if err != nil {
		return fresh, err
	}
	return fresh, s.verify(at, fresh, text)
}

// verify opens what was just sealed: the old ciphertext is about to go.
func (s *Store) verify(at app.Place, fresh billing.Sealed, want []byte) error {
	again, err := s.vault.Open(at, fresh)
	if err != nil {
		return err
	}
	defer clear(again)
	if subtle.ConstantTimeCompare(again, want) != 1 {
		return fmt.Errorf("what was sealed again opens as something else: %w", app.ErrSealBroken)
	}
	return nil
}

func (s *Store) rewrapMethods(ctx context.Context, q *dbgen.Queries, limit int) (int, error) {
	rows, err := q.MethodsToSeal(ctx, int64(s.vault.Current()), int32(limit))
	if err != nil {
		return 0, err
	}
	for _, row := range rows {
		if err := s.rewrapMethod(ctx, q, row); err != nil {
			return 0, fmt.Errorf("payment method %s: %w", row.ID, err)
		}
	}
	return len(rows), nil
}

func (s *Store) rewrapMethod(ctx context.Context, q *dbgen.Queries, row dbgen.PaymentMethod) error {
	r := methods{q, tokens{s.vault}}
	token, err := r.tokens.open(row)
	if err != nil {
		return err
	}
	m := billing.PaymentMethod{
		ID: billing.PaymentMethodID(row.ID), UserID: billing.UserID(row.UserID), Token: billing.NewSecret(token),
	}
	fresh, err := r.tokens.store(m)
	if err != nil {
		return err
	}
	if err := s.verify(tokenPlace(m), sealedOf(fresh.ciphertext, fresh.keyID), []byte(token)); err != nil {
		return err
	}
	return r.seal(ctx, m, fresh)
}

// SealedRows counts what is sealed with one key; with key 0, what is in the clear.
type SealedRows struct {
	KeyID          uint32
	Cards, Methods int64
}

// Sealed counts the sealed rows by their keys.
func (s *Store) Sealed(ctx context.Context) ([]SealedRows, error) {
	q := dbgen.New(s.pool)
	cards, err := q.CardsByKey(ctx)
	if err != nil {
		return nil, translate(err)
	}
	methods, err := q.TokensByKey(ctx)
	if err != nil {
		return nil, translate(err)
	}
	var list []SealedRows
	of := func(id int64) *SealedRows {
		for i := range list {
			if list[i].KeyID == uint32(id) {
				return &list[i]
			}
		}
		list = append(list, SealedRows{KeyID: uint32(id)})
		return &list[len(list)-1]
	}
	for _, row := range cards {
		of(row.KeyID).Cards = row.Rows
	}
	for _, row := range methods {
		of(row.KeyID).Methods = row.Rows
	}
	return list, nil
}
