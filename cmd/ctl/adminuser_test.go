package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

// runInput is run with input on standard input.
func (s cli) runInput(t *testing.T, code int, input string, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	tl := &tool{environ: s.environ, stdout: &out, stderr: &errs}
	root := tl.root()
	root.SetIn(strings.NewReader(input))
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(t.Context())
	if got := tl.report(cmd, err); got != code {
		t.Fatalf("billingctl %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), got, code, out.String(), errs.String())
	}
	return out.String(), errs.String()
}

func TestAdminUser_Lifecycle(t *testing.T) {
	t.Parallel()
	s := withDatabase(t)
	const password = "correct horse battery\n"
	s.runInput(t, 0, password, "admin-user", "add", "anna", "--role", "editor")
	s.runInput(t, 0, password, "admin-user", "add", "--name", "vera", "--role", "viewer")
	s.runInput(t, 0, "another horse battery\r\n", "admin-user", "passwd", "anna")
	s.runInput(t, 0, "", "admin-user", "disable", "vera")
	var list []struct {
		Name, Role string
		DisabledAt *string `json:"disabled_at"`
	}
	s.json(t, 0, &list, "admin-user", "list")
	if len(list) != 2 || list[0].Name != "anna" || list[0].Role != "editor" || list[0].DisabledAt != nil || list[1].DisabledAt == nil {
		t.Errorf("list is %+v, want anna enabled and vera disabled", list)
	}
	exec(t, s.url(), "UPDATE panel_users SET locked_until = CASE name WHEN 'anna' THEN '2222-02-22T22:22:22Z'::timestamptz ELSE '2020-01-01Z' END")
	out, _ := s.run(t, 0, "admin-user", "list")
	if !strings.Contains(out, "2222-02-22T22:22:22Z\n") || strings.Contains(out, "2020-01-01T") {
		t.Errorf("list is %q, want the time until which anna's account refuses a network, and no past one", out)
	}
	if !strings.Contains(out, "vera") || strings.Contains(out, "horse") || strings.Contains(out, "$2") {
		t.Errorf("list is %q, want vera in it and no password", out)
	}
}

func TestAdminUser_Refusals(t *testing.T) {
	t.Parallel()
	s := withDatabase(t)
	s.runInput(t, 0, "correct horse battery\n", "admin-user", "add", "anna", "--role", "editor")
	tests := map[string]struct {
		code  int
		input string
		args  string
		want  string
	}{
		"short password":      {2, "short\n", "add berta --role viewer", "at least 12 characters"},
		"no password":         {2, "", "add berta --role viewer", "standard input is empty"},
		"unknown role":        {2, "correct horse battery\n", "add berta --role owner", "viewer, support or editor"},
		"no role":             {2, "correct horse battery\n", "add berta", "role"},
		"no name":             {2, "correct horse battery\n", "add --role viewer", "name of one user"},
		"two names":           {2, "correct horse battery\n", "add berta carla --role viewer", "name of one user"},
		"argument and --name": {2, "correct horse battery\n", "add berta --name carla --role viewer", "name of one user"},
		"name taken":          {1, "correct horse battery\n", "add anna --role viewer", "already"},
		"password of unknown": {1, "correct horse battery\n", "passwd nobody", "no panel user nobody"},
		"disable unknown":     {1, "", "disable nobody", "no panel user nobody"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, stderr := s.runInput(t, tt.code, tt.input, append([]string{"admin-user"}, strings.Fields(tt.args)...)...)
			if !strings.Contains(stderr, tt.want) || strings.Contains(stderr, "horse") {
				t.Errorf("stderr is %q, want %q in it and no password", stderr, tt.want)
			}
		})
	}
}

func TestCommands_AreAudited(t *testing.T) {
	t.Parallel()
	s := withDatabase(t)
	s.runInput(t, 0, "correct horse battery\n", "admin-user", "add", "anna", "--role", "editor")
	s.run(t, 0, "plan", "add", "--code", "gold", "--name", "Gold", "--price", "399.00", "--currency", "RUB")
	s.run(t, 0, "plan", "set-price", "gold", "--price", "449.00")
	s.run(t, 0, "plan", "archive", "gold")
	got := query(t, s.url(), "SELECT action || ' ' || operator FROM panel_audit ORDER BY id")
	want := []string{"panel_user.add billingctl", "plan.add billingctl", "plan.edit billingctl", "plan.archive billingctl"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("audit (-want +got):\n%s", diff)
	}
}

func query(t *testing.T, databaseURL, sql string) []string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	rows, _ := conn.Query(t.Context(), sql)
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestOperator_NamesTheCallerOfSudo(t *testing.T) {
	t.Parallel()
	s := withDatabase(t)
	s.environ = append(s.environ, "SUDO_USER=anna")
	s.runInput(t, 0, "correct horse battery\n", "admin-user", "add", "berta", "--role", "editor")
	s.run(t, 0, "plan", "add", "--code", "gold", "--name", "Gold", "--price", "399.00", "--currency", "RUB")
	s.run(t, 0, "payment-system", "add", "--code", "simulator", "--name", "Simulated payments")
	for _, from := range query(t, s.url(), "SELECT origin FROM panel_audit ORDER BY id") {
		if !strings.HasPrefix(from, "shell of anna, by sudo as ") {
			t.Errorf("a change is audited as made from %q, want anna in it", from)
		}
	}
}
