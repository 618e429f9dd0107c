package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"github.com/online-cinema/billing/adapters/postgres/pgtest"
	"github.com/online-cinema/billing/cmd/internal/boot"
)

// cli runs billingctl commands in one environment.
type cli struct{ environ []string }

// withDatabase returns a cli with a new, migrated database.
func withDatabase(t *testing.T) cli {
	t.Helper()
	return cli{[]string{"BILLING_DATABASE_URL=" + pgtest.URL(t)}}
}

func (s cli) url() string { return strings.TrimPrefix(s.environ[0], "BILLING_DATABASE_URL=") }

// run runs a command and returns its output. The test fails unless the exit code is
// code.
func (s cli) run(t *testing.T, code int, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	if got := run(t.Context(), args, s.environ, &out, &errs); got != code {
		t.Fatalf("billingctl %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), got, code, out.String(), errs.String())
	}
	return out.String(), errs.String()
}

// json runs a command with --json and decodes its output.
func (s cli) json(t *testing.T, code int, into any, args ...string) {
	t.Helper()
	out, _ := s.run(t, code, append(args, "--json")...)
	if err := json.Unmarshal([]byte(out), into); err != nil {
		t.Fatalf("billingctl %s: %v in %s", strings.Join(args, " "), err, out)
	}
}

func exec(t *testing.T, databaseURL, sql string, args ...any) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	_, err = conn.Exec(t.Context(), sql, args...)
	if err := errors.Join(err, conn.Close(context.WithoutCancel(t.Context()))); err != nil {
		t.Fatal(err)
	}
}

// emptyDatabase returns a cli with a new database that has no schema.
func emptyDatabase(t *testing.T) cli {
	t.Helper()
	existing := pgtest.URL(t)
	u, err := url.Parse(existing)
	if err != nil {
		t.Fatal(err)
	}
	name := "empty_" + strings.ReplaceAll(boot.NewID(), "-", "")
	exec(t, existing, "CREATE DATABASE "+name)
	t.Cleanup(func() {
		conn, err := pgx.Connect(context.Background(), existing)
		if err != nil {
			t.Error(err)
			return
		}
		_, err = conn.Exec(context.Background(), "DROP DATABASE "+name+" WITH (FORCE)")
		if err := errors.Join(err, conn.Close(context.Background())); err != nil {
			t.Error(err)
		}
	})
	u.Path = "/" + name
	return cli{[]string{"BILLING_DATABASE_URL=" + u.String()}}
}

func TestRun_BadUsage(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args string
		want string
	}{
		"no command":            {"", "needs a command: admin-user, clock, "},
		"unknown command":       {"bogus", `unknown command "bogus"`},
		"misspelt command":      {"plan ad", "did you mean add, end?"},
		"group without command": {"plan", `"billingctl plan" needs a command: add, archive, end, list, restore, set-group, set-price`},
		"unknown flag":          {"plan list --bogus", "unknown flag: --bogus"},
		"unexpected argument":   {"plan list bogus", `"billingctl plan list" takes no arguments, but "bogus" was given`},
		"missing argument":      {"plan archive", `"billingctl plan archive" needs the code of a plan: billingctl plan archive CODE`},
		"two arguments":         {"plan archive a b", `"billingctl plan archive" takes one argument, the code of a plan, but 2 were given`},
		"missing flags":         {"plan add --code x", "--currency is not set: ISO 4217 code, such as RUB\nbillingctl: --name is not set: name that viewers see\nbillingctl: --price is not set"},
		"missing flag of token": {"token --subject s", "--key is not set"},
		"no payment system":     {"reconcile", "--payment-system is not set"},
		"payment without an id": {"payment", `"billingctl payment" needs the id of a payment`},
		"two payments":          {"payment 42 43", "takes one argument, the id of a payment"},
		"unknown shell":         {"completion bogus", `unknown command "bogus"`},
		"flag without a value":  {"plan add --code", "flag needs an argument"},
		"bad number":            {"plan add --interval-months x", `--interval-months "x" must be a whole number`},
		"bad duration":          {"token --ttl 1", `--ttl "1" must be a duration such as`},
		"no database":           {"plan list", "BILLING_DATABASE_URL is not set"},
		"dev at bad address":    {"dev --api-addr bogus", "--api-addr"},
		"dev with two folders":  {"dev --ephemeral --data x", "--ephemeral and --data exclude each other"},
		"migrate elsewhere":     {"migrate sideways", `unknown command "sideways"`},
		"bad price":             {"plan add --code x --name X --price cheap --currency RUB", `amount "cheap" is not a decimal number`},
		"no currency":           {"plan add --code x --name X --price 1.00", "--currency is not set"},
		"bad currency":          {"plan add --code x --name X --price 1.00 --currency rub", `currency "rub" is not an ISO 4217 code`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, errs := cli{}.run(t, boot.Misused, strings.Fields(test.args)...)
			if !strings.Contains(errs, test.want) {
				t.Errorf("stderr is %q, want %q in it", errs, test.want)
			}
			if out != "" {
				t.Errorf("stdout is %q, want nothing", out)
			}
		})
	}
}

func TestRun_WarnsAboutTheEnvironment(t *testing.T) {
	t.Parallel()
	s := cli{[]string{"BILLING_DATABSE_URL=x", "BILLING_DATABASE_URL=postgres://u@db.invalid:1/billing?connect_timeout=1"}}
	_, stderr := s.run(t, boot.Failed, "plan", "list")
	for _, want := range []string{"did you mean BILLING_DATABASE_URL?", "BILLING_DATABASE_URL has no sslmode, so the connection to db.invalid"} {
		if strings.Count(stderr, want) != 1 {
			t.Errorf("stderr is %q, want %q in it once", stderr, want)
		}
	}
}

func TestRun_EveryCommandHasHelp(t *testing.T) {
	t.Parallel()
	var walk func(cmd *cobra.Command, path []string)
	walk = func(cmd *cobra.Command, path []string) {
		out, _ := cli{}.run(t, boot.OK, append(path, "--help")...)
		if !strings.Contains(out, "Usage:") {
			t.Errorf("%v: no usage in %q", path, out)
		}
		for _, sub := range cmd.Commands() {
			walk(sub, append(append([]string{}, path...), sub.Name()))
		}
	}
	walk((&tool{}).root(), nil)
}

func TestRun_VersionAndCompletion(t *testing.T) {
	t.Parallel()
	if out, _ := (cli{}).run(t, boot.OK, "--version"); !strings.HasPrefix(out, "billingctl ") {
		t.Errorf("version is %q", out)
	}
	for _, name := range []string{"bash", "zsh", "fish"} {
		if out, _ := (cli{}).run(t, boot.OK, "completion", name); len(out) < 1000 {
			t.Errorf("completion for %s is %q", name, out)
		}
	}
}

func TestRun_DatabaseUnavailable(t *testing.T) {
	t.Parallel()
	s := cli{[]string{"BILLING_DATABASE_URL=postgres://billing:hunter2@127.0.0.1:1/billing"}}
	for _, args := range []string{"plan list", "migrate status", "migrate up", "reconcile --payment-system simulator"} {
		_, errs := s.run(t, boot.Failed, strings.Fields(args)...)
		if strings.Contains(errs, "hunter2") {
			t.Errorf("%s shows the password: %s", args, errs)
		}
	}
}
