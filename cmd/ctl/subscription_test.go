package main

import (
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/cmd/internal/boot"
)

// currentPeriod makes the subscription of twoPayments active until ten days from now.
const currentPeriod = paidPayment + `, status = 'active', past_due_since = NULL, grace_until = NULL,
    period_end = date_trunc('second', now()) + interval '10 days', next_charge_at = date_trunc('second', now()) + interval '10 days'`

func TestGive(t *testing.T) {
	t.Parallel()
	s := withDatabase(t)
	exec(t, s.url(), currentPeriod)
	end, err := time.Parse(time.RFC3339, query(t, s.url(), `SELECT to_char(period_end AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') FROM subscriptions`)[0])
	if err != nil {
		t.Fatal(err)
	}
	want := end.AddDate(0, 0, 3)
	var g grantJSON
	s.json(t, boot.OK, &g, "give", "3d", "--user", ownerID, "--plan", "basic", "--reason", " ticket 4711 ")
	if !g.Period.Start.Equal(end) || !g.Period.End.Equal(want) || g.Source != "ticket 4711" || !strings.HasPrefix(g.By, "billingctl") ||
		g.Subscription.NextChargeAt == nil || !g.Subscription.NextChargeAt.Equal(want) {
		t.Errorf("given %+v, want %s to %s", g, end, want)
	}
	if _, errs := s.run(t, boot.Failed, "give", "3d", "--user", ownerID, "--plan", "basic", "--reason", "ticket 4711"); !strings.Contains(errs, `"ticket 4711" gave the viewer the time`) {
		t.Errorf("a repetition: stderr is %q", errs)
	}
	out, _ := s.run(t, boot.OK, "give", "period", "--user", ownerID, "--plan", "basic", "--source", "gift", "--reason", "ticket 4711")
	if month := want.AddDate(0, 1, 0).Format(time.RFC3339); !strings.Contains(out, `from "gift"`) || !strings.Contains(out, "the next charge is at "+month) {
		t.Errorf("stdout is %q, want the next charge at %s", out, month)
	}
	got := query(t, s.url(), "SELECT count(*) || ' ' || count(*) FILTER (WHERE action = 'subscription.give' AND after::text LIKE '%ticket 4711%') FROM panel_audit")
	if len(got) != 1 || got[0] != "2 2" {
		t.Errorf("the audit log has %q, want two grants", got)
	}
}

// A viewer without a live subscription gets the plan itself. More time then follows it.
func TestGive_WithoutSubscription(t *testing.T) {
	t.Parallel()
	const guest = "22222222-2222-4222-8222-222222222222"
	s := withDatabase(t)
	exec(t, s.url(), currentPeriod)
	exec(t, s.url(), "UPDATE subscriptions SET status = 'ended', ended_at = now(), next_charge_at = NULL; INSERT INTO users VALUES ('"+guest+"', '2026-01-01Z', '2026-01-01Z')")
	for _, user := range []string{ownerID, guest} {
		out, _ := s.run(t, boot.OK, "give", "3d", "--user", user, "--plan", "basic", "--reason", "ticket 4711")
		if !strings.HasPrefix(out, "given: plan basic from ") || !strings.Contains(out, `from "ticket 4711"; it is free and not renewed`) {
			t.Errorf("to a viewer without a subscription: stdout is %q", out)
		}
		if _, errs := s.run(t, boot.Failed, "give", "3d", "--user", user, "--plan", "basic", "--reason", "ticket 4711"); !strings.Contains(errs, `"ticket 4711" gave the viewer the time`) {
			t.Errorf("a repetition: stderr is %q", errs)
		}
	}
	var g grantJSON
	s.json(t, boot.OK, &g, "give", "period", "--user", guest, "--plan", "basic", "--source", "gift", "--reason", "ticket 4712")
	if sub := g.Subscription; sub.Status != "active" || !sub.CancelAtPeriodEnd || sub.NextChargeAt != nil || !sub.CurrentPeriod.End.Equal(g.Period.End) || !g.Period.Start.After(sub.CurrentPeriod.Start) {
		t.Errorf("more time: %+v, want it appended without a charge", g)
	}
	if out, _ := s.run(t, boot.OK, "user", "show", guest); !strings.Contains(out, "active; given, not renewed") || strings.Contains(out, "/ month") {
		t.Errorf("the viewer is shown as %s", out)
	}
	if _, errs := s.run(t, boot.Failed, "subscription", "resume", g.Subscription.ID, "--reason", "x"); !strings.Contains(errs, "was given until") {
		t.Errorf("resume: stderr is %q", errs)
	}
	if out, _ := s.run(t, boot.OK, "subscription", "cancel", g.Subscription.ID, "--now", "--reason", "x"); !strings.Contains(out, "has ended") {
		t.Errorf("cancel: stdout is %q", out)
	}
	if _, errs := s.run(t, boot.Failed, "give", "3d", "--user", "never-seen", "--plan", "basic", "--reason", "x"); !strings.Contains(errs, "there is no user") {
		t.Errorf("to an unknown viewer: stderr is %q", errs)
	}
	if got := query(t, s.url(), "SELECT count(*)::text FROM payments WHERE created_at > '2026-03-01Z'"); got[0] != "0" {
		t.Errorf("%s payments were made, want none", got[0])
	}
}

