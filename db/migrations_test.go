package db

import (
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// The steps up to this one were made before there was a version to upgrade from.
const lastOfOld = 5

// TestTheLastVersionSurvives: while an upgrade goes on, the programs of the last
// version work on the new schema, under load. What they need may go away one
// version later. A statement that looks worse than it is has a line before it
// that says why: "-- survives: …".
func TestTheLastVersionSurvives(t *testing.T) {
	t.Parallel()
	files, err := fs.Glob(Migrations, "migrations/*.sql")
	if err != nil || len(files) <= lastOfOld {
		t.Fatal(files, err)
	}
	for _, file := range files {
		number, _, _ := strings.Cut(path.Base(file), "_")
		if n, err := strconv.Atoi(number); err != nil || n <= lastOfOld {
			continue
		}
		text, err := fs.ReadFile(Migrations, file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range judge(string(text)) {
			t.Errorf("%s: %s", file, f)
		}
	}
}

// What the last version does not survive, or what stops it for as long as a
// large table takes.
var harmful = []struct {
	what    string
	is, but *regexp.Regexp // but: what makes a match harmless
}{
	{"takes away what is used", regexp.MustCompile(`(?i)\b(DROP|TRUNCATE)\b`), nil},
	{"renames what is used", regexp.MustCompile(`(?i)\bRENAME\b`), nil},
	{"takes away a right that is used", regexp.MustCompile(`(?i)^REVOKE\b.*\bFROM\b.*\b(billing_\w+)`), nil},
	{"rewrites a table: add a column, and write both", regexp.MustCompile(`(?i)\bALTER COLUMN \S+ (SET DATA )?TYPE\b`), nil},
	{"demands what the last version does not write: give it a default",
		regexp.MustCompile(`(?i)\bADD COLUMN [^,;]*\bNOT NULL\b[^,;]*`), regexp.MustCompile(`(?i)\bDEFAULT\b`)},
	{"demands what the last version does not write", regexp.MustCompile(`(?i)\bSET NOT NULL\b`), nil},
	{"looks through a table that nobody can use meanwhile: NOT VALID, and VALIDATE CONSTRAINT in the next step",
		regexp.MustCompile(`(?i)\bADD (CONSTRAINT|CHECK|FOREIGN|UNIQUE|PRIMARY)\b.*`), regexp.MustCompile(`(?i)\bNOT VALID\b`)},
	{"keeps a table from being written to: CONCURRENTLY, without a transaction, after SET lock_timeout = 0",
		regexp.MustCompile(`(?i)^CREATE (UNIQUE )?INDEX\b.*`), regexp.MustCompile(`(?i)\bCONCURRENTLY\b`)},
	{"changes rows that are used: do it in small steps, elsewhere", regexp.MustCompile(`(?i)^(UPDATE|DELETE|MERGE)\b`), nil},
	{"stops everybody", regexp.MustCompile(`(?i)^(LOCK|CLUSTER|VACUUM FULL|REINDEX)\b`), nil},
}

var (
	comment = regexp.MustCompile(`--[^\n]*`)
	made    = regexp.MustCompile(`(?i)\bCREATE TABLE (IF NOT EXISTS )?([\w.]+)`)
	onTable = regexp.MustCompile(`(?i)\bON (ONLY )?([\w.]+)`)
)

// judge tells what is harmful in the way up of a step.
func judge(step string) (found []string) {
	up, _, _ := strings.Cut(step, "-- +goose Down")
	fresh := map[string]bool{} // nobody uses these yet
	for _, m := range made.FindAllStringSubmatch(comment.ReplaceAllString(up, ""), -1) {
		fresh[m[2]] = true
	}
	for _, s := range statements(up) {
		if strings.Contains(s, "-- survives: ") {
			continue
		}
		sql := strings.Join(strings.Fields(comment.ReplaceAllString(s, "")), " ")
		if m := onTable.FindStringSubmatch(sql); m != nil && fresh[m[2]] && strings.Contains(strings.ToUpper(sql), " INDEX ") {
			continue
		}
		for _, h := range harmful {
			for _, match := range h.is.FindAllString(sql, -1) {
				if h.but == nil || !h.but.MatchString(match) {
					found = append(found, h.what+": "+sql)
				}
			}
		}
	}
	return found
}

// statements are those of a step, each with the comments before it. What goose
// takes as one, with semicolons in it, is one here.
func statements(up string) (list []string) {
	const begin, end = "-- +goose StatementBegin", "-- +goose StatementEnd"
	for up != "" {
		plain, rest, _ := strings.Cut(up, begin)
		list = append(list, strings.Split(comment.ReplaceAllStringFunc(plain, func(c string) string {
			return strings.ReplaceAll(c, ";", ",")
		}), ";")...)
		var one string
		one, up, _ = strings.Cut(rest, end)
		list = append(list, one)
	}
	return list
}

func TestJudge(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]int{
		"ALTER TABLE a ADD COLUMN b text;":                                                   0,
		"ALTER TABLE a ADD COLUMN b text NOT NULL DEFAULT '';":                               0,
		"ALTER TABLE a ADD COLUMN b text NOT NULL;":                                          1,
		"ALTER TABLE a\n    ADD COLUMN b int DEFAULT 0,\n    ADD COLUMN c int NOT NULL;":     1,
		"ALTER TABLE a DROP COLUMN b;":                                                       1,
		"-- survives: the last version did not use it; really\nALTER TABLE a DROP COLUMN b;": 0,
		"DROP TABLE a;":                                           1,
		"ALTER TABLE a RENAME COLUMN b TO c;":                     1,
		"ALTER TABLE a ALTER COLUMN b TYPE bigint;":               1,
		"ALTER TABLE a ALTER b SET NOT NULL;":                     1,
		"ALTER TABLE a ADD CONSTRAINT c CHECK (b > 0);":           1,
		"ALTER TABLE a ADD CONSTRAINT c CHECK (b > 0) NOT VALID;": 0,
		"CREATE INDEX i ON a (b);":                                1,
		"CREATE UNIQUE INDEX CONCURRENTLY i ON a (b);":            0,
		"CREATE TABLE a (b int);\nCREATE INDEX i ON a (b);":       0,
		"-- CREATE TABLE a (\nCREATE INDEX i ON a (b);":           1,
		"UPDATE a SET b = 1;":                                     1,
		"TRUNCATE a;":                                             1,
		"LOCK TABLE a;":                                           1,
		"REVOKE SELECT ON a FROM billing_api;":                    1,
		"REVOKE CREATE ON SCHEMA public FROM PUBLIC;":             0,
		"-- +goose StatementBegin\nDO $$ BEGIN x; DROP TABLE a; END $$;\n-- +goose StatementEnd\n": 1,
		"SELECT 1;\n-- +goose Down\nDROP TABLE a;":                                                 0,
	} {
		if got := judge("-- +goose Up\n" + sql); len(got) != want {
			t.Errorf("%s: %q, want %d", sql, got, want)
		}
	}
}
