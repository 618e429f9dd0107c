package main

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v2"
)

// composeFile is the part of compose.yaml that concerns the database.
type composeFile struct {
	Services map[string]struct{ Environment map[string]string }
	Configs  map[string]struct{ Content string }
}

func readCompose(t *testing.T) (c composeFile) {
	t.Helper()
	text, err := os.ReadFile("compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCompose_EachLoginHasItsOwnPassword(t *testing.T) {
	t.Parallel()
	c := readCompose(t)
	passwords := map[string]string{"postgres": c.Services["db"].Environment["POSTGRES_PASSWORD"]}
	for name, s := range c.Services {
		if name != "db" {
			passwords[s.Environment["PGUSER"]] = s.Environment["PGPASSWORD"]
		}
	}
	const hint = "_PASSWORD:?see the first lines of compose.yaml}"
	want := map[string]string{
		"postgres": "${DB_SUPERUSER" + hint, "billing": "${DB_OWNER" + hint,
		"billing-api": "${DB_API" + hint, "billing-renew": "${DB_RENEW" + hint, "billing-admin": "${DB_ADMIN" + hint,
	}
	if diff := cmp.Diff(want, passwords); diff != "" {
		t.Errorf("passwords (-want +got):\n%s", diff)
	}
}

// The owner of the schema and the programs are no superusers.
func TestCompose_Logins(t *testing.T) {
	t.Parallel()
	statements := readCompose(t).Configs["logins"].Content
	for _, want := range []string{
		"CREATE ROLE billing LOGIN CREATEROLE PASSWORD '${DB_OWNER_PASSWORD}';", "CREATE DATABASE billing OWNER billing;", "SET ROLE billing;",
		"PASSWORD '${DB_API_PASSWORD}'", "PASSWORD '${DB_RENEW_PASSWORD}'", "PASSWORD '${DB_ADMIN_PASSWORD}'",
	} {
		if !strings.Contains(statements, want) {
			t.Errorf("the statements lack %s:\n%s", want, statements)
		}
	}
	if strings.Contains(statements, "SUPERUSER") {
		t.Errorf("a login is a superuser:\n%s", statements)
	}
}
