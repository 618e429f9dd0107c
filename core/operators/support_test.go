package operators_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
)

func (w world) support() operators.Support {
	return operators.Support{
		Store: w.Store, Clock: w.Clock, NewID: w.NewID,
		By: operators.Operator{Name: "anna"},
	}
}

func target(reason string) operators.Target {
	return operators.Target{User: billingtest.Viewer, Ref: "basic", Reason: reason}
}

func (w world) renew() {
	w.T.Helper()
	if _, err := w.Renewer().Run(w.T.Context()); err != nil {
		w.T.Fatal(err)
	}
}

// lastAudit returns the latest audit entry.
func (w world) lastAudit() ports.AuditEntry {
	audit := w.Store.Audit()
	return audit[len(audit)-1]
}

// After days are given, the renewal is charged at their end and pays for a whole period
// from then on.
func TestSupport_GiveDaysMovesRenewal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.MustSubscribe()
	sub, grant, err := w.support().Give(t.Context(), target(" no picture "), 3, "incident 42")
	if err != nil {
		t.Fatal(err)
	}
	end := v.Current.End.AddDate(0, 0, 3)
	if grant.Period != (billing.Period{Start: v.Current.End, End: end}) || sub.NextChargeAt != end || grant.By != "anna" || grant.Reason != "no picture" {
		t.Errorf("grant %+v, next charge at %s, want until %s", grant, sub.NextChargeAt, end)
	}
	if e := w.lastAudit(); e.Action != operators.SubscriptionGiven || e.Object != string(v.ID) || e.Operator != "anna" || e.After["reason"] != "no picture" || e.After["days"] != "3" {
		t.Errorf("the audit entry is %+v", e)
	}
	w.Clock.Advance(end.Sub(w.Clock.Now()) - time.Minute)
	w.renew()
	w.ExpectCharges(1)
	w.Clock.Advance(time.Minute)
	w.renew()
	w.ExpectCharges(2)
	if got := w.Subscriptions()[0]; got.Current != (billing.Period{Start: end, End: end.AddDate(0, 1, 0)}) {
		t.Errorf("the renewal paid for %v, want a month from %s", got.Current, end)
	}
	w.ExpectHistory(billing.EventSubscribed, billing.EventPeriodGiven, billing.EventRenewed)
}

func TestSupport_GiveOnceForASource(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.MustSubscribe()
	for range 2 {
		_, _, err := w.support().Give(t.Context(), target("x"), 3, " incident 42 ")
		if err != nil && (!errors.Is(err, billing.ErrAlreadyGiven) || !strings.Contains(err.Error(), "incident 42")) {
			t.Fatal(err)
		}
	}
	w.ExpectHistory(billing.EventSubscribed, billing.EventPeriodGiven)
}

func TestSupport_CancelAndResume(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.MustSubscribe()
	s := w.support()
	sub, err := s.Cancel(t.Context(), target("asked by phone"), billing.AtPeriodEnd)
	if err != nil || !sub.CancelAtPeriodEnd {
		t.Fatalf("cancel: %v, %+v", err, sub)
	}
	if e := w.lastAudit(); e.Action != operators.SubscriptionCancelled || e.After["ends"] != "period_end" || e.After["reason"] != "asked by phone" {
		t.Errorf("the audit entry is %+v", e)
	}
	entries := len(w.Store.Audit())
	if _, err := s.Cancel(t.Context(), target("again"), billing.AtPeriodEnd); err != nil || len(w.Store.Audit()) != entries {
		t.Errorf("a second cancel: %v, %d audit entries, want %d", err, len(w.Store.Audit()), entries)
	}
	if sub, err = s.Resume(t.Context(), target("stays")); err != nil || sub.CancelAtPeriodEnd {
		t.Errorf("resume: %v, %+v", err, sub)
	}
	if sub, err = s.Cancel(t.Context(), target("leaves"), billing.AtOnce); err != nil || sub.Status != billing.StatusEnded {
		t.Errorf("cancel now: %v, %+v", err, sub)
	}
	w.ExpectHistory(billing.EventSubscribed, billing.EventCancelRequested, billing.EventCancelRevoked, billing.EventCancelRequested, billing.EventEnded)
}

func TestSupport_RetryChargesInNextRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.MustSubscribe()
	w.Clock.Advance(v.Current.End.Sub(w.Clock.Now()))
	w.Provider.SetFault(billingtest.Decline)
	w.renew()
	w.Clock.Advance(time.Hour)
	w.renew() // the next try is not due yet
	w.Provider.SetFault(billingtest.NoFault)
	sub, err := w.support().Retry(t.Context(), target("the viewer has paid money in"))
	if err != nil || !sub.NextChargeAt.Equal(w.Clock.Now()) {
		t.Fatalf("retry: %v, %+v", err, sub)
	}
	w.renew()
	if got := w.Subscriptions()[0]; got.Status != billing.StatusActive || got.Current.Start != v.Current.End {
		t.Errorf("after the retry the subscription is %+v", got)
	}
	if _, err := w.support().Retry(t.Context(), target("again")); !errors.Is(err, billing.ErrNothingDue) {
		t.Errorf("retry of an active subscription: %v, want ErrNothingDue", err)
	}
}

func TestSupport_Refusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.MustSubscribe()
	s := w.support()
	entries := len(w.Store.Audit())
	unknown := target("x")
	unknown.Ref = "premium"
	for name, c := range map[string]struct {
		err  error
		want error
	}{
		"no reason":           {second(s.Cancel(t.Context(), target(" "), billing.AtOnce)), billing.ErrInvalid},
		"unknown":             {second(s.Cancel(t.Context(), unknown, billing.AtOnce)), billing.ErrNotFound},
		"card number, source": {third(s.Give(t.Context(), target("x"), 3, "4242 4242 4242 4242")), billing.ErrInvalid},
		"too many days":       {third(s.Give(t.Context(), target("x"), 400, "y")), billing.ErrInvalid},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%s: %v, want %v", name, c.err, c.want)
		}
	}
	if got := len(w.Store.Audit()); got != entries {
		t.Errorf("refused changes wrote %d audit entries", got-entries)
	}
}

func second[T any](_ T, err error) error { return err }

func third[T, U any](_ T, _ U, err error) error { return err }
