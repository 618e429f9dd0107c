package memory

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

type instructions struct{ *tx }

func (r instructions) Add(_ context.Context, i billing.Instruction) (bool, error) {
	if _, exists := r.instructions[i.ID]; exists {
		return false, nil
	}
	r.instructions[i.ID] = i
	return true, nil
}

// Lock takes no lock, because transactions run one at a time.
func (r instructions) Lock(_ context.Context, user billing.UserID, id billing.InstructionID) (billing.Instruction, error) {
	return r.instruction(user, id)
}

func (r instructions) LockOpen(_ context.Context, user billing.UserID, id billing.InstructionID) (billing.Instruction, error) {
	i, err := r.instruction(user, id)
	if err == nil && i.State != billing.InstructionOpen {
		err = billing.ErrNotFound
	}
	return i, err
}

func (r instructions) Decide(_ context.Context, i billing.Instruction) error {
	return r.change(i, billing.InstructionWaiting)
}

func (r instructions) Finish(_ context.Context, i billing.Instruction) error {
	return r.change(i, billing.InstructionOpen)
}

// change refuses what the trigger of Postgres refuses.
func (r instructions) change(i billing.Instruction, from billing.InstructionState) error {
	old := r.instructions[i.ID]
	if old.State != from || i.DecidedBy == i.Author {
		return r.abort(fmt.Errorf("instruction %s is %s, and cannot become %s", i.ID, old.State, i.State))
	}
	old.State, old.DecidedBy, old.DecidedAt = i.State, i.DecidedBy, i.DecidedAt
	old.FaultCode, old.Outcome, old.DoneAt = i.FaultCode, i.Outcome, i.DoneAt
	r.instructions[i.ID] = old
	return nil
}

func (r instructions) Usage(_ context.Context, next billing.Instruction, since time.Time) (u billing.SupportUsage, _ error) {
	for _, i := range r.instructions {
		counts := i.State == billing.InstructionOpen || i.State == billing.InstructionDone
		if i.Author != next.Author || i.DecidedBy != "" || !counts || i.CreatedAt.Before(since) {
			continue
		}
		if gives := i.Kind == billing.InstructGive || i.Kind == billing.InstructGivePlan; gives && i.UserID == next.UserID {
			u.GivenDays += i.Days
		}
		if i.Kind == billing.InstructRefund && i.Amount.Currency == next.Amount.Currency {
			u.Refunded += i.Amount.Amount
		}
	}
	return u, nil
}

func (s *state) instruction(user billing.UserID, id billing.InstructionID) (billing.Instruction, error) {
	i, ok := s.instructions[id]
	if !ok || i.UserID != user {
		return billing.Instruction{}, billing.ErrNotFound
	}
	return i, nil
}

// instructionsThat returns the matching instructions, the oldest first.
func (s *state) instructionsThat(match func(billing.Instruction) bool) []billing.Instruction {
	list := slices.SortedFunc(maps.Values(s.instructions), func(a, b billing.Instruction) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return slices.DeleteFunc(list, func(i billing.Instruction) bool { return !match(i) })
}

func (v views) OpenInstructions(_ context.Context, limit int) ([]billing.Instruction, error) {
	return v.inState(billing.InstructionOpen, limit), nil
}

func (v views) WaitingInstructions(_ context.Context, limit int) ([]billing.Instruction, error) {
	return v.inState(billing.InstructionWaiting, limit), nil
}

func (v views) inState(state billing.InstructionState, limit int) []billing.Instruction {
	list := v.state().instructionsThat(func(i billing.Instruction) bool { return i.State == state })
	return list[:min(limit, len(list))]
}

func (v views) InstructionsOf(_ context.Context, user billing.UserID, limit int) ([]billing.Instruction, error) {
	list := v.state().instructionsThat(func(i billing.Instruction) bool { return i.UserID == user })
	slices.Reverse(list)
	return list[:min(limit, len(list))], nil
}

func (v views) Instruction(_ context.Context, user billing.UserID, id billing.InstructionID) (billing.Instruction, error) {
	return v.state().instruction(user, id)
}

func (v views) Authors(_ context.Context, events []billing.Event) (map[billing.EventID]billing.Author, error) {
	st, authors := v.state(), make(map[billing.EventID]billing.Author)
	for _, e := range events {
		a := st.events[e.ID].Author
		if a == (billing.Author{}) && e.Type == billing.EventPeriodGiven {
			a = st.giver(e)
		}
		if a != (billing.Author{}) {
			authors[e.ID] = a
		}
	}
	return authors, nil
}

// giver returns the author of the grant that has this event.
func (s *state) giver(e billing.Event) billing.Author {
	for _, g := range s.grants {
		if g.UserID == e.UserID && g.SubscriptionID == e.SubscriptionID && g.CreatedAt.Equal(e.At) {
			return billing.Author{Name: g.By, Reason: g.Reason}
		}
	}
	return billing.Author{}
}

func (v views) PanelMethods(_ context.Context, user billing.UserID, limit int) ([]ports.PanelMethod, error) {
	st := v.state()
	var list []ports.PanelMethod
	for _, m := range st.methods {
		if m.UserID == user {
			card := st.cards[m.CardID]
			list = append(list, ports.PanelMethod{
				ID: m.ID, PaymentSystem: m.PaymentSystem, Brand: string(card.Brand), Last4: card.Last4, AddedAt: m.CreatedAt, RemovedAt: m.RemovedAt,
			})
		}
	}
	slices.SortFunc(list, func(a, b ports.PanelMethod) int { return cmp.Compare(b.ID, a.ID) })
	return list[:min(limit, len(list))], nil
}
