package storetest

import (
	"context"
	"fmt"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

var instructionCases = []testCase{
	{"are stored once", func(w *world) {
		i := refundInstruction(noon)
		i.State = billing.InstructionOpen
		w.addInstruction(i, true)
		again := i
		again.Reason = "another reason"
		w.addInstruction(again, false)
		same(w, "the instruction", w.instruction(i), i)
		sameList(w, "the user's instructions", w.instructionsOf(i.UserID), []billing.Instruction{i})
		_, err := w.Store.Views().Instruction(w.Context(), newIDOf[billing.UserID](), i.ID)
		w.wantErr(err, billing.ErrNotFound)
	}},
	{"are decided, executed and then final", func(w *world) {
		i := refundInstruction(noon)
		w.addInstruction(i, true)
		w.wantErr(w.lockOpen(i), billing.ErrNotFound)
		approved, err := i.Decide(true, "boris", noon.Add(time.Minute))
		w.must(err)
		w.must(w.decide(approved))
		same(w, "the approved instruction", w.instruction(i), approved)
		w.must(w.lockOpen(i))
		done := approved.Done(noon.Add(time.Hour))
		w.must(w.finish(done))
		same(w, "the executed instruction", w.instruction(i), done)
		w.wantErr(w.lockOpen(i), billing.ErrNotFound)
		w.refuses("a second execution", w.finish(done))
		w.refuses("a second decision", w.decide(approved))
	}},
	{"keep why they were refused", func(w *world) {
		i := refundInstruction(noon)
		i.State = billing.InstructionOpen
		w.addInstruction(i, true)
		refused := i.Refuse("refund_open", "another refund is pending", noon.Add(time.Second))
		w.must(w.finish(refused))
		same(w, "the refused instruction", w.instruction(i), refused)
	}},
	{"are not decided by their author", func(w *world) {
		i := refundInstruction(noon)
		w.addInstruction(i, true)
		i.State, i.DecidedBy, i.DecidedAt = billing.InstructionOpen, i.Author, noon
		w.refuses("an approval by the author", w.decide(i))
		open, err := w.Store.Views().OpenInstructions(w.Context(), 1000)
		w.must(err)
		for _, o := range open {
			if o.ID == i.ID {
				w.Errorf("the instruction that its author approved is open")
			}
		}
	}},
	{"are listed by their state, the oldest first", func(w *world) {
		author := "author-" + string(newIDOf[billing.UserID]())
		list := make([]billing.Instruction, 4)
		for n := range list {
			list[n] = refundInstruction(noon.Add(-time.Duration(n) * time.Minute))
			list[n].Author = author
			if n%2 == 0 {
				list[n].State = billing.InstructionOpen
			}
			w.addInstruction(list[n], true)
		}
		open, err := w.Store.Views().OpenInstructions(w.Context(), 1000)
		w.must(err)
		sameList(w, "open instructions", ofAuthor(open, author), []billing.Instruction{list[2], list[0]})
		waiting, err := w.Store.Views().WaitingInstructions(w.Context(), 1000)
		w.must(err)
		sameList(w, "waiting instructions", ofAuthor(waiting, author), []billing.Instruction{list[3], list[1]})
	}},
	{"count for the limits of their author", func(w *world) {
		next := refundInstruction(noon)
		next.Author = "author-" + string(newIDOf[billing.UserID]())
		for _, change := range []func(*billing.Instruction){
			func(*billing.Instruction) {},
			func(i *billing.Instruction) { i.UserID = newIDOf[billing.UserID]() },
			func(i *billing.Instruction) { i.CreatedAt = noon.Add(-time.Minute) },
			func(i *billing.Instruction) { i.Author = "somebody else" },
			func(i *billing.Instruction) { i.Amount.Currency = "USD" },
			func(i *billing.Instruction) { i.State = billing.InstructionWaiting },
			func(i *billing.Instruction) {
				i.Kind, i.Amount, i.EndNow, i.Days = billing.InstructGive, billing.Money{}, false, 3
			},
			func(i *billing.Instruction) {
				i.Kind, i.Amount, i.EndNow, i.Days = billing.InstructGivePlan, billing.Money{}, false, 4
			},
			func(i *billing.Instruction) {
				i.Kind, i.Amount, i.EndNow, i.Days, i.UserID = billing.InstructGive, billing.Money{}, false, 5, newIDOf[billing.UserID]()
			},
		} {
			i := next
			i.ID, i.State = newIDOf[billing.InstructionID](), billing.InstructionOpen
			change(&i)
			w.addInstruction(i, true)
		}
		refused := next
		refused.ID, refused.State = newIDOf[billing.InstructionID](), billing.InstructionOpen
		w.addInstruction(refused, true)
		w.must(w.finish(refused.Refuse("refund_open", "another refund is pending", noon)))
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			used, err := tx.Instructions.Usage(ctx, next, noon)
			same(w, "the usage", used, billing.SupportUsage{GivenDays: 7, Refunded: 200_00})
			return err
		})
	}},
	{"name the authors of events, whom viewers do not see", func(w *world) {
		d := w.paid()
		event := func() billing.Event {
			return billing.Event{
				ID: newIDOf[billing.EventID](), UserID: d.pay.UserID, Type: billing.EventCancelRequested, At: noon.Add(time.Hour),
				SubscriptionID: d.sub.ID, PlanCode: d.sub.PlanCode, AccessUntil: noon.Add(24 * time.Hour),
			}
		}
		plain, instructed, direct := event(), event(), event()
		instructed.Author = billing.Author{Name: "anna", Reason: "ticket 4711", Instruction: newIDOf[billing.InstructionID]()}
		direct.Author = billing.Author{Name: "billingctl", Reason: "письмо"}
		w.tx(func(ctx context.Context, tx ports.Repos) error {
			return tx.Events.Append(ctx, plain, instructed, direct)
		})
		history, err := w.Store.Views().Events(w.Context(), d.pay.UserID, ports.Page{Limit: 100})
		w.must(err)
		for _, e := range history {
			same(w, "the author of an event in the viewer's history", e.Author, billing.Author{})
		}
		authors, err := w.Store.Views().Authors(w.Context(), history)
		w.must(err)
		same(w, "the authors", authors, map[billing.EventID]billing.Author{instructed.ID: instructed.Author, direct.ID: direct.Author})
	}},
	{"name the authors of grants", func(w *world) {
		d := w.paid()
		g := d.grant("incident 42")
		w.must(w.addGrant(g))
		given := billing.Event{
			ID: newIDOf[billing.EventID](), UserID: d.pay.UserID, Type: billing.EventPeriodGiven, At: g.CreatedAt, SubscriptionID: d.sub.ID, PlanCode: d.sub.PlanCode,
		}
		other := given
		other.ID, other.At = newIDOf[billing.EventID](), g.CreatedAt.Add(time.Hour)
		w.tx(func(ctx context.Context, tx ports.Repos) error { return tx.Events.Append(ctx, given, other) })
		authors, err := w.Store.Views().Authors(w.Context(), []billing.Event{given, other})
		w.must(err)
		same(w, "the authors", authors, map[billing.EventID]billing.Author{given.ID: {Name: g.By, Reason: g.Reason}})
	}},
}

