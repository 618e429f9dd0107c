package db_test

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pressly/goose/v3"

	"github.com/online-cinema/billing/adapters/postgres"
	"github.com/online-cinema/billing/adapters/postgres/pgtest"
)

const (
	insertLedger = `
		INSERT INTO simulator.requests (key, fingerprint, token, amount, currency, status, ref, created_at)
			VALUES ('k1', '\x01', '\x02', 39900, 'RUB', 'succeeded', 'sim_1', '2026-01-01Z');
		INSERT INTO simulator.tokens (hash, charges) VALUES ('\x02', 2);
		INSERT INTO simulator.charges (key, ref, amount, currency, at)
			SELECT 'k1', 'sim_1', 39900, 'RUB', '2026-01-01Z' FROM generate_series(1, 2)`
	selectLedger = `
		SELECT format('%s %s %s %s %s', key, fingerprint, amount, status, created_at) FROM simulator.requests
		UNION ALL SELECT format('%s %s %s', hash, charges, confirmed) FROM simulator.tokens
		UNION ALL SELECT format('%s %s %s %s %s', id, key, ref, amount, at) FROM simulator.charges ORDER BY 1`

	// unusedRight was granted before the split. Upgraded databases keep it.
	unusedRight = "public.test_clock grants SELECT to billing_simulator"
)

// schemaForSimulator returns the schema without the rights that do not matter.
func schemaForSimulator(t *testing.T, url string) []string {
	t.Helper()
	return slices.DeleteFunc(schemaOf(t, url), func(line string) bool { return line == unusedRight })
}

// The service's migrations of earlier versions created the simulator's schema,
// wholly or in part. The simulator's set accepts such databases.
func TestSimulatorSplit_UpgradesOldDatabase(t *testing.T) {
	t.Parallel()
	fresh := pgtest.EmptyURL(t)
	migrate(t, fresh)
	want := schemaForSimulator(t, fresh)
	for name, version := range map[string]int64{
		"empty database":           0,
		"without the schema":       1,
		"without the card columns": 2,
		"with the card columns":    4,
		"newest before the split":  lastBeforeSplit,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := pgtest.EmptyURL(t)
			rows := oldDatabase(t, url, version)
			migrate(t, url)
			if diff := cmp.Diff(want, schemaForSimulator(t, url)); diff != "" {
				t.Errorf("schema of a fresh database against the upgraded one:\n%s", diff)
			}
			if diff := cmp.Diff(rows, lines(t, url, selectLedger)); version >= 2 && diff != "" {
				t.Errorf("rows before and after the upgrade:\n%s", diff)
			}
			if again := migrate(t, url); len(again) > 0 {
				t.Errorf("the second upgrade applied %v", again)
			}
		})
	}
}

// oldDatabase applies the migrations before the split up to a version. It returns
// the rows that it adds to the ledger, if the version has one.
func oldDatabase(t *testing.T, url string, version int64) (rows []string) {
	t.Helper()
	upTo(t, beforeSplit(t, url), version)
	if version < 2 {
		return nil
	}
	if _, err := connect(t, url).Exec(t.Context(), insertLedger); err != nil {
		t.Fatal(err)
	}
	return lines(t, url, selectLedger)
}

// addedLater is in the lines of columns and tables that later migrations of the simulator
// add.
var addedLater = regexp.MustCompile(`^simulator\.(requests column (1[6-9]|2[0-3]) (stored_at|awaits_card|return_url|refunds_as|receipt|receipt_contact|receipt_fails|receipt_at) |tokens column 4 forgotten |(saves|refunds)[_ ])`)

// The split adds the version table and the right to read it, and nothing else.
func TestSimulatorSplit_KeepsSchema(t *testing.T) {
	t.Parallel()
	old, url := pgtest.EmptyURL(t), pgtest.EmptyURL(t)
	upTo(t, beforeSplit(t, old), lastBeforeSplit)
	upTo(t, afterSplit(t, url), lastBeforeSplit)
	migrate(t, url, postgres.SimulatorMigrations)
	before, after := schemaForSimulator(t, old), schemaForSimulator(t, url)
	for _, line := range before {
		if !slices.Contains(after, line) {
			t.Errorf("removed: %s", line)
		}
	}
	for _, line := range after {
		if !slices.Contains(before, line) && !strings.HasPrefix(line, "simulator.schema_migrations") && !addedLater.MatchString(line) {
			t.Errorf("added: %s", line)
		}
	}
}

