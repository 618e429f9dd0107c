package postgres

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

// Rewrap seals again, batch by batch, what is sealed with another key than the
// vault's current one, or is in the clear. Each row is opened again before it is
// kept. Rows that somebody is working with are passed over: another pass finds
// them. It can be stopped at any moment and begun anew, and any number may go on
// at once.
type Rewrap struct {
	Sealed int      // rows that were sealed again
	Broken []string // rows that do not open, and were left as they are

	store        *Store
	card, method place // where this pass is
}

// place is a row in the order of user and id.
type place struct{ user, id string }

// Rewrap begins a pass. [app.ErrNoVault] without a vault.
func (s *Store) Rewrap() (*Rewrap, error) {
	if s.vault == nil {
		return nil, app.ErrNoVault
	}
	first := place{noID, noID}
	return &Rewrap{store: s, card: first, method: first}, nil
}

// Next deals with up to limit cards and as many methods, in one transaction, and
// returns how many rows it looked at: none at the end of the pass.
func (r *Rewrap) Next(ctx context.Context, limit int) (n int, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	done := *r
	err = r.store.inQueries(ctx, func(q *dbgen.Queries) error {
		cards, err := done.cards(ctx, q, limit)
		if err != nil {
			return err
		}
		methods, err := done.methods(ctx, q, limit)
		n = cards + methods
		return err
	})
	if err == nil {
		*r = done
	}
	return n, err
}

// note counts what became of a row. One that does not open is passed over: the
// others must not wait for it.
func (r *Rewrap) note(what, id string, err error) error {
	switch {
	case err == nil:
		r.Sealed++
	case errors.Is(err, app.ErrSealBroken):
		r.Broken = append(slices.Clip(r.Broken), what+" "+id)
	default:
		return fmt.Errorf("%s %s: %w", what, id, err)
	}
	return nil
}

// inQueries is InTx for what is no use case.
func (s *Store) inQueries(ctx context.Context, f func(*dbgen.Queries) error) error {
	return translate(s.once(ctx, func(t *tx) error { return f(dbgen.New(t)) }))
}

func (r *Rewrap) cards(ctx context.Context, q *dbgen.Queries, limit int) (int, error) {
	rows, err := q.CardsToSeal(ctx, dbgen.CardsToSealParams{
		KeyID: int64(r.store.vault.Current()), AfterUser: r.card.user, AfterID: r.card.id, Take: int32(limit),
	})
	if err != nil {
		return 0, err
	}
	for _, row := range rows {
		r.card = place{row.UserID, row.ID}
		if err := r.note("card", row.ID, r.store.rewrapCard(ctx, q, row)); err != nil {
			return 0, err
		}
	}
	return len(rows), nil
}

func (s *Store) rewrapCard(ctx context.Context, q *dbgen.Queries, row *dbgen.Card) error {
	at := app.Place{Purpose: app.SealedNumber, User: billing.UserID(row.UserID), Row: row.ID}
	fresh, err := s.reseal(at, sealedOf(row.NumberCt, row.KeyID))
	if err != nil {
		return err
	}
	n, err := q.CardSeal(ctx, dbgen.CardSealParams{
		UserID: row.UserID, ID: row.ID, NumberCt: fresh.Ciphertext, KeyID: key(fresh),
	})
	return mustTouch(1, n, err)
}

func (s *Store) reseal(at app.Place, old billing.Encrypted) (billing.Encrypted, error) {
	text, err := s.vault.Open(at, old)
	if err != nil {
		return billing.Encrypted{}, err
	}
	defer clear(text)
	fresh, err := s.vault.Seal(at, text)
	if err != nil {
		return fresh, err
	}
	return fresh, s.verify(at, fresh, text)
}

// verify opens what was just sealed: the old ciphertext is about to go.
func (s *Store) verify(at app.Place, fresh billing.Encrypted, want []byte) error {
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

func (r *Rewrap) methods(ctx context.Context, q *dbgen.Queries, limit int) (int, error) {
	rows, err := q.MethodsToSeal(ctx, dbgen.MethodsToSealParams{
		KeyID: int64(r.store.vault.Current()), AfterUser: r.method.user, AfterID: r.method.id, Take: int32(limit),
	})
	if err != nil {
		return 0, err
	}
	for _, row := range rows {
		r.method = place{row.UserID, row.ID}
		if err := r.note("payment method", row.ID, r.store.rewrapMethod(ctx, q, row)); err != nil {
			return 0, err
		}
	}
	return len(rows), nil
}

func (s *Store) rewrapMethod(ctx context.Context, q *dbgen.Queries, row *dbgen.PaymentMethod) error {
	r := methods{q: q, tokens: tokens{s.vault}}
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
