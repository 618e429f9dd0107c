package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/auth"
	"github.com/online-cinema/billing/cmd/internal/boot"
)

func TestToken_IsValid(t *testing.T) {
	t.Parallel()
	private, public, err := auth.NewKeyPair(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := auth.New(t.Context(), auth.Config{PublicKeyFile: public, Issuer: "i", Audience: "a", Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	s := cli{[]string{"BILLING_ENV=dev", "BILLING_AUTH_ISSUER=i", "BILLING_AUTH_AUDIENCE=other"}}
	token, _ := s.run(t, boot.OK, "token", "--subject", "alice", "--key", private, "--audience", "a")
	claims, err := verifier.Verify(t.Context(), strings.TrimSuffix(token, "\n"))
	if err != nil || claims.Subject != "alice" {
		t.Errorf("claims of %q are %+v, %v", token, claims, err)
	}
	token, _ = s.run(t, boot.OK, "token", "--subject", "player", "--key", private, "--audience", "a", "--scope", "billing.events", "--scope", "billing.entitlements")
	claims, err = verifier.Verify(t.Context(), strings.TrimSuffix(token, "\n"))
	if want := []string{"billing.events", "billing.entitlements"}; err != nil || !slices.Equal(claims.Scopes, want) {
		t.Errorf("claims of a service are %+v, %v, want the scopes %v", claims, err, want)
	}
	var printed tokenJSON
	s.json(t, boot.OK, &printed, "token", "--subject", "alice", "--key", private, "--ttl", "48h")
	if left := time.Until(printed.ExpiresAt); left < 47*time.Hour || left > 48*time.Hour {
		t.Errorf("the token is valid for %v, want 48h", left)
	}
}

func TestToken_Refusals(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "private.pem")
	tests := map[string]struct {
		env  string
		args []string
		code int
		want string
	}{
		"production by default": {"", nil, boot.Misused, "set BILLING_ENV=dev"},
		"production":            {"BILLING_ENV=production", nil, boot.Misused, "set BILLING_ENV=dev"},
		"no issuer":             {"BILLING_ENV=test", []string{"--audience", "a"}, boot.Misused, "give --issuer"},
		"no audience":           {"BILLING_ENV=test", []string{"--issuer", "i"}, boot.Misused, "give --audience"},
		"no validity":           {"BILLING_ENV=dev", []string{"--issuer", "i", "--audience", "a", "--ttl", "0s"}, boot.Misused, "--ttl"},
		"no key file":           {"BILLING_ENV=dev", []string{"--issuer", "i", "--audience", "a"}, boot.Failed, "no such file"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"token", "--subject", "alice", "--key", missing}, test.args...)
			out, errs := cli{[]string{test.env}}.run(t, test.code, args...)
			if !strings.Contains(errs, test.want) || out != "" {
				t.Errorf("stderr is %q, want %q in it; stdout %q", errs, test.want, out)
			}
		})
	}
}
