package billing_test

import (
	"errors"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

func TestSupportLimits_Exceeded(t *testing.T) {
	t.Parallel()
	limits := billing.SupportLimits{GiveDays: 7, Refunds: []billing.Money{{Amount: 1000_00, Currency: "RUB"}}}
	give := func(days int) billing.Instruction { return billing.Instruction{Kind: billing.InstructGive, Days: days} }
	givePlan := func(days int) billing.Instruction {
		return billing.Instruction{Kind: billing.InstructGivePlan, Days: days}
	}
	refund := func(amount int64, c billing.Currency) billing.Instruction {
		return billing.Instruction{Kind: billing.InstructRefund, Amount: billing.Money{Amount: amount, Currency: c}}
	}
	for name, c := range map[string]struct {
		instruction billing.Instruction
		used        billing.SupportUsage
		want        bool
	}{
		"days at the limit":               {give(7), billing.SupportUsage{}, false},
		"days above the limit":            {give(8), billing.SupportUsage{}, true},
		"days above it with earlier ones": {give(3), billing.SupportUsage{GivenDays: 5}, true},
		"a period":                        {give(0), billing.SupportUsage{}, true},
		"a plan for days at the limit":    {givePlan(7), billing.SupportUsage{}, false},
		"a plan for days above it":        {givePlan(5), billing.SupportUsage{GivenDays: 3}, true},
		"a plan for a period":             {givePlan(0), billing.SupportUsage{}, true},
		"a refund at the limit":           {refund(1000_00, "RUB"), billing.SupportUsage{}, false},
		"a refund above the limit":        {refund(1000_01, "RUB"), billing.SupportUsage{}, true},
		"a refund after others":           {refund(600_01, "RUB"), billing.SupportUsage{Refunded: 400_00}, true},
		"the rest of the day":             {refund(600_00, "RUB"), billing.SupportUsage{Refunded: 400_00}, false},
		"a huge refund":                   {refund(billing.MaxAmount, "RUB"), billing.SupportUsage{Refunded: billing.MaxAmount}, true},
		"a currency without a limit":      {refund(1, "USD"), billing.SupportUsage{}, true},
		"a cancel":                        {billing.Instruction{Kind: billing.InstructCancelNow}, billing.SupportUsage{}, false},
		"a settled payment":               {billing.Instruction{Kind: billing.InstructSettle}, billing.SupportUsage{}, true},
	} {
		if got := limits.Exceeded(c.instruction, c.used); got != c.want {
			t.Errorf("%s: Exceeded = %v, want %v", name, got, c.want)
		}
	}
}

func TestInstruction_Decide(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	waiting := billing.Instruction{Author: "anna"}.Submit(true, now)
	for name, c := range map[string]struct {
		instruction billing.Instruction
		by          string
		approve     bool
		want        billing.InstructionState
		err         error
	}{
		"approved by another person": {waiting, "boris", true, billing.InstructionOpen, nil},
		"rejected by another person": {waiting, "boris", false, billing.InstructionRejected, nil},
		"approved by its author":     {waiting, "anna", true, billing.InstructionWaiting, billing.ErrOwnInstruction},
		"rejected by its author":     {waiting, "anna", false, billing.InstructionWaiting, billing.ErrOwnInstruction},
		"open already":               {billing.Instruction{Author: "anna"}.Submit(false, now), "boris", false, billing.InstructionOpen, billing.ErrInvalidTransition},
		"done already":               {waiting.Done(now), "boris", true, billing.InstructionDone, billing.ErrInvalidTransition},
	} {
		got, err := c.instruction.Decide(c.approve, c.by, now.Add(time.Hour))
		if !errors.Is(err, c.err) || got.State != c.want {
			t.Errorf("%s: %s, %v; want %s, %v", name, got.State, err, c.want, c.err)
		}
		if decided := err == nil; decided != (got.DecidedBy == "boris") || decided == got.DecidedAt.IsZero() {
			t.Errorf("%s: decided by %q at %s", name, got.DecidedBy, got.DecidedAt)
		}
	}
}

func TestInstruction_Check(t *testing.T) {
	t.Parallel()
	const id = "01890a5d-ac96-774b-bcce-b302099a8057"
	valid := billing.Instruction{ID: id, Kind: billing.InstructCancel, Target: id, Reason: "ticket 4711"}
	for name, c := range map[string]struct {
		change func(*billing.Instruction)
		field  string // of the only fault; empty if there is none
	}{
		"a cancel":              {func(*billing.Instruction) {}, ""},
		"no reason":             {func(i *billing.Instruction) { i.Reason = " " }, "reason"},
		"a card number":         {func(i *billing.Instruction) { i.Reason = "4242 4242 4242 4242" }, "reason"},
		"an unknown kind":       {func(i *billing.Instruction) { i.Kind = "charge" }, "kind"},
		"no target":             {func(i *billing.Instruction) { i.Target = "" }, "target"},
		"no id":                 {func(i *billing.Instruction) { i.ID = "" }, "id"},
		"a period":              {func(i *billing.Instruction) { i.Kind = billing.InstructGive }, ""},
		"too many days":         {func(i *billing.Instruction) { i.Kind, i.Days = billing.InstructGive, 367 }, "days"},
		"a plan for a period":   {func(i *billing.Instruction) { i.Kind = billing.InstructGivePlan }, ""},
		"a plan for too long":   {func(i *billing.Instruction) { i.Kind, i.Days = billing.InstructGivePlan, 367 }, "days"},
		"a refund of nothing":   {func(i *billing.Instruction) { i.Kind = billing.InstructRefund }, "amount"},
		"settled as nothing":    {func(i *billing.Instruction) { i.Kind = billing.InstructSettle }, "as"},
		"settled as succeeded":  {func(i *billing.Instruction) { i.Kind, i.As = billing.InstructSettle, billing.PaymentSucceeded }, ""},
		"settled as it already": {func(i *billing.Instruction) { i.Kind, i.As = billing.InstructSettle, billing.PaymentPending }, "as"},
	} {
		i := valid
		c.change(&i)
		var invalid *billing.InvalidError
		switch err := i.Check(); {
		case c.field == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.field != "" && (!errors.As(err, &invalid) || len(invalid.Faults) != 1 || invalid.Faults[0].Field != c.field):
			t.Errorf("%s: %v, want one fault of %s", name, err, c.field)
		}
	}
}

func TestCalendar_StartOfDay(t *testing.T) {
	t.Parallel()
	moscow, err := time.LoadLocation("Europe/Moscow")
	if err != nil {
		t.Fatal(err)
	}
	got := billing.NewCalendar(moscow).StartOfDay(time.Date(2026, 3, 1, 22, 30, 0, 0, time.UTC))
	if want := time.Date(2026, 3, 1, 21, 0, 0, 0, time.UTC); !got.Equal(want) {
		t.Errorf("the day begins at %s, want %s", got, want)
	}
}
