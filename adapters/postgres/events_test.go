package postgres_test

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/online-cinema/billing/adapters/postgres/pgtest"
)

// An agreement is evidence for years, so the schema does not store half of one.
func TestEvents_AgreementIsComplete(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	for name, c := range map[string]struct {
		columns, values string
		valid           bool
	}{
		"agreement":                      {"type, price_amount, price_currency, interval_months, due_now, first_charge_at", "'agreed', 39900, 'RUB', 1, 0, now()", true},
		"agreement with a terms version": {"type, price_amount, price_currency, interval_months, due_now, first_charge_at, terms_version", "'agreed', 39900, 'RUB', 1, 0, now(), '7'", true},
		"agreement without a date":       {"type, price_amount, price_currency, interval_months, due_now", "'agreed', 39900, 'RUB', 1, 0", false},
		"agreement without a price":      {"type, price_currency, interval_months, due_now, first_charge_at", "'agreed', 'RUB', 1, 0, now()", false},
		"agreement without anything":     {"type", "'agreed'", false},
		"another event":                  {"type", "'renewed'", true},
		"another event with a price":     {"type, price_amount", "'renewed', 39900", false},
		"another event with terms":       {"type, terms_version", "'renewed', '7'", false},
	} {
		_, err := pool.Exec(t.Context(), `INSERT INTO events (user_id, id, at, plan_code, decline_code, `+c.columns+`)
			VALUES (gen_random_uuid(), gen_random_uuid(), now(), '', '', `+c.values+`)`)
		if c.valid {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		var pg *pgconn.PgError
		if !errors.As(err, &pg) || pg.ConstraintName != "events_agreement" {
			t.Errorf("%s: error %v, want a violation of events_agreement", name, err)
		}
	}
}
