package main

import (
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/cmd/internal/boot"
	"github.com/online-cinema/billing/core/billing"
)

func TestEndpoint_Lifecycle(t *testing.T) {
	t.Parallel()
	s := withDatabase(t)
	s.environ = append(s.environ, "BILLING_ENV=test")
	var added endpointSecretJSON
	s.json(t, boot.OK, &added, "endpoint", "add", "--url", "http://crm.example/billing", "--type", "renewed", "--type", "ended")
	if !strings.HasPrefix(added.Secret, "whsec_") || len(added.Types) != 2 {
		t.Errorf("added: %+v", added)
	}
	out, _ := s.run(t, boot.OK, "endpoint", "list")
	for _, want := range []string{added.ID, "http://crm.example/billing", "renewed,ended", "delivers"} {
		if !strings.Contains(out, want) {
			t.Errorf("the list lacks %q:\n%s", want, out)
		}
	}
	var rotated rotatedSecretJSON
	s.json(t, boot.OK, &rotated, "endpoint", "rotate", added.ID)
	if !strings.HasPrefix(rotated.Secret, "whsec_") || rotated.Secret == added.Secret {
		t.Errorf("rotated: %+v", rotated)
	}
	s.run(t, boot.OK, "endpoint", "disable")
	if out, _ := s.run(t, boot.OK, "endpoint", "list"); !strings.Contains(out, "disabled since") {
		t.Errorf("after disable:\n%s", out)
	}
	s.run(t, boot.OK, "endpoint", "enable")
	s.run(t, boot.OK, "endpoint", "replay", "--from", "2026-01-31")
	if got := query(t, s.url(), "SELECT id::text FROM endpoints WHERE replay_from IS NOT NULL AND disabled_at IS NULL"); len(got) != 1 {
		t.Errorf("after the replay: %v", got)
	}
	exec(t, s.url(), twoPayments)
	var resent resentJSON
	s.json(t, boot.OK, &resent, "endpoint", "replay", added.ID, "--user", ownerID)
	if resent.Events != 0 { // nothing was delivered yet
		t.Errorf("resent: %+v", resent)
	}
	for _, action := range []string{"endpoint.add", "endpoint.rotate", "endpoint.disable", "endpoint.enable", "endpoint.replay"} {
		if got := query(t, s.url(), "SELECT action FROM panel_audit WHERE object = '"+added.ID+"' AND action = '"+action+"'"); len(got) == 0 {
			t.Errorf("the audit lacks %s", action)
		}
	}
	for _, secret := range []string{added.Secret, rotated.Secret} {
		for _, row := range query(t, s.url(), "SELECT a::text FROM panel_audit a") {
			if strings.Contains(row, secret) {
				t.Errorf("the audit has a secret: %s", row)
			}
		}
		for _, command := range []string{"list", "disable", "enable"} {
			if out, errs := s.run(t, boot.OK, "endpoint", command, "--json"); strings.Contains(out+errs, secret) {
				t.Errorf("%s prints a secret", command)
			}
		}
	}
}

func TestEndpointState_TimesAreUTC(t *testing.T) {
	t.Parallel()
	moscow := time.FixedZone("MSK", 3*60*60)
	at := time.Date(2026, 1, 31, 2, 30, 0, 0, moscow)
	for want, e := range map[string]billing.Endpoint{
		"delivers":                            {},
		"disabled since 2026-01-30T23:30:00Z": {DisabledAt: at},
		"failing since 2026-01-30T23:30:00Z, next try at 2026-01-31T00:30:00Z": {FailingSince: at, NextTryAt: at.Add(time.Hour)},
	} {
		if got := endpointState(e); got != want {
			t.Errorf("the state is %q, want %q", got, want)
		}
	}
}

func TestEndpoint_Misuse(t *testing.T) {
	t.Parallel()
	production := withDatabase(t)
	s := cli{append(append([]string{}, production.environ...), "BILLING_ENV=test")}
	tests := map[string]struct {
		cli  cli
		code int
		args []string
		want string
	}{
		"no URL":             {s, boot.Misused, []string{"add"}, "--url is not set"},
		"a user in the URL":  {s, boot.Misused, []string{"add", "--url", "https://user:pass@crm.example/"}, "url must be an http or https URL"},
		"another scheme":     {s, boot.Misused, []string{"add", "--url", "ftp://crm.example/"}, "url must be an http or https URL"},
		"a wrong type":       {s, boot.Misused, []string{"add", "--url", "https://crm.example/", "--type", "Renewed!"}, "type must be the type of an event"},
		"without keys":       {production, boot.Misused, []string{"add", "--url", "https://crm.example/"}, "BILLING_TOKEN_KEYSET_FILE is not set"},
		"no endpoint":        {s, boot.Misused, []string{"rotate"}, "there are 0 endpoints"},
		"no id":              {s, boot.Misused, []string{"rotate", "crm"}, "is not the id of an endpoint"},
		"unknown endpoint":   {s, boot.Failed, []string{"disable", ownerID}, "there is no such endpoint"},
		"replay of nothing":  {s, boot.Misused, []string{"replay", ownerID}, "--from or --user is not set"},
		"event without user": {s, boot.Misused, []string{"replay", ownerID, "--event", ownerID}, "--event needs --user"},
		"a wrong time":       {s, boot.Misused, []string{"replay", ownerID, "--from", "yesterday"}, "is not a time"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if out, errs := tt.cli.run(t, tt.code, append([]string{"endpoint"}, tt.args...)...); !strings.Contains(errs, tt.want) || strings.Contains(out+errs, "pass@") {
				t.Errorf("stderr is %q, want %q", errs, tt.want)
			}
		})
	}
}
