package simulator

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// refundsAs says how the refunds of a charge go. The empty one is that they succeed at once.
type refundsAs string

const (
	refundPending refundsAs = "pending" // they succeed after [settleDelay]
	refundFails   refundsAs = "fails"   // they succeed, and are declined after [settleDelay]
	refundRefused refundsAs = "refused" // they are declined at once
	refundLost    refundsAs = "lost"    // they succeed at once, and the response is lost
)

// refund is a refund by key.
type refund struct {
	key        billing.RefundID
	byHand     bool // its key is not one of the service
	lost       bool // the response to its request is lost
	payment    billing.PaymentID
	paymentRef string
	ref        string
	amount     billing.Money
	status     billing.PaymentStatus
	changesAt  *time.Time // when the status changes, on the wall clock
	changesTo  billing.PaymentStatus
	at         time.Time
	age        time.Duration // since it was stored, on the clock of the database

	receipt receipt
}

// now returns the refund as it is at a time of the wall clock.
func (r refund) now(wall time.Time) refund {
	if r.changesAt != nil && !wall.Before(*r.changesAt) {
		r.status = r.changesTo
	}
	return r
}

// outcome returns the outcome for the port, at a time of the wall clock.
func (r refund) outcome(wall time.Time) billing.RefundOutcome {
	o := billing.RefundOutcome{Status: r.status, ProviderRef: r.ref}
	if r.status == billing.PaymentSucceeded {
		o.Receipt = r.receipt.status(wall)
	}
	if r.status == billing.PaymentDeclined {
		o.DeclineCode = billing.GenericDecline
	}
	return o
}

// Refund pays back once per key. It commits the refund before it responds. Together, the
// refunds of a charge never exceed it. See [ports.Refunder].
func (s *Simulator) Refund(ctx context.Context, r ports.RefundRequest) (billing.RefundOutcome, error) {
	o, err := s.refund(ctx, r)
	if err != nil {
		return billing.RefundOutcome{}, fmt.Errorf("simulator: refund %q: %w", r.Key, err)
	}
	return o, nil
}

func (s *Simulator) refund(ctx context.Context, r ports.RefundRequest) (billing.RefundOutcome, error) {
	fault := s.randomFault()
	if err := s.before(ctx, fault); err != nil {
		return billing.RefundOutcome{}, err
	}
	if !validKey(billing.PaymentID(r.Key)) || r.Amount.Amount <= 0 {
		return billing.RefundOutcome{}, ports.ErrRefused
	}
	stored, err := s.storeRefund(ctx, refund{key: r.Key, payment: r.Payment, amount: r.Amount, receipt: s.newReceipt(r.Receipt)})
	if err != nil {
		return billing.RefundOutcome{}, err
	}
	switch {
	case stored.lost:
		fault = LoseResponse
	case fault == InvalidResponse: // a refund has none that the port could express
		fault = TruncateResponse
	}
	if err := s.after(ctx, fault); err != nil {
		return billing.RefundOutcome{}, err
	}
	return s.respondRefund(ctx, stored)
}

func (s *Simulator) respondRefund(ctx context.Context, r refund) (billing.RefundOutcome, error) {
	if err := s.awaitResponse(ctx, s.cfg.Latency()); err != nil {
		return billing.RefundOutcome{}, err
	}
	wall := s.cfg.Wall()
	return r.now(wall).outcome(wall), nil
}

// RefundByHand refunds a charge as a person does in the payment system's own panel. Nothing
// in the refund names the service.
func (s *Simulator) RefundByHand(ctx context.Context, payment billing.PaymentID, amount billing.Money) error {
	_, err := s.storeRefund(ctx, refund{key: billing.RefundID("by hand " + rand.Text()), byHand: true, payment: payment, amount: amount})
	return err
}

// storeRefund stores and commits a new refund. If the key was used already, it returns that
// refund.
func (s *Simulator) storeRefund(ctx context.Context, r refund) (stored refund, err error) {
	changes := false
	err = s.inEffect(ctx, func(tx pgx.Tx) error {
		if err := s.forget(ctx, tx, "refunds", string(r.key)); err != nil {
			return err
		}
		var as refundsAs
		var charged billing.Money
		var status billing.PaymentStatus
		// The lock makes the refunds of a charge wait for each other, and lookups for them.
		err := tx.QueryRow(ctx, `SELECT status, amount, currency, refunds_as FROM simulator.requests WHERE key = $1 FOR UPDATE`, r.payment).
			Scan(&status, &charged.Amount, &charged.Currency, &as)
		if errors.Is(err, pgx.ErrNoRows) || err == nil && status != billing.PaymentSucceeded {
			return ports.ErrRefused
		}
		if err != nil {
			return fmt.Errorf("read the charge: %w", err)
		}
		stored, err = readRefund(ctx, tx, r.key)
		if err == nil && (stored.payment != r.payment || stored.amount != r.amount || !stored.receipt.same(r.receipt)) {
			return ports.ErrKeyConflict
		}
		if !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		if err := s.checkRest(ctx, tx, r, charged); err != nil {
			return err
		}
		stored, err = s.insertRefund(ctx, tx, r.decided(as, s.cfg.Wall()))
		changes = stored.changesAt != nil
		return err
	})
	if err == nil && changes {
		time.AfterFunc(settleDelay, func() { s.notifyRefund(ctx, stored) })
	}
	return stored, err
}

