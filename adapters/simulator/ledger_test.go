package simulator

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/adapters/postgres/pgtest"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

func TestTables_OtherRolesDenied(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	s := newSimulatorAt(t, url, Config{})
	mustCharge(t, s, charge("tok_ok"))
	api, renewals := openAs(t, url, postgres.APIRole), openAs(t, url, postgres.RenewRole)
	denied := []string{
		"SELECT FROM simulator.requests", "SELECT FROM simulator.charges", "SELECT FROM simulator.tokens",
		"INSERT INTO simulator.charges (key) VALUES ('x')", "UPDATE simulator.requests SET status = 'declined'",
		"DELETE FROM simulator.charges", "TRUNCATE simulator.charges",
	}
	for _, c := range []struct {
		name string
		exec func(context.Context, string, ...any) (pgconn.CommandTag, error)
		sql  []string
	}{
		{"the API", api.Exec, denied},
		{"renewals", renewals.Exec, denied},
		{"the simulator", s.pool.Exec, []string{
			"DELETE FROM simulator.charges", "UPDATE simulator.charges SET amount = 1", "TRUNCATE simulator.charges",
			"DELETE FROM simulator.requests",
		}},
	} {
		for _, sql := range c.sql {
			const insufficientPrivilege = "42501"
			var pgErr *pgconn.PgError
			if _, err := c.exec(t.Context(), sql); !errors.As(err, &pgErr) || pgErr.Code != insufficientPrivilege {
				t.Errorf("%s, %s: %v; want permission denied", c.name, sql, err)
			}
		}
	}
}

func TestTables_NoTokens(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	s := newSimulatorAt(t, url, Config{})
	const token = "tok_ok_then_card_expired~4242424242424242"
	mustCharge(t, s, charge(token))
	mustCharge(t, s, charge(token))
	admin := openAs(t, url, "none")
	for _, table := range []string{"requests", "tokens", "charges"} {
		var text string
		err := admin.QueryRow(t.Context(), "SELECT string_agg(x::text, ' ') FROM simulator."+table+" x").Scan(&text)
		if err != nil {
			t.Fatal(err)
		}
		if text == "" || strings.Contains(text, "tok_") || strings.Contains(text, "4242") {
			t.Errorf("simulator.%s has %q, want rows without tokens", table, text)
		}
	}
}

// lockTable blocks writes to a table until release is called. waiting returns the number
// of sessions that wait for a lock.
func lockTable(t *testing.T, url, table string) (release func(), waiting func() int) {
	t.Helper()
	admin := openAs(t, url, "none")
	tx, err := admin.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "LOCK TABLE simulator."+table+" IN EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) })
	release = func() {
		if err := tx.Rollback(t.Context()); err != nil {
			t.Error(err)
		}
	}
	return release, func() (n int) {
		err := admin.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
}

// waitFor polls until ok returns true.
func waitFor(t *testing.T, condition string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	limit := time.NewTimer(20 * time.Second)
	defer limit.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-limit.C:
			t.Fatalf("not true within 20 seconds: %s", condition)
		}
	}
}

type response struct {
	outcome billing.Outcome
	err     error
}

func TestFind_WaitsForCharge(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	s := newSimulatorAt(t, url, Config{})
	release, waiting := lockTable(t, url, "charges")
	r := charge("tok_ok")
	charged, found := make(chan response, 1), make(chan response, 1)
	go func() {
		o, err := s.Charge(t.Context(), r)
		charged <- response{o, err}
	}()
	waitFor(t, "the charge waits before its commit", func() bool { return waiting() == 1 })
	go func() {
		o, err := s.Find(t.Context(), ports.ChargeQuery{Key: r.Key})
		found <- response{o, err}
	}()
	waitFor(t, "the lookup waits", func() bool { return waiting() == 2 })
	release()
	a, b := <-charged, <-found
	if a.err != nil || b.err != nil || a.outcome != b.outcome || summary(a.outcome) != "succeeded" {
		t.Errorf("Charge = %+v, Find = %+v; want the same success", a, b)
	}
}

func TestCharge_CanceledInTransaction(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	s := newSimulatorAt(t, url, Config{})
	release, waiting := lockTable(t, url, "charges")
	r := charge("tok_ok")
	ctx, cancel := context.WithCancel(t.Context())
	charged := make(chan error, 1)
	go func() {
		_, err := s.Charge(ctx, r)
		charged <- err
	}()
	waitFor(t, "the charge waits before its commit", func() bool { return waiting() == 1 })
	cancel()
	if err := <-charged; err == nil || errors.Is(err, ports.ErrNotSent) {
		t.Errorf("Charge = %v, want an error for an unknown outcome", err)
	}
	release()
	if _, err := s.Find(t.Context(), ports.ChargeQuery{Key: r.Key}); !errors.Is(err, ports.ErrChargeNotFound) {
		t.Errorf("Find = %v, want ErrChargeNotFound", err)
	}
	mustCharge(t, s, r)
	wantLedger(t, s, r.Key, []billing.Money{r.Amount})
}

func TestCharge_DatabaseUnavailable(t *testing.T) {
	t.Parallel()
	s := newSimulatorAt(t, "postgres://nobody:hunter2@127.0.0.1:1/nowhere", Config{})
	r := charge("tok_ok")
	_, err := s.Charge(t.Context(), r)
	if !errors.Is(err, ports.ErrNotSent) {
		t.Errorf("Charge = %v, want ErrNotSent", err)
	}
	_, findErr := s.Find(t.Context(), ports.ChargeQuery{Key: r.Key})
	if findErr == nil || errors.Is(findErr, ports.ErrChargeNotFound) {
		t.Errorf("Find = %v, want an error other than ErrChargeNotFound", findErr)
	}
	listErr := s.Charges(t.Context(), time.Time{}, time.Time{}, func(ports.LedgerEntry) error { return nil })
	for _, err := range []error{err, findErr, listErr} {
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("error %v, want one without the password", err)
		}
	}
}

// If the connection breaks during COMMIT, the money may have moved.
func TestCharge_ConnectionLostDuringCommit(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	s := newSimulatorAt(t, url, Config{})
	admin := openAs(t, url, "none")
	for _, sql := range []string{
		// A deferred trigger runs inside COMMIT.
		`CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
		 $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$`,
		`CREATE CONSTRAINT TRIGGER cut AFTER INSERT ON simulator.charges
		 DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION cut()`,
	} {
		if _, err := admin.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	r := charge("tok_ok")
	_, err := s.Charge(t.Context(), r)
	if err == nil || errors.Is(err, ports.ErrNotSent) || errors.Is(err, pgx.ErrTxClosed) {
		t.Errorf("Charge = %v, want an error for an unknown outcome", err)
	}
}
