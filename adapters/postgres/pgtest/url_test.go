package pgtest

import (
	"testing"
	"testing/fstest"
)

func TestOtherDatabase(t *testing.T) {
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

func TestOneParameterMore(t *testing.T) {
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

func TestTemplateNameFollowsTheMigrations(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for what, files := range map[string]fstest.MapFS{
		"one file":     {"migrations/1.sql": {Data: []byte("a")}},
		"another text": {"migrations/1.sql": {Data: []byte("b")}},
		"another name": {"migrations/2.sql": {Data: []byte("a")}},
		"one more":     {"migrations/1.sql": {Data: []byte("a")}, "migrations/2.sql": {}},
	} {
		name, err := templateName(files)
		if err != nil || len(name) > 50 {
			t.Errorf("%s: %q, %v", what, name, err)
		}
		if other, ok := seen[name]; ok {
			t.Errorf("%s and %s have the same template", what, other)
		}
		seen[name] = what
	}
	if _, err := templateName(fstest.MapFS{}); err == nil {
		t.Error("no migrations: no error")
	}
}
