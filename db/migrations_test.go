package db

import (
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// The service's migrations up to this one are older than the first version that
// can be upgraded.
const lastUnchecked = 5

// TestMigrations_PreviousVersionSurvives refuses statements that break or block
// the previous version's programs, which work on the new schema during an upgrade.
// A column can be dropped one version after its last use. A comment
// "-- survives: reason" before a statement permits it.
func TestMigrations_PreviousVersionSurvives(t *testing.T) {
	t.Parallel()
	files, err := fs.Glob(Migrations, "*/*.sql")
	if err != nil || len(files) <= lastUnchecked {
		t.Fatalf("migrations %q, %v; want more than %d", files, err, lastUnchecked)
	}
	for _, file := range files {
		number, _, _ := strings.Cut(path.Base(file), "_")
		n, err := strconv.Atoi(number)
		if err != nil {
			t.Errorf("%s: the name does not begin with a number", file)
		}
		if n <= lastUnchecked && path.Dir(file) == "migrations" {
			continue
		}
		text, err := fs.ReadFile(Migrations, file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range harmfulStatements(string(text)) {
			t.Errorf("%s: %s", file, f)
		}
	}
}

// Production databases have neither the simulator's schema nor its role.
func TestMigrations_ServiceWithoutSimulator(t *testing.T) {
	t.Parallel()
	files, err := fs.Glob(Migrations, "migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := fs.ReadFile(Migrations, file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(comment.ReplaceAllString(string(text), ""), "simulator") {
			t.Errorf("%s uses the simulator's schema or role: move that to db/simulator", file)
		}
	}
}

// harmful lists the statements that break the previous version, or block it for as
// long as a large table takes.
var harmful = []struct {
	effect              string
	pattern, harmlessIf *regexp.Regexp
}{
	{"drops an object that is in use", regexp.MustCompile(`(?i)\b(DROP|TRUNCATE)\b`), nil},
	{"renames an object that is in use", regexp.MustCompile(`(?i)\bRENAME\b`), nil},
	{"revokes a right that is in use", regexp.MustCompile(`(?i)^REVOKE\b.*\bFROM\b.*\b(billing_\w+)`), nil},
	{"rewrites a table: add a column, and write both", regexp.MustCompile(`(?i)\bALTER COLUMN \S+ (SET DATA )?TYPE\b`), nil},
	{"requires a column that the previous version does not write: give it a default",
		regexp.MustCompile(`(?i)\bADD COLUMN [^,;]*\bNOT NULL\b[^,;]*`), regexp.MustCompile(`(?i)\bDEFAULT\b`)},
	{"requires a column that the previous version does not write", regexp.MustCompile(`(?i)\bSET NOT NULL\b`), nil},
	{"scans a table while it is locked: use NOT VALID, and VALIDATE CONSTRAINT in the next migration",
		regexp.MustCompile(`(?i)\bADD (CONSTRAINT|CHECK|FOREIGN|UNIQUE|PRIMARY)\b.*`), regexp.MustCompile(`(?i)\bNOT VALID\b`)},
	{"blocks writes to a table: use CONCURRENTLY, without a transaction, after SET lock_timeout = 0",
		regexp.MustCompile(`(?i)^CREATE (UNIQUE )?INDEX\b.*`), regexp.MustCompile(`(?i)\bCONCURRENTLY\b`)},
	{"changes rows that are in use: do it in small steps, outside of migrations", regexp.MustCompile(`(?i)^(UPDATE|DELETE|MERGE)\b`), nil},
	{"blocks all users of a table", regexp.MustCompile(`(?i)^(LOCK|CLUSTER|VACUUM FULL|REINDEX)\b`), nil},
}

var (
	comment     = regexp.MustCompile(`--[^\n]*`)
	alterTable  = regexp.MustCompile(`(?i)^ALTER TABLE (?:IF EXISTS |ONLY )*([\w.]+)`)
	createTable = regexp.MustCompile(`(?i)\bCREATE TABLE (IF NOT EXISTS )?([\w.]+)`)
	onTable     = regexp.MustCompile(`(?i)\bON (ONLY )?([\w.]+)`)
)

// harmfulStatements returns the harmful statements in the section Up of a
// migration, each with its effect.
func harmfulStatements(migration string) (found []string) {
	up, _, _ := strings.Cut(migration, "-- +goose Down")
	created := map[string]bool{} // tables that no program uses yet
	for _, m := range createTable.FindAllStringSubmatch(comment.ReplaceAllString(up, ""), -1) {
		created[m[2]] = true
	}
	var altered string // the first table that the transaction locks
	for _, s := range statements(up) {
		if strings.Contains(s, "-- survives: ") {
			continue
		}
		sql := strings.Join(strings.Fields(comment.ReplaceAllString(s, "")), " ")
		if m := alterTable.FindStringSubmatch(sql); m != nil && !created[m[1]] && !strings.Contains(up, "-- +goose NO TRANSACTION") {
			if altered != "" && altered != m[1] {
				found = append(found, "locks a second table, in another order than a query may: use NO TRANSACTION: "+sql)
			}
			altered = m[1]
		}
		if m := onTable.FindStringSubmatch(sql); m != nil && created[m[2]] && strings.Contains(strings.ToUpper(sql), " INDEX ") {
			continue
		}
		for _, h := range harmful {
			for _, match := range h.pattern.FindAllString(sql, -1) {
				if h.harmlessIf == nil || !h.harmlessIf.MatchString(match) {
					found = append(found, h.effect+": "+sql)
				}
			}
		}
	}
	return found
}

// statements splits a section of a migration into statements, each with the
// comments before it. A goose statement block counts as one statement.
func statements(up string) (list []string) {
	const begin, end = "-- +goose StatementBegin", "-- +goose StatementEnd"
	for up != "" {
		plain, rest, _ := strings.Cut(up, begin)
		list = append(list, strings.Split(comment.ReplaceAllStringFunc(plain, func(c string) string {
			return strings.ReplaceAll(c, ";", ",")
		}), ";")...)
		var block string
		block, up, _ = strings.Cut(rest, end)
		list = append(list, block)
	}
	return list
}

func TestHarmfulStatements(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]int{
		"ALTER TABLE a ADD COLUMN b text;":                                                       0,
		"ALTER TABLE a ADD COLUMN b text NOT NULL DEFAULT '';":                                   0,
		"ALTER TABLE a ADD COLUMN b text NOT NULL;":                                              1,
		"ALTER TABLE a\n    ADD COLUMN b int DEFAULT 0,\n    ADD COLUMN c int NOT NULL;":         1,
		"ALTER TABLE a DROP COLUMN b;":                                                           1,
		"-- survives: the previous version did not use it; really\nALTER TABLE a DROP COLUMN b;": 0,
		"DROP TABLE a;":                                                                1,
		"ALTER TABLE a RENAME COLUMN b TO c;":                                          1,
		"ALTER TABLE a ALTER COLUMN b TYPE bigint;":                                    1,
		"ALTER TABLE a ALTER b SET NOT NULL;":                                          1,
		"ALTER TABLE a ADD CONSTRAINT c CHECK (b > 0);":                                1,
		"ALTER TABLE a ADD CONSTRAINT c CHECK (b > 0) NOT VALID;":                      0,
		"CREATE INDEX i ON a (b);":                                                     1,
		"CREATE UNIQUE INDEX CONCURRENTLY i ON a (b);":                                 0,
		"CREATE TABLE a (b int);\nCREATE INDEX i ON a (b);":                            0,
		"-- CREATE TABLE a (\nCREATE INDEX i ON a (b);":                                1,
		"ALTER TABLE a ADD b int;\nALTER TABLE a ADD c int;":                           0,
		"ALTER TABLE a ADD b int;\nALTER TABLE b ADD c int;":                           1,
		"-- +goose NO TRANSACTION\nALTER TABLE a ADD b int;\nALTER TABLE b ADD c int;": 0,
		"UPDATE a SET b = 1;":                                                          1,
		"TRUNCATE a;":                                                                  1,
		"LOCK TABLE a;":                                                                1,
		"REVOKE SELECT ON a FROM billing_api;":                                         1,
		"REVOKE CREATE ON SCHEMA public FROM PUBLIC;":                                  0,
		"-- +goose StatementBegin\nDO $$ BEGIN x; DROP TABLE a; END $$;\n-- +goose StatementEnd\n": 1,
		"SELECT 1;\n-- +goose Down\nDROP TABLE a;":                                                 0,
	} {
		if got := harmfulStatements("-- +goose Up\n" + sql); len(got) != want {
			t.Errorf("%s: %q, want %d", sql, got, want)
		}
	}
}
