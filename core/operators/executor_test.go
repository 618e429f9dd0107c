package operators_test

import (
	"context"
	"errors"
	"testing"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
)

func TestExecutor_Executes(t *testing.T) {
	t.Parallel()
	const end = billing.EventCancelRequested
	for kind, want := range map[billing.InstructionKind]struct {
		events []billing.EventType
		action string
	}{
		billing.InstructCancel:    {[]billing.EventType{end}, operators.SubscriptionCancelled},
		billing.InstructCancelNow: {[]billing.EventType{end, billing.EventEnded}, operators.SubscriptionCancelled},
		billing.InstructGive:      {[]billing.EventType{billing.EventPeriodGiven}, operators.SubscriptionGiven},
		billing.InstructRefund:    {[]billing.EventType{billing.EventRefundRequested}, operators.PaymentRefunded},
		billing.InstructUnlink:    {[]billing.EventType{billing.EventMethodRemoved, end}, operators.PaymentMethodRemoved},
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := newInstructed(t)
			i := w.submit(boris, w.on(kind, func(i *billing.Instruction) {
				if kind == billing.InstructGive {
					i.Days = 3
				}
			}))
			w.ExpectHistory(billing.EventSubscribed)
			w.execute(1, 0)
			w.execute(0, 0)
			w.ExpectHistory(append([]billing.EventType{billing.EventSubscribed}, want.events...)...)
			w.expectAuthor(i, len(want.events))
			if got := w.stored(i); got.State != billing.InstructionDone || !got.DoneAt.Equal(w.Clock.Now()) {
				t.Errorf("the instruction is %+v, want done", got)
			}
			if e := w.lastAudit(); e.Action != want.action || e.Operator != "boris" || e.From != boris.From || e.After["reason"] != "ticket 4711" {
				t.Errorf("the audit entry is %+v, want %s of boris", e, want.action)
			}
			if n := len(w.Provider.RefundRequests()); n != 0 {
				t.Errorf("an instruction sent %d refunds", n)
			}
		})
	}
}

func TestExecutor_CancelTakenBackAndRetry(t *testing.T) {
	t.Parallel()
	w := newInstructed(t)
	for _, kind := range []billing.InstructionKind{billing.InstructCancel, billing.InstructResume} {
		w.submit(anna, w.on(kind, nil))
		w.execute(1, 0)
	}
	w.Clock.Advance(w.viewer.Current.End.Sub(w.Clock.Now()))
	w.Provider.SetFault(billingtest.Decline)
	w.renew()
	w.Provider.SetFault(billingtest.NoFault)
	w.submit(anna, w.on(billing.InstructRetry, nil))
	w.execute(1, 0)
	w.renew()
	w.ExpectHistory(billing.EventSubscribed, billing.EventCancelRequested, billing.EventCancelRevoked,
		billing.EventPaymentDeclined, billing.EventRetryRequested, billing.EventRenewed)
}

func TestExecutor_SettlesAfterApproval(t *testing.T) {
	t.Parallel()
	w := newStaffed(t)
	w.viewer = w.pending()
	i := w.submit(anna, w.on(billing.InstructSettle, func(i *billing.Instruction) { i.Target, i.As = string(w.viewer.Latest.ID), billing.PaymentSucceeded }))
	w.execute(0, 0)
	if i.State != billing.InstructionWaiting {
		t.Fatalf("the instruction of the support is %s, want that it waits", i.State)
	}
	if _, err := w.desk().Decide(t.Context(), boris, i.UserID, i.ID, true); err != nil {
		t.Fatal(err)
	}
	w.execute(1, 0)
	w.ExpectSubscription(billing.StatusActive, billing.PaymentSucceeded)
	w.expectAuthor(i, 1)
	if e := w.lastAudit(); e.Action != operators.PaymentSettled || e.Operator != "anna" {
		t.Errorf("the audit entry is %+v", e)
	}
}