// decided returns the new refund after the payment system has decided on it.
func (r refund) decided(as refundsAs, wall time.Time) refund {
	r.ref, r.status = "simre_"+rand.Text(), billing.PaymentSucceeded
	later := wall.Add(settleDelay).UTC()
	switch as {
	case refundPending:
		r.status, r.changesAt, r.changesTo = billing.PaymentPending, &later, billing.PaymentSucceeded
	case refundFails:
		r.changesAt, r.changesTo = &later, billing.PaymentDeclined
	case refundRefused:
		r.status = billing.PaymentDeclined
	case refundLost:
		r.lost = true
	}
	return r
}

// checkRest returns [ports.ErrRefused] if the refunds would exceed the charge.
func (s *Simulator) checkRest(ctx context.Context, tx pgx.Tx, r refund, charged billing.Money) error {
	var refunded int64
	err := tx.QueryRow(ctx, `
		SELECT coalesce(sum(amount), 0)::bigint FROM simulator.refunds
		WHERE payment = $1 AND CASE WHEN changes_at <= $2 THEN changes_to ELSE status END <> 'declined'`,
		r.payment, s.cfg.Wall()).Scan(&refunded)
	if err != nil {
		return fmt.Errorf("add the refunds up: %w", err)
	}
	if r.amount.Currency != charged.Currency || refunded+r.amount.Amount > charged.Amount {
		return ports.ErrRefused
	}
	return nil
}

func (s *Simulator) insertRefund(ctx context.Context, tx pgx.Tx, r refund) (refund, error) {
	_, err := tx.Exec(ctx, `
		INSERT INTO simulator.refunds (key, by_hand, payment, ref, amount, currency, status, changes_at, changes_to, at,
		                               receipt, receipt_contact, receipt_fails, receipt_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, nullif($11, ''), $12, $13, $14)`,
		r.key, r.byHand, r.payment, r.ref, r.amount.Amount, r.amount.Currency, r.status, r.changesAt, r.changesTo, s.cfg.Clock.Now(),
		r.receipt.text, r.receipt.contact, r.receipt.fails, r.receipt.at)
	if err != nil {
		return r, fmt.Errorf("store the refund: %w", err)
	}
	return r, nil
}

const selectRefund = `
	SELECT r.key, r.by_hand, r.payment, q.ref, r.ref, r.amount, r.currency, r.status, r.changes_at, r.changes_to, r.at,
	       clock_timestamp() - r.stored_at, coalesce(r.receipt, ''), r.receipt_contact, r.receipt_fails, r.receipt_at
	FROM simulator.refunds r JOIN simulator.requests q ON q.key = r.payment `

// fields returns where a row of selectRefund is stored.
func (r *refund) fields() []any {
	return []any{
		&r.key, &r.byHand, &r.payment, &r.paymentRef, &r.ref, &r.amount.Amount, &r.amount.Currency, &r.status,
		&r.changesAt, &r.changesTo, &r.at, &r.age,
		&r.receipt.text, &r.receipt.contact, &r.receipt.fails, &r.receipt.at,
	}
}

// readRefund returns one refund, or [pgx.ErrNoRows].
func readRefund(ctx context.Context, from queryer, key billing.RefundID) (r refund, err error) {
	err = from.QueryRow(ctx, selectRefund+`WHERE r.key = $1`, key).Scan(r.fields()...)
	return r, err
}

// FindRefund returns the outcome of the refund with the key of the query. It waits for a
// transaction that is storing it. See [ports.Refunder].
func (s *Simulator) FindRefund(ctx context.Context, q ports.RefundQuery) (billing.RefundOutcome, error) {
	var r refund
	err := s.inTx(ctx, func(tx pgx.Tx) (err error) {
		if _, err := tx.Exec(ctx, `SELECT FROM simulator.requests WHERE key = $1 FOR SHARE`, q.Payment); err != nil {
			return fmt.Errorf("wait for the charge: %w", err)
		}
		r, err = readRefund(ctx, tx, q.Key)
		if errors.Is(err, pgx.ErrNoRows) {
			return ports.ErrRefundNotFound
		}
		return err
	})
	over := s.cfg.Horizon > 0 && r.age >= s.cfg.Horizon
	switch {
	case err == nil && (r.byHand || r.age < s.cfg.Lag || over):
		err = ports.ErrRefundNotFound
	case s.losesLookup():
		err = errTruncated
	}
	var o billing.RefundOutcome
	if err == nil {
		o, err = s.respondRefund(ctx, r)
	}
	if err != nil {
		return o, fmt.Errorf("simulator: find refund %q: %w", q.Key, err)
	}
	return o, nil
}

// Refunds calls each for all refunds, oldest first. It holds a connection while each runs.
// See [ports.Refunder].
func (s *Simulator) Refunds(ctx context.Context, from time.Time, each func(ports.RefundEntry) error) error {
	var r refund
	rows, err := s.pool.Query(ctx, selectRefund+`WHERE r.at >= coalesce($1::timestamptz, '-infinity') ORDER BY r.at, r.key`, orNull(from))
	if err == nil {
		_, err = pgx.ForEachRow(rows, r.fields(), func() error {
			now := r.now(s.cfg.Wall())
			e := ports.RefundEntry{
				Key: r.key, Ref: r.ref, Payment: r.payment, PaymentRef: r.paymentRef, Amount: r.amount, Status: now.status, At: r.at.UTC(),
			}
			if r.byHand {
				e.Key, e.Payment = "", ""
			}
			return each(e)
		})
	}
	if err != nil {
		return fmt.Errorf("simulator: read the refunds: %w", err)
	}
	return nil
}
