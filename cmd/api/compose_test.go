package main

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.yaml.in/yaml/v2"
)

// composeFile is the part of compose.yaml that concerns logins and keys.
type composeFile struct {
	Services map[string]struct {
		Command     []string
		Environment map[string]string
		Volumes     []string
		DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
	}
	Volumes map[string]any
	Configs map[string]struct{ Content string }
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

// The panel can have second factors. It reads their keys, and no others, and no other
// program reads them.
func TestCompose_PanelKeys(t *testing.T) {
	t.Parallel()
	c := readCompose(t)
	if _, ok := c.Volumes["panel-keys"]; !ok {
		t.Error("there is no volume panel-keys")
	}
	keyset := map[string]string{"BILLING_PANEL_KEYSET_FILE": "/var/lib/billing/panel.json", "BILLING_PANEL_KEK_FILE": "/var/lib/billing/panel.kek"}
	want := map[string]struct {
		variables map[string]string
		volumes   []string
	}{
		"panel-keys": {keyset, []string{"panel-keys:/var/lib/billing"}},
		"admin":      {keyset, []string{"panel-keys:/var/lib/billing:ro"}},
	}
	for name, s := range c.Services {
		keys := map[string]string{}
		for variable, value := range s.Environment {
			if strings.Contains(variable, "_KEYSET_") || strings.Contains(variable, "_KEK_") {
				keys[variable] = value
			}
		}
		mounts := slices.DeleteFunc(s.Volumes, func(v string) bool { return !strings.HasPrefix(v, "panel-keys:") })
		if diff := cmp.Diff(want[name].variables, keys, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("keys of %s (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff(want[name].volumes, mounts, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("volumes of %s (-want +got):\n%s", name, diff)
		}
	}
	if condition := c.Services["admin"].DependsOn["panel-keys"].Condition; condition != "service_completed_successfully" {
		t.Errorf("the panel starts after panel-keys with the condition %q", condition)
	}
	if diff := cmp.Diff([]string{"billingctl", "vault", "keygen", "--if-missing"}, c.Services["panel-keys"].Command); diff != "" {
		t.Errorf("command of panel-keys (-want +got):\n%s", diff)
	}
	image, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	if want := "--chown=65532:65532 /keys/ /var/lib/billing/\nUSER 65532:65532\n"; !strings.Contains(string(image), want) {
		t.Errorf("the user of the image cannot write the volume: the Dockerfile lacks %q", want)
	}
}
