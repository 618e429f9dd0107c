package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

// violation maps the constraints that can be met in the course of business to
// what they mean. Any other is a fault of ours.
func violation(constraint string) error {
	switch constraint {
	case "subscriptions_one_live":
		return billing.ErrAlreadySubscribed
	case "idempotency_answers_once":
		return billing.ErrRequestInProgress
	case "payments_one_open":
		return billing.ErrAlreadyExists.WithMessage("the subscription has a payment that is not settled")
	case "payments_paid_once":
		return billing.ErrAlreadyExists.WithMessage("the period is paid for")
	case "cards_once":
		return billing.ErrAlreadyExists.WithMessage("the user has this card already")
	case "plans_code_once":
		return billing.ErrAlreadyExists.WithMessage("there is a plan with this code already")
	case "payment_systems_pkey":
		return billing.ErrAlreadyExists.WithMessage("there is a payment system with this code already")
	case "panel_users_name_once":
		return billing.ErrAlreadyExists.WithMessage("there is a panel user with this name already")
	default:
		return nil
	}
}

// reference maps the keys whose violation means that others refer to what is
// deleted.
func reference(constraint string) bool {
	switch constraint {
	case "subscriptions_plan", "payment_methods_payment_system":
		return true
	}
	return false
}

// translate turns what pgx reports into errors of the domain. The cause is kept
// where an operator needs it: when the database is out of reach.
func translate(err error) error {
	var pg *pgconn.PgError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &pg):
		return translateState(pg, err)
	case outOfReach(err):
		return unavailable(err)
	default:
		return err
	}
}

func translateState(pg *pgconn.PgError, err error) error {
	if meaning := violation(pg.ConstraintName); meaning != nil && pg.Code == "23505" {
		return meaning
	}
	if reference(pg.ConstraintName) && pg.Code == "23503" {
		return app.ErrInUse
	}
	switch {
	case strings.HasPrefix(pg.Code, "08"), // connection
		strings.HasPrefix(pg.Code, "53"), // out of disk, memory, connections
		strings.HasPrefix(pg.Code, "57"), // shutdown, cancelled
		strings.HasPrefix(pg.Code, "40"), // gave up a conflict, time and again
		pg.Code == "55P03",               // lock not available
		pg.Code == "25006",               // read-only: a standby
		pg.Code == "25P03",               // idle in transaction
		pg.Code == "58030":               // I/O error
		return unavailable(err)
	case pg.Code == "22021": // text that no database text can be
		return billing.ErrInvalid.WithMessage("a text holds characters that cannot be stored")
	default:
		return err
	}
}

func outOfReach(err error) bool {
	var connect *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connect) || errors.As(err, &network) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) ||
		errors.Is(err, pgx.ErrTxClosed) || strings.Contains(err.Error(), "conn closed") ||
		strings.Contains(err.Error(), "closed pool")
}

// unavailable marks err as the database being out of reach.
func unavailable(err error) error {
	if errors.Is(err, billing.Unavailable) {
		return err
	}
	return fmt.Errorf("%w: %w", billing.ErrUnavailable.WithMessage("the database is out of reach; try again"), err)
}

// commitError never says that a commit failed for certain unless Postgres did:
// one that was sent may have been kept, whatever broke afterwards.
func commitError(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return err
	}
	return unavailable(err)
}

// isConflict reports whether the database rolled the transaction back so that
// another could go on: serialization failure, deadlock, or a payment method that
// the other added with the same token, and that is found now.
func isConflict(err error) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return false
	}
	switch pg.ConstraintName {
	case "payment_methods_token_once", "payment_methods_token_fingerprint_once":
		return pg.Code == "23505"
	}
	return pg.Code == "40001" || pg.Code == "40P01"
}

// orNotFound turns "no rows" into what it means here.
func orNotFound(err, meaning error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return meaning
	}
	return err
}
