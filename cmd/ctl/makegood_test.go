package main

import (
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/cmd/internal/boot"
)

// outage are the arguments of a make-good for the viewers of an evening.
func outage(days string, more ...string) []string {
	return append([]string{
		"give", days, "--plan", "basic", "--entitled-between", "2026-02-01T20:00:00Z", "2026-02-01T21:30:00Z", "--source", "INC-42", "--reason", "no picture",
	}, more...)
}

func TestGive_ManyViewers(t *testing.T) {
	t.Parallel()
	s := withDatabase(t)
	exec(t, s.url(), currentPeriod)
	end := func() time.Time {
		at, err := time.Parse(time.RFC3339, query(t, s.url(), `SELECT to_char(period_end AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') FROM subscriptions`)[0])
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	before := end()
	later := before.AddDate(0, 0, 3)
	out, _ := s.run(t, boot.OK, outage("3d", "--dry-run")...)
	for _, want := range []string{
		`dry run: 1 viewer of plan basic would get 3 days, from "INC-42"`, "0 is charged now", "--confirm 1",
		"next charges: 1 would move, the first from " + formatTime(before) + " to " + formatTime(later),
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the dry run lacks %q:\n%s", want, out)
		}
	}
	if _, errs := s.run(t, boot.Failed, outage("3d", "--confirm", "2")...); !strings.Contains(errs, "the number of viewers is 1, not 2; nothing was changed") {
		t.Errorf("another number: stderr is %q", errs)
	}
	if got := end(); !got.Equal(before) {
		t.Errorf("the period ends at %s before the confirmation, want %s", got, before)
	}
	var got makeGoodJSON
	s.json(t, boot.OK, &got, outage("3d", "--confirm", "1")...)
	if got.Given != 1 || got.Viewers != 1 || got.DryRun || got.Days != 3 || got.Moved.Moved != 1 || !got.Moved.After.Last.Equal(later) || !end().Equal(later) {
		t.Errorf("given: %+v, until %s", got, end())
	}
	s.json(t, boot.OK, &got, outage("3d", "--dry-run")...)
	if got.Viewers != 0 || got.Already != 1 || !got.DryRun || got.Given != 0 {
		t.Errorf("a second dry run: %+v", got)
	}
	if out, _ := s.run(t, boot.OK, outage("3d", "--confirm", "0")...); !strings.Contains(out, "1 viewer got time from this source before, and get nothing") {
		t.Errorf("a second run: %s", out)
	}
	exec(t, s.url(), "UPDATE subscriptions SET charging = true")
	if out, _ := s.run(t, boot.OK, outage("period", "--source", "INC-43", "--confirm", "1")...); !strings.Contains(out, "given: a period to 0 viewers") || !strings.Contains(out, "repeat the command") {
		t.Errorf("while a payment is pending: %s", out)
	}
	audit := query(t, s.url(), "SELECT action || ' ' || object || ' ' || (after->>'viewers') || ' ' || (after->>'reason') FROM panel_audit ORDER BY id LIMIT 1")
	if want := "subscription.give_many basic 1 no picture"; len(audit) != 1 || audit[0] != want {
		t.Errorf("the audit is %q, want %q", audit, want)
	}
	if got := query(t, s.url(), "SELECT given_by || ' ' || reason FROM grants"); len(got) != 1 || !strings.HasPrefix(got[0], "billingctl") || !strings.HasSuffix(got[0], " no picture") {
		t.Errorf("the grants are %q", got)
	}
}

func TestGive_ManyViewersRefused(t *testing.T) {
	t.Parallel()
	s := withDatabase(t)
	exec(t, s.url(), currentPeriod)
	for name, c := range map[string]struct {
		code int
		args []string
		want string
	}{
		"neither":          {boot.Misused, outage("3d"), "needs either --dry-run or --confirm N"},
		"both":             {boot.Misused, outage("3d", "--dry-run", "--confirm", "1"), "needs either --dry-run or --confirm N"},
		"a viewer":         {boot.Misused, outage("3d", "--dry-run", "--user", "u"), "--entitled-between and --user exclude each other"},
		"one time":         {boot.Misused, strings.Fields("give 3d --plan basic --reason x --dry-run --entitled-between 2026-02-01"), "and two times"},
		"a wrong time":     {boot.Misused, strings.Fields("give 3d --plan basic --reason x --dry-run --entitled-between yesterday 2026-02-01"), `"yesterday" is not a time`},
		"the wrong order":  {boot.Misused, strings.Fields("give 3d --plan basic --reason x --dry-run --entitled-between 2026-02-02 2026-02-01"), "is not before"},
		"the future":       {boot.Misused, strings.Fields("give 3d --plan basic --reason x --dry-run --entitled-between 2026-02-02 2999-02-01"), "both in the past"},
		"no plan":          {boot.Misused, strings.Fields("give 3d --reason x --dry-run --entitled-between 2026-02-01 2026-02-02"), "--plan is not set"},
		"an unknown plan":  {boot.Failed, append(outage("3d", "--dry-run"), "--plan", "gold"), "plan"},
		"a dry run of one": {boot.Misused, strings.Fields("give 3d --user u --plan basic --reason x --dry-run"), "--dry-run needs --entitled-between"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, errs := s.run(t, c.code, c.args...); !strings.Contains(errs, c.want) {
				t.Errorf("stderr is %q, want %q in it", errs, c.want)
			}
		})
	}
}