// A change between the form and the execution decides.
func TestExecutor_Refuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind  billing.InstructionKind
		first func(w instructed)
		code  string
	}{
		"ended meanwhile":      {billing.InstructGive, func(w instructed) { w.cancel(billing.AtOnce) }, "invalid_transition"},
		"cancelled meanwhile":  {billing.InstructCancel, func(w instructed) { w.cancel(billing.AtPeriodEnd) }, "nothing_changed"},
		"refunded meanwhile":   {billing.InstructRefund, func(w instructed) { w.submit(boris, w.on(billing.InstructRefund, nil)); w.execute(1, 0) }, "refund_open"},
		"unlinked meanwhile":   {billing.InstructUnlink, func(w instructed) { w.submit(boris, w.on(billing.InstructUnlink, nil)); w.execute(1, 0) }, "nothing_changed"},
		"taken back too early": {billing.InstructResume, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newInstructed(t)
			if c.first == nil {
				if _, err := w.desk().Submit(t.Context(), anna, w.on(c.kind, nil)); !errors.Is(err, billing.Conflict) {
					t.Errorf("Submit: %v, want a conflict", err)
				}
				return
			}
			late := w.on(c.kind, func(i *billing.Instruction) {
				if c.kind == billing.InstructGive {
					i.Days = 3
				}
			})
			late.Author, late.AuthorRole, late.State, late.CreatedAt = "anna", "support", billing.InstructionOpen, w.Clock.Now()
			c.first(w)
			if err := w.Store.InTx(t.Context(), func(tx ports.Repos) error { _, err := tx.Instructions.Add(t.Context(), late); return err }); err != nil {
				t.Fatal(err)
			}
			before, entries := w.Subscriptions()[0], len(w.Store.Audit())
			w.execute(0, 1)
			if got := w.stored(late); got.State != billing.InstructionRefused || got.FaultCode != c.code || got.Outcome == "" {
				t.Errorf("the instruction is %s with %q: %s; want refused with %q", got.State, got.FaultCode, got.Outcome, c.code)
			}
			if after := w.Subscriptions()[0]; after.Subscription != before.Subscription || len(w.Store.Audit()) != entries {
				t.Errorf("a refused instruction changed %+v to %+v, with %d audit entries", before, after, len(w.Store.Audit())-entries)
			}
			w.expectAuthor(late, 0)
		})
	}
}

func (w instructed) cancel(at billing.CancelAt) {
	w.T.Helper()
	if _, err := w.support().Cancel(w.T.Context(), target("asked by phone"), at); err != nil {
		w.T.Fatal(err)
	}
}

// A process dies before or after each commit. Another one finishes its work, once.
func TestExecutor_OnceDespiteCrashes(t *testing.T) {
	t.Parallel()
	for _, kind := range []billing.InstructionKind{billing.InstructGive, billing.InstructRefund, billing.InstructUnlink} {
		for steps := range 3 {
			w := newInstructed(t)
			i := w.submit(boris, w.on(kind, func(i *billing.Instruction) {
				if kind == billing.InstructGive {
					i.Days = 3
				}
			}))
			crash := billingtest.CrashAfter(steps)
			_, err := w.executor(crash.Store(w.Store)).Execute(t.Context(), 100)
			if crash.Happened() != (err != nil) {
				t.Errorf("%s, crash after %d steps: %v", kind, steps, err)
			}
			if _, err := w.executor(w.Store).Execute(t.Context(), 100); err != nil {
				t.Error(err)
			}
			if got := w.stored(i); got.State != billing.InstructionDone {
				t.Errorf("%s, crash after %d steps: the instruction is %s", kind, steps, got.State)
			}
			events := map[billing.InstructionKind]int{billing.InstructUnlink: 2}[kind]
			w.expectAuthor(i, max(events, 1))
		}
	}
}

// outage is a store whose transactions fail.
type outage struct{ ports.Store }

func (outage) InTx(context.Context, func(ports.Repos) error) error { return billing.ErrUnavailable }

func TestExecutor_StaysOpenDuringOutage(t *testing.T) {
	t.Parallel()
	w := newInstructed(t)
	i := w.submit(anna, w.on(billing.InstructCancel, nil))
	got, err := w.executor(outage{w.Store}).Execute(t.Context(), 100)
	if !errors.Is(err, billing.Unavailable) || got != (operators.Executed{}) {
		t.Errorf("Execute = %+v, %v, want that the store is unavailable", got, err)
	}
	if got := w.stored(i); got.State != billing.InstructionOpen {
		t.Errorf("the instruction is %s, want open", got.State)
	}
}
