package boot_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/cmd/internal/boot"
)

func TestWarnings_RemoteDatabaseWithoutTLS(t *testing.T) {
	t.Parallel()
	const rest = " may be unencrypted, and nothing verifies the server: add sslmode=verify-full, or sslmode=disable in a network that you trust"
	warning := func(hosts string) []string {
		return []string{"BILLING_DATABASE_URL has no sslmode, so the connection to " + hosts + rest}
	}
	tests := map[string]struct {
		url  string
		env  boot.Env
		want []string
	}{
		"remote host":               {"postgres://u:hunter2@db.example/billing", boot.Production, warning("db.example")},
		"remote address":            {"postgres://u@192.0.2.7/billing", boot.Production, warning("192.0.2.7")},
		"several hosts":             {"postgres://u@localhost,a.example,b.example/billing", boot.Production, warning("a.example, b.example")},
		"keywords":                  {"host=db.example user=u", boot.Production, warning("db.example")},
		"verified":                  {"postgres://u@db.example/billing?sslmode=verify-full", boot.Production, nil},
		"chosen: not encrypted":     {"postgres://u@db.example/billing?sslmode=disable", boot.Production, nil},
		"keywords, encrypted":       {"host=db.example sslmode=require", boot.Production, nil},
		"localhost":                 {"postgres://u@localhost/billing", boot.Production, nil},
		"loopback of IPv6":          {"postgres://u@[::1]/billing", boot.Production, nil},
		"Unix socket":               {"postgres:///billing?host=/var/run/postgresql", boot.Production, nil},
		"outside production":        {"postgres://u@db.example/billing", boot.Dev, nil},
		"tests on a remote machine": {"postgres://u@db.example/billing", boot.Test, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var d boot.Database
			if err := d.DatabaseURL.UnmarshalText([]byte(test.url)); err != nil {
				t.Fatal(err)
			}
			got := d.Warnings(test.env)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
			if strings.Contains(strings.Join(got, ""), "hunter2") {
				t.Errorf("the warning shows the password: %q", got)
			}
		})
	}
}
