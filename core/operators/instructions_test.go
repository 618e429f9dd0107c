package operators_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
)

var (
	anna  = operators.Operator{Name: "anna", Role: ports.RoleSupport, From: "192.0.2.1"}
	boris = operators.Operator{Name: "boris", Role: ports.RoleEditor, From: "192.0.2.2"}
	vera  = operators.Operator{Name: "vera", Role: ports.RoleReader, From: "192.0.2.3"}
)

// instructed is a world with panel users, and a viewer with a paid subscription.
type instructed struct {
	world
	viewer ports.SubscriptionView
}

func newInstructed(t *testing.T) instructed {
	t.Helper()
	w := newStaffed(t)
	w.viewer = w.MustSubscribe()
	return w
}

// newStaffed returns a world with panel users, and without a subscription.
func newStaffed(t *testing.T) instructed {
	t.Helper()
	w := newWorld(t)
	for _, o := range []operators.Operator{anna, boris, vera} {
		u := ports.PanelUser{ID: w.NewID(), Name: o.Name, Role: o.Role}
		if err := w.Store.InTx(t.Context(), func(tx ports.Repos) error { return tx.PanelUsers.Add(t.Context(), u) }); err != nil {
			t.Fatal(err)
		}
	}
	return instructed{world: w}
}

func (w instructed) desk() operators.Instructions {
	return operators.Instructions{
		Store: w.Store, Clock: w.Clock, NewID: w.NewID,
		Limits: billing.SupportLimits{GiveDays: 7, Refunds: []billing.Money{billingtest.Rubles(1000_00)}},
	}
}

func (w instructed) executor(s ports.Store) operators.Executor {
	return operators.Executor{
		Support:  operators.Support{Store: s, Clock: w.Clock, NewID: w.NewID},
		Payments: operators.Payments{Collector: w.ProcessOver(s, w.Provider).Collector},
		Methods:  w.Methods(s, w.Provider),
	}
}

// on returns an instruction of a kind about the viewer.
func (w instructed) on(kind billing.InstructionKind, change func(*billing.Instruction)) billing.Instruction {
	i := billing.Instruction{
		ID: billing.InstructionID(w.NewID()), Kind: kind, UserID: billingtest.Viewer, Target: string(w.viewer.ID), Reason: "ticket 4711",
	}
	switch kind {
	case billing.InstructRefund:
		i.Target, i.Amount = string(w.viewer.LatestPaymentID), w.viewer.Price
	case billing.InstructUnlink:
		i.Target = string(w.viewer.MethodID)
	}
	if change != nil {
		change(&i)
	}
	return i
}

func (w instructed) submit(by operators.Operator, i billing.Instruction) billing.Instruction {
	w.T.Helper()
	i, err := w.desk().Submit(w.T.Context(), by, i)
	if err != nil {
		w.T.Fatal(err)
	}
	return i
}

func (w instructed) execute(done, refused int) {
	w.T.Helper()
	got, err := w.executor(w.Store).Execute(w.T.Context(), 100)
	if want := (operators.Executed{Done: done, Refused: refused}); err != nil || got != want {
		w.T.Errorf("Execute = %+v, %v, want %+v", got, err, want)
	}
}

func (w instructed) stored(i billing.Instruction) billing.Instruction {
	w.T.Helper()
	i, err := w.desk().Instruction(w.T.Context(), vera, i.UserID, i.ID)
	if err != nil {
		w.T.Fatal(err)
	}
	return i
}

// authors returns the authors of the viewer's events.
func (w instructed) authors() map[billing.EventID]billing.Author {
	w.T.Helper()
	history, err := w.Queries().History(w.T.Context(), billingtest.Viewer, ports.Page{Limit: 100})
	if err != nil {
		w.T.Fatal(err)
	}
	authors, err := w.Store.Views().Authors(w.T.Context(), history)
	if err != nil {
		w.T.Fatal(err)
	}
	return authors
}

// expectAuthor expects that an instruction caused a number of events.
func (w instructed) expectAuthor(i billing.Instruction, events int) {
	w.T.Helper()
	n := 0
	for _, a := range w.authors() {
		if a == (billing.Author{Name: i.Author, Reason: i.Reason, Instruction: i.ID}) {
			n++
		}
	}
	if n != events {
		w.T.Errorf("%d events have the author of the instruction, want %d: %+v", n, events, w.authors())
	}
}

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

func TestInstructions_FormTwiceIsOneInstruction(t *testing.T) {
	t.Parallel()
	w := newInstructed(t)
	i := w.on(billing.InstructGive, func(i *billing.Instruction) { i.Days = 3 })
	w.submit(anna, i)
	w.execute(1, 0)
	if again := w.submit(anna, i); again.State != billing.InstructionDone {
		t.Errorf("the form again returns an instruction that is %s, want the executed one", again.State)
	}
	w.execute(0, 0)
	w.ExpectHistory(billing.EventSubscribed, billing.EventPeriodGiven)
	other := i
	other.Days = 4
	if _, err := w.desk().Submit(t.Context(), anna, other); !errors.Is(err, billing.ErrAlreadyExists) {
		t.Errorf("another instruction with the id: %v, want ErrAlreadyExists", err)
	}
}

