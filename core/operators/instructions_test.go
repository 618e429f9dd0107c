package operators_test

import (
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
