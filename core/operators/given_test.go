package operators_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
)

// seen registers the viewer without a subscription.
func (w world) seen() {
	w.T.Helper()
	w.InTx(func(ctx context.Context, tx ports.Repos) error {
		return tx.Users.Seen(ctx, w.Clock.Now(), billingtest.Viewer)
	})
}

func (w world) givePlan(days int, source string) (billing.Subscription, billing.Grant, error) {
	return w.support().GivePlan(w.T.Context(), target(" no picture "), days, source)
}

// The viewer never subscribed, and can watch for the given time. No run charges it. A run ends
// it.
func TestSupport_GivePlan(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.seen()
	sub, grant, err := w.givePlan(3, "incident 42")
	if err != nil {
		t.Fatal(err)
	}
	now := w.Clock.Now()
	end := now.AddDate(0, 0, 3)
	if !sub.Given() || grant.Period != (billing.Period{Start: now, End: end}) || grant.By != "anna" || grant.Reason != "no picture" || grant.SubscriptionID != sub.ID {
		t.Errorf("subscription %+v with grant %+v, want given until %s", sub, grant, end)
	}
	if e := w.lastAudit(); e.Action != operators.SubscriptionGiven || e.Object != string(sub.ID) || e.Operator != "anna" ||
		e.After["reason"] != "no picture" || e.After["days"] != "3" || e.After["plan"] != "basic" {
		t.Errorf("the audit entry is %+v", e)
	}
	entitled := func() int {
		e, err := w.Queries().Entitlements(t.Context(), billingtest.Viewer)
		if err != nil {
			t.Fatal(err)
		}
		return len(e.Features)
	}
	w.Clock.Advance(end.Sub(now) - time.Minute)
	w.renew()
	if v := w.Subscriptions()[0]; entitled() == 0 || v.Subscription != sub {
		t.Errorf("before the end the viewer has %d features, and a run made of the subscription %+v", entitled(), v)
	}
	w.Clock.Advance(time.Minute)
	w.renew()
	if v := w.Subscriptions()[0]; entitled() != 0 || v.Status != billing.StatusEnded || !v.EndedAt.Equal(end) {
		t.Errorf("at the end the viewer has %d features, and the subscription is %+v", entitled(), v)
	}
	w.renew()
	w.ExpectHistory(billing.EventPeriodGiven, billing.EventEnded)
	if n := len(w.Payments()); n != 0 {
		t.Errorf("%d payments were made, want none", n)
	}
	w.MustSubscribe()
	w.ExpectCharges(1)
}

func TestSupport_GivePlanRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, _, err := w.givePlan(3, "a"); !errors.Is(err, billing.ErrNotFound) {
		t.Errorf("to an unknown user: %v, want ErrNotFound", err)
	}
	w.seen()
	if _, _, err := w.givePlan(3, "incident 42"); err != nil {
		t.Fatal(err)
	}
	other := w.AddPlanTo(w.Subscriptions()[0].PlanGroup, "premium", "hd")
	for name, c := range map[string]struct {
		ref  string
		want error
	}{
		"a plan that is given":         {"basic", billing.ErrAlreadySubscribed},
		"another plan of the group":    {string(other.ID), billing.ErrPlanGroupTaken},
		"a plan that does not exist":   {"gold", billing.ErrPlanNotFound},
		"a subscription instead of it": {string(w.Subscriptions()[0].ID), billing.ErrPlanNotFound},
	} {
		on := target("no picture")
		on.Ref = c.ref
		if _, _, err := w.support().GivePlan(t.Context(), on, 3, "b"); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	w.Clock.Advance(3 * 24 * time.Hour)
	if _, _, err := w.givePlan(3, "incident 42"); !errors.Is(err, billing.ErrAlreadyGiven) || !strings.Contains(err.Error(), `"incident 42" gave the viewer the time from`) {
		t.Errorf("from the same source: %v, want ErrAlreadyGiven with the time", err)
	}
	// The first subscription is over, but no run has ended it.
	if _, _, err := w.givePlan(3, "incident 43"); err != nil {
		t.Error(err)
	}
	w.ExpectHistory(billing.EventPeriodGiven, billing.EventEnded, billing.EventPeriodGiven)
}

