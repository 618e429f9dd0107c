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

func TestBooksAreForeign(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	s := newSimulatorAt(t, url, Config{})
	mustCharge(t, s, charge("tok_ok"))
	api, renewals := openAs(t, url, postgres.APIRole), openAs(t, url, postgres.RenewRole)
	ours := []string{
		"SELECT FROM simulator.requests", "SELECT FROM simulator.charges", "SELECT FROM simulator.tokens",
		"INSERT INTO simulator.charges (key) VALUES ('x')", "UPDATE simulator.requests SET status = 'declined'",
		"DELETE FROM simulator.charges", "TRUNCATE simulator.charges",
	}
	for _, c := range []struct {
		who  string
		exec func(context.Context, string, ...any) (pgconn.CommandTag, error)
		sql  []string
	}{
		{"the API", api.Exec, ours},
		{"renewals", renewals.Exec, ours},
		{"the simulator", s.pool.Exec, []string{
			"DELETE FROM simulator.charges", "UPDATE simulator.charges SET amount = 1", "TRUNCATE simulator.charges",
			"DELETE FROM simulator.requests",
		}},
	} {
		for _, sql := range c.sql {
			const denied = "42501"
			var pgErr *pgconn.PgError
			if _, err := c.exec(t.Context(), sql); !errors.As(err, &pgErr) || pgErr.Code != denied {
				t.Errorf("%s, %s: %v; want permission denied", c.who, sql, err)
			}
		}
	}
}

func TestBooksKeepNoToken(t *testing.T) {
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
			t.Errorf("%s keeps %q", table, text)
		}
	}
}

// locked keeps everybody from writing to a table until release is called, and
// says how many wait for that.
func locked(t *testing.T, url, table string) (release func(), waiting func() int) {
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

// until looks again and again whether something is so.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	limit := time.NewTimer(20 * time.Second)
	defer limit.Stop()
	for !so() {
		select {
		case <-look.C:
		case <-limit.C:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

type said struct {
	outcome billing.Outcome
	err     error
}

func TestFindWaitsForAChargeOnItsWay(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	s := newSimulatorAt(t, url, Config{})
	release, waiting := locked(t, url, "charges")
	r := charge("tok_ok")
	charged, found := make(chan said, 1), make(chan said, 1)
	go func() {
		o, err := s.Charge(t.Context(), r)
		charged <- said{o, err}
	}()
	until(t, "the charge to stop before its commit", func() bool { return waiting() == 1 })
	go func() {
		o, err := s.Find(t.Context(), r.Key)
		found <- said{o, err}
	}()
	until(t, "the look-up to wait", func() bool { return waiting() == 2 })
	release()
	a, b := <-charged, <-found
	if a.err != nil || b.err != nil || a.outcome != b.outcome || short(a.outcome) != "succeeded" {
		t.Errorf("Charge = %+v, Find = %+v; want one success", a, b)
	}
}

func TestCutOffInsideTheBooks(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	s := newSimulatorAt(t, url, Config{})
	release, waiting := locked(t, url, "charges")
	r := charge("tok_ok")
	ctx, cancel := context.WithCancel(t.Context())
	charged := make(chan error, 1)
	go func() {
		_, err := s.Charge(ctx, r)
		charged <- err
	}()
	until(t, "the charge to stop before its commit", func() bool { return waiting() == 1 })
	cancel()
	if err := <-charged; err == nil || errors.Is(err, ports.ErrNotSent) {
		t.Errorf("Charge = %v, want an error that leaves the outcome open", err)
	}
	release()
	if _, err := s.Find(t.Context(), r.Key); !errors.Is(err, ports.ErrChargeNotFound) {
		t.Errorf("Find = %v, want ErrChargeNotFound", err)
	}
	mustCharge(t, s, r)
	wantTaken(t, s, r.Key, []billing.Money{r.Amount})
}

func TestDatabaseOutOfReach(t *testing.T) {
	t.Parallel()
	s := newSimulatorAt(t, "postgres://nobody:hunter2@127.0.0.1:1/nowhere", Config{})
	r := charge("tok_ok")
	_, err := s.Charge(t.Context(), r)
	if !errors.Is(err, ports.ErrNotSent) {
		t.Errorf("Charge = %v, want ErrNotSent", err)
	}
	_, findErr := s.Find(t.Context(), r.Key)
	if findErr == nil || errors.Is(findErr, ports.ErrChargeNotFound) {
		t.Errorf("Find = %v, want an error that leaves it open", findErr)
	}
	listErr := s.Charges(t.Context(), time.Time{}, func(ports.LedgerEntry) error { return nil })
	for _, err := range []error{err, findErr, listErr} {
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("error %v: want one without the password", err)
		}
	}
}

// A connection that breaks while COMMIT is under way leaves it open whether the
// money moved.
func TestConnectionLostInTheCommit(t *testing.T) {
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
		t.Errorf("Charge = %v, want an error that leaves the outcome open", err)
	}
}
