package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/cmd/internal/boot"
)

func TestPlanEnd(t *testing.T) {
	t.Parallel()
	s := withDatabase(t)
	exec(t, s.url(), currentPeriod)
	ending := func() string {
		return query(t, s.url(), "SELECT (ending_at IS NOT NULL)::text || (archived_at IS NOT NULL)::text FROM plans WHERE code = 'basic'")[0]
	}
	out, _ := s.run(t, boot.OK, "plan", "end", "basic", "--reason", "the rights end", "--dry-run")
	for _, want := range []string{"dry run: plan basic would end for 1 viewer, at 20", "no viewer is charged for it again", "--confirm 1"} {
		if !strings.Contains(out, want) {
			t.Errorf("the dry run lacks %q:\n%s", want, out)
		}
	}
	if _, errs := s.run(t, boot.Failed, "plan", "end", "basic", "--reason", "x", "--confirm", "2"); !strings.Contains(errs, "the number of viewers is 1, not 2; nothing was changed") {
		t.Errorf("another number: stderr is %q", errs)
	}
	if got := ending(); got != "falsefalse" {
		t.Errorf("before the confirmation the plan is %s", got)
	}
	var got planEndJSON
	s.json(t, boot.OK, &got, "plan", "end", "basic", "--reason", "the rights end", "--dry-run")
	if got.Viewers != 1 || !got.DryRun || got.EndingAt != nil || got.Ends == nil || !got.Ends.First.Equal(got.Ends.Last) {
		t.Errorf("the dry run is %+v", got)
	}
	s.json(t, boot.OK, &got, "plan", "end", "basic", "--reason", "the rights end", "--confirm", "1")
	if got.Viewers != 1 || got.DryRun || got.EndingAt == nil || ending() != "truetrue" {
		t.Errorf("the end is %+v, and the plan %s", got, ending())
	}
	if list, _ := s.run(t, boot.OK, "plan", "list"); !strings.Contains(list, "yes       yes") {
		t.Errorf("the list does not show the end:\n%s", list)
	}
	stored := query(t, s.url(), "SELECT author || ', ' || split_part(origin, ' ', 1) || ', ' || reason || ', ' || viewers FROM plan_endings")
	if diff := cmp.Diff([]string{"billingctl, shell, the rights end, 1"}, stored); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
	if n := query(t, s.url(), "SELECT count(*)::text FROM panel_audit WHERE action = 'plan.end' AND object = 'basic' AND after ->> 'reason' = 'the rights end'")[0]; n != "1" {
		t.Errorf("%s audit entries, want 1", n)
	}
	if _, errs := s.run(t, boot.Failed, "plan", "end", "basic", "--reason", "x", "--dry-run"); !strings.Contains(errs, "plan basic has been ending since") {
		t.Errorf("a second end: stderr is %q", errs)
	}
	// No API has cancelled the subscription yet.
	var user userJSON
	s.json(t, boot.OK, &user, "user", "show", ownerID)
	if sub := user.Subscriptions[0]; sub.Status != "active" || sub.CancelAtPeriodEnd || sub.NextChargeAt != nil {
		t.Errorf("the viewer is shown with %+v, want no next charge", sub)
	}
	if out, _ := s.run(t, boot.OK, "user", "show", ownerID); !strings.Contains(out, "active; ends with the period") {
		t.Errorf("the viewer is shown as %s", out)
	}
	if out, _ := s.run(t, boot.OK, "give", "3d", "--user", ownerID, "--plan", "basic", "--reason", "x"); !strings.Contains(out, "is not renewed, because the plan is being ended, and runs until") {
		t.Errorf("time given: stdout is %q", out)
	}
	s.run(t, boot.OK, "plan", "restore", "basic")
	if got := ending(); got != "falsefalse" {
		t.Errorf("restored, the plan is %s", got)
	}
}

func TestPlanEnd_WithoutViewers(t *testing.T) {
	t.Parallel()
	s := withDatabase(t)
	s.run(t, boot.OK, "plan", "add", "--code", "empty", "--name", "Empty", "--price", "1", "--currency", "RUB")
	if out, _ := s.run(t, boot.OK, "plan", "end", "empty", "--reason", "x", "--confirm", "0"); out != "plan empty ends for 0 viewers and no viewer is charged for it again\n" {
		t.Errorf("the output is %q", out)
	}
}

func TestPlanEnd_Usage(t *testing.T) {
	t.Parallel()
	s := withDatabase(t)
	for name, c := range map[string]struct {
		args []string
		want string
		code int
	}{
		"neither dry run nor confirmed": {[]string{"basic", "--reason", "x"}, "choose either --dry-run or --confirm N", boot.Misused},
		"both":                          {[]string{"basic", "--reason", "x", "--dry-run", "--confirm", "1"}, "choose either --dry-run or --confirm N", boot.Misused},
		"no reason":                     {[]string{"basic", "--dry-run"}, "--reason", boot.Misused},
		"blank reason":                  {[]string{"basic", "--reason", " ", "--dry-run"}, "reason must have 1 to 500 characters", boot.Misused},
		"no plan":                       {[]string{"--reason", "x", "--dry-run"}, "the code of a plan", boot.Misused},
		"unknown plan":                  {[]string{"gold", "--reason", "x", "--dry-run"}, "plan", boot.Failed},
	} {
		if _, errs := s.run(t, c.code, append([]string{"plan", "end"}, c.args...)...); !strings.Contains(errs, c.want) {
			t.Errorf("%s: stderr is %q, want %q", name, errs, c.want)
		}
	}
}
