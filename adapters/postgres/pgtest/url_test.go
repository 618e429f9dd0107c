package pgtest

import (
	"testing"
	"testing/fstest"
)

func TestWithDatabase(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"postgres://u:p@h1,h2/old?sslmode=disable": "postgres://u:p@h1,h2/new?sslmode=disable",
		"postgresql:///?host=%2Ftmp":               "postgresql:///new?host=%2Ftmp",
		"host=/tmp dbname=old":                     "host=/tmp dbname=old dbname=new",
	} {
		if got, err := withDatabase(given, "new"); got != want || err != nil {
			t.Errorf("%s: %s, %v; want %s", given, got, err, want)
		}
	}
}

func TestWithParam(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"postgres:///db?a=b": "postgres:///db?a=b&n=5",
		"postgres:///db":     "postgres:///db?n=5",
		"dbname=db":          "dbname=db n=5",
	} {
		if got, err := withParam(given, "n", 5); got != want || err != nil {
			t.Errorf("%s: %s, %v; want %s", given, got, err, want)
		}
	}
}

func TestTemplateName_DependsOnMigrations(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for name, files := range map[string]fstest.MapFS{
		"one file":   {"migrations/1.sql": {Data: []byte("a")}},
		"other text": {"migrations/1.sql": {Data: []byte("b")}},
		"other name": {"migrations/2.sql": {Data: []byte("a")}},
		"two files":  {"migrations/1.sql": {Data: []byte("a")}, "migrations/2.sql": {}},
		"two sets":   {"migrations/1.sql": {Data: []byte("a")}, "simulator/2.sql": {}},
	} {
		template, err := templateName(files)
		if err != nil || len(template) > 50 {
			t.Errorf("%s: %q, %v; want at most 50 bytes", name, template, err)
		}
		if other, ok := seen[template]; ok {
			t.Errorf("%s and %s have the same template", name, other)
		}
		seen[template] = name
	}
	if _, err := templateName(fstest.MapFS{}); err == nil {
		t.Error("without migrations: no error, want one")
	}
}
