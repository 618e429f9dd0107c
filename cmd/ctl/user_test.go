package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/cmd/internal/boot"
)

func TestUserShow(t *testing.T) {
	t.Parallel()
	s := withDatabase(t)
	exec(t, s.url(), twoPayments)
	exec(t, s.url(), "UPDATE users SET subject = 'auth0|17', display = 'anna@example.com'")
	exec(t, s.url(), "INSERT INTO events (user_id, id, type, at, plan_code, decline_code, reason, charge_at, amount, currency) VALUES ('"+ownerID+
		"', '01900000-0000-7000-8000-000000000009', 'renewal_reminder', '2026-02-27Z', 'basic', '', 'long_period', '2026-03-01Z', 39900, 'RUB')")
	out, _ := s.run(t, boot.OK, "user", "show", "auth0|17")
	for _, want := range []string{
		"User " + ownerID + ", subject auth0|17, anna@example.com", "basic  past_due  399.00 RUB / month", "bank            active",
		declinedID, "declined; insufficient_funds", "bank; ref-7", "payment_declined", "subscribed", "charge at 2026-03-01",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the output lacks %q:\n%s", want, out)
		}
	}
	if byID, _ := s.run(t, boot.OK, "user", "show", strings.ToUpper(ownerID)); byID != out {
		t.Errorf("by id the user is shown as\n%s, want\n%s", byID, out)
	}
	var got userJSON
	s.json(t, boot.OK, &got, "user", "show", ownerID)
	if got.Subject != "auth0|17" || got.Display != "anna@example.com" || len(got.Subscriptions) != 1 || len(got.PaymentMethods) != 1 ||
		len(got.Payments) != 2 || got.Payments[0].ID != pendingID || len(got.History) != 3 {
		t.Errorf("the user is %+v", got)
	}
	for _, args := range [][]string{{}, {"--json"}} {
		if out, _ := s.run(t, boot.OK, append([]string{"user", "show", ownerID}, args...)...); strings.Contains(out, "secret") {
			t.Errorf("the output has a secret:\n%s", out)
		}
	}
	if _, errs := s.run(t, boot.Failed, "user", "show", "viewer-1"); !strings.Contains(errs, "there is no user viewer-1") {
		t.Errorf("unknown user: stderr is %q", errs)
	}
	exec(t, s.url(), "INSERT INTO users VALUES ('22222222-2222-4222-8222-222222222222', '2026-01-01Z', '2026-01-01Z', '"+ownerID+"')")
	if _, errs := s.run(t, boot.Misused, "user", "show", ownerID); !strings.Contains(errs, "is the id of one user and the subject of another") {
		t.Errorf("a subject that is the id of another user: stderr is %q", errs)
	}
}

func TestExport(t *testing.T) {
	t.Parallel()
	s := withDatabase(t)
	exec(t, s.url(), twoPayments)
	exec(t, s.url(), "UPDATE payments SET provider_ref = '=1+1' WHERE id = '"+declinedID+"'")
	export := func(args ...string) []string {
		out, _ := s.run(t, boot.OK, append([]string{"export"}, args...)...)
		return strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	}
	want := []string{
		"id,created_at,settled_at,user_id,subscription_id,plan_code,payment_system,provider_ref,initiator,status,decline_code,amount,refunded,currency,period_start,period_end\r",
		declinedID + ",2026-02-01T00:00:01Z,2026-02-01T00:00:02Z," + ownerID + "," + ownerID + ",basic,bank,'=1+1,merchant,declined,insufficient_funds,39900,0,RUB,2026-02-01T00:00:00Z,2026-03-01T00:00:00Z\r",
	}
	s.environ = append(s.environ, "BILLING_ENV=test", "BILLING_CLOCK=test") // the ids in the fixture are of another time
	if diff := cmp.Diff(want, export("payments", "--from", "2026-02-01", "--to", "2026-02-02", "--csv")); diff != "" {
		t.Errorf("payments of a day (-want +got):\n%s", diff)
	}
	lines := export("payments", "--from", "2026-01-01T00:00:00Z", "--to", "2027-01-01")
	if len(lines) != 2 || !strings.HasPrefix(lines[0], `{"id":"`+declinedID+`","created_at":"2026-02-01T00:00:01Z",`) || !strings.Contains(lines[1], `"settled_at":null`) {
		t.Errorf("payments as JSON: %q", lines)
	}
	lines = export("events", "--from", "2026-01-01", "--to", "2027-01-01")
	if len(lines) != 2 || !strings.Contains(lines[0], `"type":"subscribed"`) || !strings.Contains(lines[1], `"payment_id":"`+declinedID+`"`) {
		t.Errorf("events: %q", lines)
	}
	lines = export("subscriptions", "--from", "2026-01-01", "--to", "2026-01-02", "--csv")
	if len(lines) != 2 || !strings.Contains(lines[1], ","+ownerID+",basic,bank,past_due,,39900,RUB,1,") {
		t.Errorf("subscriptions: %q", lines)
	}
	if lines = export("subscriptions", "--from", "2026-01-02", "--to", "2027-01-01"); len(lines) != 1 || lines[0] != "" {
		t.Errorf("subscriptions of another time: %q", lines)
	}
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"no times":      {[]string{"export", "payments"}, "--from is not set"},
		"not a time":    {[]string{"export", "events", "--from", "yesterday", "--to", "2026-01-01"}, `--from "yesterday" is not a time`},
		"wrong order":   {[]string{"export", "events", "--from", "2026-01-02", "--to", "2026-01-01"}, "is not before"},
		"unknown kind":  {[]string{"export", "cards"}, `unknown command "cards"`},
		"with an extra": {[]string{"export", "payments", "x"}, "takes no arguments"},
	} {
		if _, errs := s.run(t, boot.Misused, c.args...); !strings.Contains(errs, c.want) {
			t.Errorf("%s: stderr is %q, want %q in it", name, errs, c.want)
		}
	}
}