// Production applies the service's set only. It can apply the simulator's later.
func TestSimulatorSplit_Production(t *testing.T) {
	t.Parallel()
	for name, version := range map[string]int64{"fresh": 0, "upgraded": lastBeforeSplit} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := pgtest.EmptyURL(t)
			rows := oldDatabase(t, url, version)
			before := tablesOf(t, url)
			for _, m := range migrate(t, url, postgres.ServiceMigrations) {
				if strings.HasPrefix(m, "simulator/") {
					t.Errorf("applied %s", m)
				}
			}
			if diff := cmp.Diff(before, tablesOf(t, url)); diff != "" {
				t.Errorf("the simulator's tables before and after:\n%s", diff)
			}
			migrate(t, url)
			if diff := cmp.Diff(schemaForSimulator(t, pgtest.URL(t)), schemaForSimulator(t, url)); diff != "" {
				t.Errorf("schema against one with both sets from the start:\n%s", diff)
			}
			if diff := cmp.Diff(rows, lines(t, url, selectLedger)); version > 0 && diff != "" {
				t.Errorf("rows before and after:\n%s", diff)
			}
		})
	}
}

// tablesOf lists the simulator's schema and tables.
func tablesOf(t *testing.T, url string) []string {
	t.Helper()
	return lines(t, url, `
		SELECT nspname::text FROM pg_namespace WHERE nspname = 'simulator'
		UNION ALL SELECT tablename::text FROM pg_tables WHERE schemaname = 'simulator' ORDER BY 1`)
}

// The previous version's programs are ready if all migrations that they know were
// applied. Its billingctl migrate up finds nothing to do.
func TestSimulatorSplit_PreviousVersionIsReady(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{"fresh": pgtest.URL(t), "upgraded": pgtest.EmptyURL(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			old := beforeSplit(t, url)
			if name == "upgraded" {
				upTo(t, old, lastBeforeSplit)
				migrate(t, url)
			}
			all, err := old.Status(t.Context())
			if err != nil || len(all) != lastBeforeSplit {
				t.Fatalf("%d migrations, %v; want %d", len(all), err, lastBeforeSplit)
			}
			for _, m := range all {
				if m.State != goose.StateApplied {
					t.Errorf("%s is not applied", m.Source.Path)
				}
			}
			if done, err := old.Up(t.Context()); err != nil || len(done) > 0 {
				t.Errorf("the previous version applied %v, %v", done, err)
			}
			if _, err := connect(t, url).Exec(t.Context(), insertLedger); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestSimulatorSplit_ConcurrentUpgrades(t *testing.T) {
	t.Parallel()
	for name, version := range map[string]int64{"empty database": 0, "old database": lastBeforeSplit} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := pgtest.EmptyURL(t)
			upTo(t, beforeSplit(t, url), version)
			applied := make([][]string, 3)
			var wg sync.WaitGroup
			for i := range applied {
				wg.Go(func() { applied[i] = migrate(t, url) })
			}
			wg.Wait()
			var want []string
			known, err := postgres.Migrations(t.Context(), url)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range known {
				if version == 0 || !isBeforeSplit(m) {
					want = append(want, m.Name)
				}
			}
			got := slices.Sorted(slices.Values(slices.Concat(applied...)))
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("migrations applied by all three together:\n%s", diff)
			}
		})
	}
}

// A program reads the status with its own login, which cannot create tables. Only
// the logins of programs that use the simulator can read the simulator's.
func TestMigrations_ProgramLogin(t *testing.T) {
	t.Parallel()
	service := []postgres.MigrationSet{postgres.ServiceMigrations}
	for name, tt := range map[string]struct {
		roles string
		sets  []postgres.MigrationSet
	}{
		"panel": {"billing_panel", service},
		"api":   {"billing_api, billing_simulator", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := pgtest.EmptyURL(t)
			upTo(t, beforeSplit(t, url), lastBeforeSplit)
			reader := loginIn(t, url, tt.roles)
			for _, upgraded := range []bool{false, true} {
				if upgraded {
					migrate(t, url)
				}
				before := schemaOf(t, url)
				list, err := postgres.Migrations(t.Context(), reader, tt.sets...)
				if err != nil {
					t.Fatal(err)
				}
				for _, m := range list {
					if want := upgraded || isBeforeSplit(m); m.Applied != want {
						t.Errorf("upgraded %v: %s applied %v, want %v", upgraded, m.Name, m.Applied, want)
					}
				}
				if diff := cmp.Diff(before, schemaOf(t, url)); diff != "" {
					t.Errorf("the status changed the schema:\n%s", diff)
				}
			}
		})
	}
}

// loginIn creates a login that is a member of roles, and returns its URL.
func loginIn(t *testing.T, url, roles string) string {
	t.Helper()
	owner := connect(t, url)
	login := "reader_" + owner.Config().Database
	if _, err := owner.Exec(t.Context(), "CREATE ROLE "+login+" LOGIN IN ROLE "+roles); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := owner.Exec(context.WithoutCancel(t.Context()), "DROP ROLE "+login); err != nil {
			t.Error(err)
		}
	})
	if strings.Contains(url, "?") {
		return url + "&user=" + login
	}
	return url + "?user=" + login
}
