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

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// violation returns the error of the domain for a unique constraint, or nil if its
// violation is a bug.
func violation(constraint string) error {
	switch constraint {
	case "subscriptions_one_live":
		return billing.ErrAlreadySubscribed
	case "subscriptions_one_per_group":
		return billing.ErrPlanGroupTaken
	case "idempotency_answers_once":
		return billing.ErrRequestInProgress
	case "payments_one_open":
		return billing.ErrAlreadyExists.WithMessage("the subscription has a payment that is not settled")
	case "payments_paid_once":
		return billing.ErrAlreadyExists.WithMessage("the period is already paid")
	case "refunds_one_open":
		return billing.ErrRefundOpen
	case "refunds_pkey":
		return billing.ErrAlreadyExists.WithMessage("a refund with this id already exists")
	case "grants_source":
		return billing.ErrAlreadyGiven
	case "grants_pkey":
		return billing.ErrAlreadyExists.WithMessage("a grant with this id already exists")
	case "cards_once":
		return billing.ErrAlreadyExists.WithMessage("the user already has this card")
	case "plan_endings_pkey":
		return billing.ErrAlreadyExists.WithMessage("the plan was ended at the same moment before; try again")
	case "plans_code_once":
		return billing.ErrAlreadyExists.WithMessage("a plan with this code already exists")
	case "payment_systems_pkey":
		return billing.ErrAlreadyExists.WithMessage("a payment system with this code already exists")
	case "panel_users_name_once":
		return billing.ErrAlreadyExists.WithMessage("a panel user with this name already exists")
	default:
		return nil
	}
}

// inUse reports whether a violation of this foreign key means that other rows refer
// to the deleted one.
func inUse(constraint string) bool {
	switch constraint {
	case "subscriptions_plan", "plan_endings_plan", "payment_methods_payment_system":
		return true
	}
	return false
}

// translate maps errors of pgx to errors of the domain. If the database is
// unavailable, the result also wraps the cause, for the operator.
func translate(err error) error {
	var pg *pgconn.PgError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &pg):
		return translateState(pg, err)
	case isUnavailable(err):
		return unavailable(err)
	default:
		return err
	}
}

func translateState(pg *pgconn.PgError, err error) error {
	if meaning := violation(pg.ConstraintName); meaning != nil && pg.Code == "23505" {
		return meaning
	}
	if inUse(pg.ConstraintName) && pg.Code == "23503" {
		return ports.ErrInUse
	}
	if pg.ConstraintName == "user_notes_user" {
		return billing.ErrNotFound
	}
	switch {
	case strings.HasPrefix(pg.Code, "08"), // connection
		strings.HasPrefix(pg.Code, "53"), // out of disk, memory, connections
		strings.HasPrefix(pg.Code, "57"), // shutdown, cancelled
		strings.HasPrefix(pg.Code, "40"), // conflict in the last attempt
		pg.Code == "55P03",               // lock not available
		pg.Code == "25006",               // read-only: a standby
		pg.Code == "25P03",               // idle in transaction
		pg.Code == "58030":               // I/O error
		return unavailable(err)
	case pg.Code == "22021": // a character that Postgres cannot store
		return billing.ErrInvalid.WithMessage("a text contains characters that cannot be stored")
	default:
		return err
	}
}

func isUnavailable(err error) bool {
	var connect *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connect) || errors.As(err, &network) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) ||
		errors.Is(err, pgx.ErrTxClosed) || strings.Contains(err.Error(), "conn closed") ||
		strings.Contains(err.Error(), "closed pool")
}

// unavailable wraps err in [billing.ErrUnavailable].
func unavailable(err error) error {
	if errors.Is(err, billing.Unavailable) {
		return err
	}
	return fmt.Errorf("%w: %w", billing.ErrUnavailable.WithMessage("the database is unavailable; try again"), err)
}

// commitError returns err unchanged if Postgres reported it. Otherwise the outcome
// of the commit is unknown, so the result is [billing.ErrUnavailable].
func commitError(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return err
	}
	return unavailable(err)
}

// isConflict reports whether the transaction failed because of a concurrent one, so
// that another attempt can succeed: a serialization failure, a deadlock, or a
// payment method that the other transaction added with the same token. If it added a
// subscription to another plan of the group, the next attempt finds and names that.
func isConflict(err error) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return false
	}
	switch pg.ConstraintName {
	case "payment_methods_token_once", "payment_methods_token_fingerprint_once", "subscriptions_one_per_group":
		return pg.Code == "23505"
	}
	return pg.Code == "40001" || pg.Code == "40P01"
}

// orNotFound returns notFound for [pgx.ErrNoRows], and err otherwise.
func orNotFound(err, notFound error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return notFound
	}
	return err
}
