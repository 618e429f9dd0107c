package postgres_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/adapters/postgres/pgtest"
	"github.com/online-cinema/billing/core/ports"
)

// hostileDefaults are settings of a database that the service does not want. Each has
// the value that its connections must have.
var hostileDefaults = []struct{ name, hostile, want string }{
	{"default_transaction_isolation", "serializable", "read committed"},
	{"default_transaction_read_only", "on", "off"},
	{"search_path", "elsewhere", "public"},
	{"client_encoding", "LATIN1", "UTF8"},
	{"timezone", "Asia/Tokyo", "UTC"},
	{"synchronous_commit", "off", "on"},
	{"statement_timeout", "1ms", "0"},
	{"lock_timeout", "1ms", "0"},
	{"idle_in_transaction_session_timeout", "1ms", "1min"},
}

// hostileURL returns the URL of an empty database with hostileDefaults.
func hostileURL(t *testing.T) string {
	t.Helper()
	databaseURL := pgtest.EmptyURL(t)
	owner, err := pgx.Connect(t.Context(), databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = owner.Close(t.Context()) }()
	for _, s := range hostileDefaults {
		sql := fmt.Sprintf("ALTER DATABASE %s SET %s = '%s'", pgx.Identifier{owner.Config().Database}.Sanitize(), s.name, s.hostile)
		if _, err := owner.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	return databaseURL
}

func TestOpenRole_HostileDefaults(t *testing.T) {
	t.Parallel()
	databaseURL := hostileURL(t)
	if _, err := postgres.Migrate(t.Context(), databaseURL, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	pool := openAs(t, databaseURL, postgres.APIRole)
	for _, s := range hostileDefaults {
		var got string
		if err := pool.QueryRow(t.Context(), "SELECT current_setting($1)", s.name).Scan(&got); err != nil || got != s.want {
			t.Errorf("%s is %q, %v; want %q", s.name, got, err, s.want)
		}
	}
	store := postgres.NewStore(pool)
	err := store.InTx(t.Context(), func(tx ports.Repos) error {
		return tx.Users.Seen(t.Context(), time.Now(), "00000000-0000-0000-0000-000000000001")
	})
	if err != nil {
		t.Errorf("write: %v", err)
	}
	if err := postgres.NewStore(openAs(t, databaseURL, postgres.PanelRole)).Fold(t.Context()); err != nil {
		t.Errorf("fold: %v", err)
	}
}

// A pooler may refuse the settings, so its connections are checked.
func TestOpenRole_HostileDefaultsBehindPooler(t *testing.T) {
	t.Parallel()
	for _, s := range []struct{ name, value string }{
		{"synchronous_commit", "off"}, {"client_encoding", "LATIN1"},
	} {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			databaseURL := pgtest.URL(t)
			pool := openAs(t, databaseURL, postgres.LoginRole)
			if err := pool.Ping(t.Context()); err != nil {
				t.Fatal(err)
			}
			name := pgx.Identifier{pool.Config().ConnConfig.Database}.Sanitize()
			if _, err := pool.Exec(t.Context(), fmt.Sprintf("ALTER DATABASE %s SET %s = '%s'", name, s.name, s.value)); err != nil {
				t.Fatal(err)
			}
			err := openAs(t, databaseURL+"&role=none", postgres.APIRole).Ping(t.Context())
			if err == nil || !strings.Contains(err.Error(), s.name) || !strings.Contains(err.Error(), s.value) {
				t.Errorf("error %v, want one that names %s and %s", err, s.name, s.value)
			}
		})
	}
}

// An operator may prefer another durability. Only off loses commits that were
// acknowledged when one server crashes.
func TestOpenRole_KeepsChosenCommit(t *testing.T) {
	t.Parallel()
	databaseURL := pgtest.URL(t)
	for _, want := range []string{"remote_apply", "local", "on"} {
		var got string
		pool := openAs(t, databaseURL+"&synchronous_commit="+want, postgres.APIRole)
		if err := pool.QueryRow(t.Context(), "SHOW synchronous_commit").Scan(&got); err != nil || got != want {
			t.Errorf("synchronous_commit is %q, %v; want %s", got, err, want)
		}
	}
}