// The time follows that of a live subscription. Without one, the plan is given.
func TestSupport_GiveOrBegin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.MustSubscribe()
	give := func(ref, source string) (billing.Subscription, billing.Grant, error) {
		on := target("no picture")
		on.Ref = ref
		return w.support().GiveOrBegin(t.Context(), on, 3, source)
	}
	for _, ref := range []string{"basic", string(v.ID)} {
		if sub, g, err := give(ref, ref); err != nil || sub.ID != v.ID || sub.Given() || g.Period.End != sub.NextChargeAt {
			t.Errorf("%s: %+v with %+v, %v, want the live subscription", ref, sub, g, err)
		}
	}
	if _, err := w.support().Cancel(t.Context(), target("leaves"), billing.AtOnce); err != nil {
		t.Fatal(err)
	}
	if _, _, err := give(string(v.ID), "c"); !errors.Is(err, billing.ErrInvalidTransition) {
		t.Errorf("to a subscription that has ended: %v, want ErrInvalidTransition", err)
	}
	sub, g, err := give("basic", "d")
	if err != nil || !sub.Given() || g.Period != sub.Current {
		t.Errorf("after the end: %+v with %+v, %v, want the plan", sub, g, err)
	}
	again, g, err := give("basic", "e")
	if err != nil || again.ID != sub.ID || g.Period.Start != sub.Current.End {
		t.Errorf("to a plan that was given: %+v with %+v, %v, want more time", again, g, err)
	}
	if _, _, err := give("gold", "f"); !errors.Is(err, billing.ErrPlanNotFound) {
		t.Errorf("to an unknown plan: %v, want ErrPlanNotFound", err)
	}
	if _, err := w.Catalog().ArchivePlan(t.Context(), "basic"); err != nil {
		t.Fatal(err)
	}
	if longer, _, err := give("basic", "g"); err != nil || longer.ID != sub.ID {
		t.Errorf("to an archived plan that was given: %+v, %v, want more time", longer, err)
	}
	if _, err := w.support().Cancel(t.Context(), target("leaves"), billing.AtOnce); err != nil {
		t.Fatal(err)
	}
	if _, _, err := give("basic", "h"); !errors.Is(err, billing.ErrPlanNotFound) || !strings.Contains(err.Error(), "no longer sold") {
		t.Errorf("to an archived plan after the end: %v, want ErrPlanNotFound", err)
	}
	w.ExpectCharges(1)
}

// ended returns a world whose viewer's subscription has ended, and an instruction that gives
// the viewer the plan again.
func newEnded(t *testing.T) (instructed, billing.Instruction) {
	t.Helper()
	w := newInstructed(t)
	w.cancel(billing.AtOnce)
	return w, w.on(billing.InstructGivePlan, func(i *billing.Instruction) { i.Target, i.Days = string(w.viewer.PlanID), 3 })
}

// A process dies before or after each commit. Another one finishes its work, once.
func TestExecutor_GivePlanOnce(t *testing.T) {
	t.Parallel()
	for steps := range 3 {
		w, i := newEnded(t)
		i = w.submit(anna, i)
		crash := billingtest.CrashAfter(steps)
		if _, err := w.executor(crash.Store(w.Store)).Execute(t.Context(), 100); crash.Happened() != (err != nil) {
			t.Errorf("crash after %d steps: %v", steps, err)
		}
		if _, err := w.executor(w.Store).Execute(t.Context(), 100); err != nil {
			t.Error(err)
		}
		if got := w.stored(i); got.State != billing.InstructionDone {
			t.Errorf("crash after %d steps: the instruction is %s", steps, got.State)
		}
		w.expectAuthor(i, 1)
		w.ExpectHistory(billing.EventSubscribed, billing.EventCancelRequested, billing.EventEnded, billing.EventPeriodGiven)
		if e := w.lastAudit(); e.Action != operators.SubscriptionGiven || e.Operator != "anna" || e.After["source"] != "instruction "+string(i.ID) {
			t.Errorf("the audit entry is %+v", e)
		}
	}
}

