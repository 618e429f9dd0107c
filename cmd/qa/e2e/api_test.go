package e2e

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/adapters/postgres/local"
)

func TestShutdown_FinishesRequestInFlight(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.api(t, "billing-api")
	alice := a.at(w.viewer(t, "alice"))
	answers := make(chan response, 1)
	go func() {
		got, err := alice.try(t.Context(), http.MethodPost, "/v1/subscriptions", "", subscribeBody("tok_slow"))
		if err != nil {
			got.text = err.Error()
		}
		answers <- got
	}()
	eventually(t, "payment in flight", func() bool { return len(alice.get(t, "/v1/payments").body.Data) == 1 })
	a.signal(t, syscall.SIGTERM)
	if got := <-answers; got.status != http.StatusCreated {
		t.Errorf("request in flight: %d %s, want 201", got.status, got.text)
	}
	if code := a.wait(t); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	w.checkLedger(t, 1)
}

// Log lines that belong to a request have the id that the client received.
func TestLog_HasRequestID(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.api(t, "billing-api")
	got := a.at(w.viewer(t, "alice")).call(t, http.MethodPost, "/v1/subscriptions", "", subscribeBody("tok_ok"))
	for _, msg := range []string{"payment", "request"} {
		a.line(t, "line of the "+msg, func(line string) bool {
			var l struct {
				Msg       string
				RequestID string `json:"request_id"`
			}
			return json.Unmarshal([]byte(line), &l) == nil && l.Msg == msg && l.RequestID == got.requestID
		})
	}
}

// The API starts without its database, reports it, and recovers repeatedly without
// a restart.
func TestAPI_RecoversFromDatabaseOutages(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	db := openPostgres(t, dir)
	url := db.URL()
	if _, err := postgres.Migrate(t.Context(), url, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	w.databaseURL = url
	a := w.api(t, "billing-api")
	alice := a.at(w.viewer(t, "alice"))
	for range 2 {
		got := alice.call(t, http.MethodGet, "/v1/payment-systems", "", "")
		if got.status != http.StatusServiceUnavailable || got.body.Code != "unavailable" {
			t.Errorf("without a database: %d %s, want 503", got.status, got.text)
		}
		if got := ready(t, a); got != http.StatusServiceUnavailable {
			t.Errorf("readyz without a database: status %d, want 503", got)
		}
		db = openPostgres(t, dir)
		eventually(t, "readiness", func() bool { return ready(t, a) == http.StatusOK })
		alice.get(t, "/v1/payment-systems")
		want := map[string]string{"status": "ready", "running": "ok", "database": "ok", "migrations": "ok", "keys": "ok", "vault": "ok"}
		if diff := cmp.Diff(want, readiness(t, a)); diff != "" {
			t.Errorf("readyz (-want +got):\n%s", diff)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAPI_NotReadyWithoutSimulatorMigrations runs the API with the simulator on a
// database that only has the service's migrations.
func TestAPI_NotReadyWithoutSimulatorMigrations(t *testing.T) {
	t.Parallel()
	url := openPostgres(t, folder(t)).URL()
	if _, err := postgres.Migrate(t.Context(), url, slog.New(slog.DiscardHandler), postgres.ServiceMigrations); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	w.databaseURL = url
	a := w.api(t, "billing-api")
	eventually(t, "a database", func() bool { return readiness(t, a)["database"] == "ok" })
	if got := readiness(t, a); got["status"] == "ready" || got["migrations"] == "ok" {
		t.Errorf("without the simulator's migrations: readyz %v, want failing migrations", got)
	}
	if _, err := postgres.Migrate(t.Context(), url, slog.New(slog.DiscardHandler), postgres.SimulatorMigrations); err != nil {
		t.Fatal(err)
	}
	eventually(t, "readiness", func() bool { return ready(t, a) == http.StatusOK })
}

func openPostgres(t *testing.T, dir string) *local.Server {
	t.Helper()
	db, err := local.Open(t.Context(), local.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// readiness returns the checks of /readyz with their results.
func readiness(t *testing.T, a api) (report map[string]string) {
	t.Helper()
	resp, err := http.Get(a.ops + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if err := json.NewDecoder(resp.Body).Decode(&report); err != nil {
		t.Fatal(err)
	}
	return report
}

// ready returns the status of /readyz.
func ready(t *testing.T, a api) int {
	t.Helper()
	req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodGet, a.ops+"/readyz", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}