func TestSubscription_CancelResumeRetry(t *testing.T) {
	t.Parallel()
	s := withDatabase(t)
	exec(t, s.url(), currentPeriod)
	var sub subscriptionJSON
	s.json(t, boot.OK, &sub, "subscription", "cancel", strings.ToUpper(ownerID), "--reason", "by phone")
	if !sub.CancelAtPeriodEnd || sub.Status != "active" {
		t.Errorf("cancelled: %+v", sub)
	}
	if out, _ := s.run(t, boot.OK, "subscription", "resume", ownerID, "--reason", "stays"); !strings.Contains(out, "the subscription to plan basic is active, and the next charge is at ") {
		t.Errorf("resumed: stdout is %q", out)
	}
	exec(t, s.url(), "UPDATE subscriptions SET status = 'past_due', past_due_since = now(), grace_until = now() + interval '7 days'")
	s.json(t, boot.OK, &sub, "subscription", "retry", ownerID, "--reason", "has paid money in")
	if sub.NextChargeAt == nil || time.Until(*sub.NextChargeAt) > time.Minute {
		t.Errorf("retried: %+v, want it due now", sub)
	}
	if out, _ := s.run(t, boot.OK, "subscription", "cancel", ownerID, "--now", "--reason", "leaves"); !strings.Contains(out, "the subscription to plan basic has ended") {
		t.Errorf("ended: stdout is %q", out)
	}
	events := query(t, s.url(), "SELECT type FROM events WHERE type NOT IN ('subscribed', 'payment_declined') ORDER BY id")
	if got := strings.Join(events, " "); got != "cancel_requested cancel_revoked retry_requested cancel_requested ended" {
		t.Errorf("the history has %s", got)
	}
	if got := query(t, s.url(), "SELECT action FROM panel_audit ORDER BY id"); len(got) != 4 {
		t.Errorf("the audit log has %q", got)
	}
}

func TestSubscription_Refusals(t *testing.T) {
	t.Parallel()
	s := withDatabase(t)
	exec(t, s.url(), currentPeriod)
	for name, tt := range map[string]struct {
		code int
		args string
		want string
	}{
		"no reason":           {boot.Misused, "subscription cancel " + ownerID, "--reason is not set"},
		"no id":               {boot.Misused, "subscription cancel basic --reason x", `"basic" is not the id of a subscription`},
		"unknown":             {boot.Failed, "subscription cancel " + pendingID + " --reason x", "there is no subscription " + pendingID},
		"not past due":        {boot.Failed, "subscription retry " + ownerID + " --reason x", "there is nothing to try again"},
		"no subcommand":       {boot.Misused, "subscription", "needs a command"},
		"give nothing":        {boot.Misused, "give --user u --plan basic --reason x", "needs days such as 3d, or period"},
		"give zero days":      {boot.Misused, "give 0d --user u --plan basic --reason x", "neither days such as 3d"},
		"give two years":      {boot.Misused, "give 731d --user u --plan basic --reason x", "days must be between 1 and 366"},
		"give, no viewer":     {boot.Misused, "give 3d --plan basic --reason x", "--user is not set"},
		"give, unknown plan":  {boot.Failed, "give 3d --user " + ownerID + " --plan gold --reason x", "there is no such plan"},
		"give, card number":   {boot.Misused, "give 3d --user u --plan basic --reason x --source 4242424242424242", "source must not contain a card number"},
		"give, reason, twice": {boot.Misused, "give 3d --user u --plan basic --reason 4242424242424242", "reason must not contain a card number"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, errs := s.run(t, tt.code, strings.Fields(tt.args)...); !strings.Contains(errs, tt.want) {
				t.Errorf("stderr is %q, want %q in it", errs, tt.want)
			}
		})
	}
}
