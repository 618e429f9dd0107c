package simulator

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// reply is what a viewer says on the page.
type reply string

const (
	noReply reply = ""
	approve reply = "approve"
	decline reply = "decline"
)

// after returns the request as it stands once the viewer has replied, or has
// not. The first outcome stays; a reply that comes too late counts as none.
//
// One that needs no reply is over when its time has come, on the wall clock.
func (q request) after(r reply, now, wall time.Time) request {
	if q.status != billing.PaymentPending {
		return q
	}
	if q.settles != nil {
		if !wall.Before(*q.settles) {
			q.status, q.decline = verdict(q.settlesAs)
		}
		return q
	}
	switch {
	case !now.Before(*q.expires):
		q.status, q.decline = billing.PaymentDeclined, billing.ActionExpired
	case r == approve:
		q.status, q.decline = verdict(q.approval)
	case r == decline:
		q.status, q.decline = billing.PaymentDeclined, billing.AuthenticationFailed
	}
	return q
}

// verdict is a status and why, of why a charge is declined; "" accepts it.
func verdict(code billing.DeclineCode) (billing.PaymentStatus, billing.DeclineCode) {
	if code != "" {
		return billing.PaymentDeclined, code
	}
	return billing.PaymentSucceeded, ""
}

// confirm settles the charge whose page has this name as the viewer replies,
// and returns it as it stands. [ports.ErrChargeNotFound] when there is none.
func (s *Simulator) confirm(ctx context.Context, action string, r reply) (q request, err error) {
	err = s.inTx(ctx, func(tx pgx.Tx) (err error) {
		q, err = s.settle(ctx, tx, byAction, action, r)
		return err
	})
	return q, err
}

// current returns a request as it stands now: one that nobody confirmed in time
// is over, and stays so even if the clock is set back.
func (s *Simulator) current(ctx context.Context, tx pgx.Tx, where string, value billing.PaymentID) (request, error) {
	return s.settle(ctx, tx, where, string(value), noReply)
}

func (s *Simulator) settle(ctx context.Context, tx pgx.Tx, where, value string, r reply) (request, error) {
	before, err := read(ctx, tx, where+" FOR UPDATE", value)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return before, ports.ErrChargeNotFound
	case err != nil:
		return before, fmt.Errorf("read the request: %w", err)
	}
	now := s.cfg.Clock.Now()
	q := before.after(r, now, s.cfg.Wall())
	if q.status == before.status {
		return q, nil
	}
	if q.status == billing.PaymentSucceeded {
		_, err := tx.Exec(ctx, `UPDATE simulator.tokens SET confirmed = true WHERE hash = $1`, q.token[:])
		if err != nil {
			return q, fmt.Errorf("remember the viewer: %w", err)
		}
	}
	return q, record(ctx, tx, q, now, 1)
}