func TestInstructions_LimitsOfSupport(t *testing.T) {
	t.Parallel()
	w := newInstructed(t)
	days := func(n int) func(*billing.Instruction) { return func(i *billing.Instruction) { i.Days = n } }
	for n, c := range []struct {
		by   operators.Operator
		days int
		want billing.InstructionState
	}{
		{anna, 5, billing.InstructionOpen}, {anna, 2, billing.InstructionOpen}, {anna, 1, billing.InstructionWaiting},
		{anna, 0, billing.InstructionWaiting}, {boris, 30, billing.InstructionOpen},
	} {
		i := w.on(billing.InstructGive, days(c.days))
		p, err := w.desk().Propose(t.Context(), c.by, i)
		if err != nil || p.Approval != (c.want == billing.InstructionWaiting) {
			t.Errorf("%d: the proposal is %+v, %v", n, p, err)
		}
		if got := w.submit(c.by, i); got.State != c.want {
			t.Errorf("%d: %d days of %s are %s, want %s", n, c.days, c.by.Name, got.State, c.want)
		}
	}
	w.Clock.Advance(24 * time.Hour)
	if got := w.submit(anna, w.on(billing.InstructGive, days(7))); got.State != billing.InstructionOpen {
		t.Errorf("on the next day, 7 days are %s", got.State)
	}
}

// Together, refunds at the same moment do not exceed the limit of 1,000 rubles.
func TestInstructions_LimitHoldsUnderConcurrency(t *testing.T) {
	t.Parallel()
	w := newInstructed(t)
	var requests sync.WaitGroup
	states := make(chan billing.InstructionState, 8)
	for range cap(states) {
		i := w.on(billing.InstructRefund, func(i *billing.Instruction) { i.Amount = billingtest.Rubles(300_00) })
		requests.Go(func() {
			stored, err := w.desk().Submit(t.Context(), anna, i)
			if err != nil {
				t.Error(err)
			}
			states <- stored.State
		})
	}
	requests.Wait()
	close(states)
	open := 0
	for s := range states {
		if s == billing.InstructionOpen {
			open++
		}
	}
	if open != 3 {
		t.Errorf("%d refunds of 300 rubles are open, want 3", open)
	}
}

func TestInstructions_Decide(t *testing.T) {
	t.Parallel()
	w := newInstructed(t)
	submit := func() billing.Instruction {
		return w.submit(anna, w.on(billing.InstructGive, nil))
	}
	i := submit()
	for name, c := range map[string]struct {
		by   operators.Operator
		want error
	}{
		"its author":           {anna, operators.ErrForbidden},
		"another support":      {operators.Operator{Name: "clara", Role: ports.RoleSupport}, operators.ErrForbidden},
		"a reader":             {vera, operators.ErrForbidden},
		"its author as editor": {operators.Operator{Name: "anna", Role: ports.RoleEditor}, billing.ErrOwnInstruction},
	} {
		if _, err := w.desk().Decide(t.Context(), c.by, i.UserID, i.ID, true); !errors.Is(err, c.want) {
			t.Errorf("%s approves: %v, want %v", name, err, c.want)
		}
	}
	rejected := submit()
	for approved, i := range map[bool]billing.Instruction{true: i, false: rejected} {
		if _, err := w.desk().Decide(t.Context(), boris, i.UserID, i.ID, approved); err != nil {
			t.Error(err)
		}
		if _, err := w.desk().Decide(t.Context(), boris, i.UserID, i.ID, !approved); !errors.Is(err, billing.ErrInvalidTransition) {
			t.Errorf("a second decision: %v, want ErrInvalidTransition", err)
		}
	}
	w.execute(1, 0)
	w.ExpectHistory(billing.EventSubscribed, billing.EventPeriodGiven)
	if got := w.stored(rejected); got.State != billing.InstructionRejected || got.DecidedBy != "boris" {
		t.Errorf("the rejected instruction is %+v", got)
	}
}

func TestInstructions_Roles(t *testing.T) {
	t.Parallel()
	w := newInstructed(t)
	i := w.on(billing.InstructCancel, nil)
	_, proposed := w.desk().Propose(t.Context(), vera, i)
	_, submitted := w.desk().Submit(t.Context(), vera, i)
	if !errors.Is(proposed, operators.ErrForbidden) || !errors.Is(submitted, operators.ErrForbidden) {
		t.Errorf("a reader proposes: %v, submits: %v; want ErrForbidden", proposed, submitted)
	}
	catalog := operators.Catalog{Store: w.Store, Clock: w.Clock, NewID: w.NewID, By: anna}
	if _, err := catalog.SetPrice(t.Context(), "basic", billingtest.Rubles(1_00)); !errors.Is(err, operators.ErrForbidden) {
		t.Errorf("the support edits the catalogue: %v, want ErrForbidden", err)
	}
	if waiting, err := w.desk().Waiting(t.Context(), vera); err != nil || len(waiting) != 0 {
		t.Errorf("a reader sees %d waiting instructions, %v", len(waiting), err)
	}
}
