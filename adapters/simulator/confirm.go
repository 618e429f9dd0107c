package simulator

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// reply is the viewer's answer on the page.
type reply struct {
	choice choice
	card   billing.CardNumber // of the choices pay and save
}

type choice string

const (
	pay     choice = "pay"  // with the card
	save    choice = "save" // the card
	approve choice = "approve"
	decline choice = "decline"

	cancelled choice = "cancelled" // by the service; no page has this button
)

// settled returns the request after a reply, or after the time without one. The first
// outcome is final. A reply that comes too late has no effect.
//
// A request that needs no reply settles at its time on the wall clock.
func (q request) settled(r reply, now, wall time.Time) request {
	if q.status != billing.PaymentPending {
		return q
	}
	if q.settlesAt != nil {
		if !wall.Before(*q.settlesAt) {
			q.status, q.decline = outcomeFor(q.settleDecline)
		}
		return q
	}
	switch {
	case !now.Before(*q.expiresAt):
		q.status, q.decline = billing.PaymentDeclined, billing.ActionExpired
	case r.choice == cancelled, q.awaitsCard && r.choice == decline:
		q.status, q.decline = billing.PaymentDeclined, billing.ActionExpired
	case q.awaitsCard: // only a card goes on: see withCard
	case r.choice == approve:
		q.status, q.decline = outcomeFor(q.approvalDecline)
	case r.choice == decline:
		q.status, q.decline = billing.PaymentDeclined, billing.AuthenticationFailed
	}
	return q
}

// outcomeFor returns the status and decline code of a decline code. "" accepts.
func outcomeFor(code billing.DeclineCode) (billing.PaymentStatus, billing.DeclineCode) {
	if code != "" {
		return billing.PaymentDeclined, code
	}
	return billing.PaymentSucceeded, ""
}

// confirm applies a reply to the request with this page, and returns the request. It
// returns [ports.ErrChargeNotFound] if no request has the page.
func (s *Simulator) confirm(ctx context.Context, action string, r reply) (q request, err error) {
	err = s.inTx(ctx, func(tx pgx.Tx) (err error) {
		q, err = s.settle(ctx, tx, byAction, action, r)
		return err
	})
	return q, err
}

// current returns a request after settling it if its time has come. The outcome is
// final even if the clock is set back.
func (s *Simulator) current(ctx context.Context, tx pgx.Tx, where string, value billing.PaymentID) (request, error) {
	return s.settle(ctx, tx, where, string(value), reply{})
}

// withCard returns the request after the viewer has entered a card. The outcome has a token
// for it.
func (s *Simulator) withCard(q request, number billing.CardNumber, now time.Time) request {
	c := testCardFor(number)
	q.awaitsCard, q.issued = false, newCardToken(c.name)
	q.token = sha256.Sum256([]byte(q.issued))
	return s.decide(q, c.first, tokenHistory{charges: 1}, billing.CustomerInitiated, now)
}

func (s *Simulator) settle(ctx context.Context, tx pgx.Tx, where, value string, r reply) (request, error) {
	before, err := readRequest(ctx, tx, where+" FOR UPDATE", value)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return before, ports.ErrChargeNotFound
	case err != nil:
		return before, fmt.Errorf("read the request: %w", err)
	}
	now := s.cfg.Clock.Now()
	q := before.settled(r, now, s.cfg.Wall())
	if q.status == billing.PaymentPending && q.awaitsCard && r.choice == pay {
		q = s.withCard(q, r.card, now)
	}
	if q.status == before.status && q.awaitsCard == before.awaitsCard {
		return q, nil
	}
	if q.status == billing.PaymentSucceeded {
		_, err := tx.Exec(ctx, `UPDATE simulator.tokens SET confirmed = true WHERE hash = $1`, q.token[:])
		if err != nil {
			return q, fmt.Errorf("record the confirmation: %w", err)
		}
	}
	return q, record(ctx, tx, q, now, 1)
}