// refundInstruction returns an instruction that waits for an approval.
func refundInstruction(at time.Time) billing.Instruction {
	return billing.Instruction{
		ID: newIDOf[billing.InstructionID](), Kind: billing.InstructRefund, UserID: newIDOf[billing.UserID](), Target: string(newIDOf[billing.PaymentID]()),
		Amount: billing.Money{Amount: 100_00, Currency: "RUB"}, EndNow: true, Reason: "ticket 4711",
		Author: "anna", AuthorRole: string(ports.RoleSupport), From: "192.0.2.1", State: billing.InstructionWaiting, CreatedAt: at,
	}
}

func ofAuthor(list []billing.Instruction, author string) (own []billing.Instruction) {
	for _, i := range list {
		if i.Author == author {
			own = append(own, i)
		}
	}
	return own
}

func (w *world) addInstruction(i billing.Instruction, want bool) {
	w.tx(func(ctx context.Context, tx ports.Repos) error {
		added, err := tx.Instructions.Add(ctx, i)
		same(w, fmt.Sprintf("instruction %s is new", i.ID), added, want)
		return err
	})
}

func (w *world) instruction(i billing.Instruction) billing.Instruction {
	stored, err := w.Store.Views().Instruction(w.Context(), i.UserID, i.ID)
	w.must(err)
	return stored
}

func (w *world) instructionsOf(user billing.UserID) []billing.Instruction {
	list, err := w.Store.Views().InstructionsOf(w.Context(), user, 100)
	w.must(err)
	return list
}

func (w *world) lockOpen(i billing.Instruction) error {
	return w.Store.InTx(w.Context(), func(tx ports.Repos) error {
		_, err := tx.Instructions.LockOpen(w.Context(), i.UserID, i.ID)
		return err
	})
}

func (w *world) decide(i billing.Instruction) error {
	return w.Store.InTx(w.Context(), func(tx ports.Repos) error { return tx.Instructions.Decide(w.Context(), i) })
}

func (w *world) finish(i billing.Instruction) error {
	return w.Store.InTx(w.Context(), func(tx ports.Repos) error { return tx.Instructions.Finish(w.Context(), i) })
}

// refuses expects that the store itself refuses a change.
func (w *world) refuses(what string, err error) {
	w.Helper()
	if err == nil {
		w.Errorf("the store accepts %s", what)
	}
}
