package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Refunded implements [ports.RefundReader]. It reads pages, as [Store.Paid] does.
func (s *Store) Refunded(ctx context.Context, system string, from time.Time, each func(billing.Refund) error) error {
	q := dbgen.New(s.pool)
	page := dbgen.RefundsOfSystemParams{System: system, FromTime: from, AfterID: minID, AfterUser: minID}
	if from.IsZero() {
		page.FromTime = time.Unix(0, 0) // the zero time is NULL
	}
	for {
		rows, err := q.RefundsOfSystem(ctx, page)
		if err != nil {
			return translate(err)
		}
		for _, row := range rows {
			if err := each(refundOf(row)); err != nil {
				return err
			}
		}
		if len(rows) < paidPage {
			return nil
		}
		page.AfterID, page.AfterUser = rows[len(rows)-1].ID, rows[len(rows)-1].UserID
	}
}

// RefundByID returns a refund, and false if there is none with this id.
func (s *Store) RefundByID(ctx context.Context, id billing.RefundID) (billing.Refund, bool, error) {
	row, err := dbgen.New(s.pool).RefundByID(ctx, string(id))
	if errors.Is(err, pgx.ErrNoRows) {
		return billing.Refund{}, false, nil
	}
	if err != nil {
		return billing.Refund{}, false, translate(err)
	}
	return refundOf(row), true, nil
}

// RefundsNamed implements [ports.RefundReader].
func (s *Store) RefundsNamed(ctx context.Context, system string, entries ...ports.RefundEntry) ([]billing.Refund, error) {
	ids, refs := namesOf(entries, func(e ports.RefundEntry) (id, ref string) { return string(e.Key), e.Ref })
	rows, err := dbgen.New(s.pool).RefundsNamed(ctx, ids, refs, system)
	return mapSlice(rows, refundOf), translate(err)
}

// PaymentsNamed implements [ports.RefundReader].
func (s *Store) PaymentsNamed(ctx context.Context, system string, entries ...ports.RefundEntry) ([]billing.Payment, error) {
	ids, refs := namesOf(entries, func(e ports.RefundEntry) (id, ref string) { return string(e.Payment), e.PaymentRef })
	rows, err := dbgen.New(s.pool).PaymentsNamed(ctx, ids, refs, system)
	return mapSlice(rows, paymentOf), translate(err)
}

// namesOf returns the ids that are UUIDs, and the references.
func namesOf(entries []ports.RefundEntry, name func(ports.RefundEntry) (id, ref string)) (ids, refs []string) {
	ids, refs = make([]string, 0, len(entries)), make([]string, 0, len(entries))
	for _, e := range entries {
		id, ref := name(e)
		if billing.IsID(id) {
			ids = append(ids, id)
		}
		if ref != "" {
			refs = append(refs, ref)
		}
	}
	return ids, refs
}