// The viewer subscribes between the form and the execution.
func TestExecutor_GivePlanRefused(t *testing.T) {
	t.Parallel()
	w, i := newEnded(t)
	i = w.submit(anna, i)
	w.MustSubscribe()
	w.execute(0, 1)
	if got := w.stored(i); got.State != billing.InstructionRefused || got.FaultCode != "already_subscribed" {
		t.Errorf("the instruction is %s with %q, want refused", got.State, got.FaultCode)
	}
	w.ExpectCharges(2)
	w.expectAuthor(i, 0)
}

// An instruction for a user who does not exist does not stay open.
func TestExecutor_GivePlanToUnknownUser(t *testing.T) {
	t.Parallel()
	w, i := newEnded(t)
	i.UserID, i.Author, i.AuthorRole, i.State, i.CreatedAt = "nobody", "anna", "support", billing.InstructionOpen, w.Clock.Now()
	w.InTx(func(ctx context.Context, tx ports.Repos) error { _, err := tx.Instructions.Add(ctx, i); return err })
	w.execute(0, 1)
	if got := w.stored(i); got.State != billing.InstructionRefused || got.FaultCode != "not_found" {
		t.Errorf("the instruction is %s with %q, want refused", got.State, got.FaultCode)
	}
}

// The panel says why a plan that was given cannot be resumed.
func TestInstructions_ResumeGivenPlan(t *testing.T) {
	t.Parallel()
	w, i := newEnded(t)
	w.submit(boris, i)
	w.execute(1, 0)
	resume := w.on(billing.InstructResume, func(i *billing.Instruction) { i.Target = string(w.Subscriptions()[0].ID) })
	if _, err := w.desk().Propose(t.Context(), boris, resume); !errors.Is(err, billing.ErrInvalidTransition) || !strings.Contains(err.Error(), "was given until") {
		t.Errorf("the proposal to resume: %v, want ErrInvalidTransition", err)
	}
}

func TestInstructions_GivePlan(t *testing.T) {
	t.Parallel()
	w, i := newEnded(t)
	end := w.Clock.Now().AddDate(0, 0, 3)
	p, err := w.desk().Propose(t.Context(), anna, i)
	if err != nil || p.Approval || p.Plan.Code != "basic" || p.Grant.Period.End != end || len(p.Plans) == 0 {
		t.Errorf("the proposal is %+v, %v, want basic until %s", p, err, end)
	}
	none := i
	none.Target = ""
	if p, err := w.desk().Look(t.Context(), anna, none); err != nil || len(p.Plans) == 0 || p.Plan.ID != "" {
		t.Errorf("without a plan: %+v, %v, want the plans to choose from", p, err)
	}
	unknown := i
	unknown.UserID = "nobody"
	if _, err := w.desk().Propose(t.Context(), anna, unknown); !errors.Is(err, billing.ErrNotFound) {
		t.Errorf("to an unknown user: %v, want ErrNotFound", err)
	}
	i.Days = 0
	if p, err := w.desk().Propose(t.Context(), anna, i); err != nil || !p.Approval {
		t.Errorf("a period: %+v, %v, want that it waits for an approval", p, err)
	}
	w.MustSubscribe()
	if _, err := w.desk().Propose(t.Context(), anna, i); !errors.Is(err, billing.ErrAlreadySubscribed) {
		t.Errorf("with a live subscription: %v, want ErrAlreadySubscribed", err)
	}
	if p, err := w.desk().Look(t.Context(), anna, none); err != nil || len(p.Plans) != 0 {
		t.Errorf("with a live subscription the choice is %v, %v, want none", p.Plans, err)
	}
}
