package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// instructions implements [ports.Instructions].
type instructions struct{ q *dbgen.Queries }

func (r instructions) Add(ctx context.Context, i billing.Instruction) (bool, error) {
	n, err := r.q.InstructionAdd(ctx, dbgen.InstructionAddParams{
		UserID: string(i.UserID), ID: string(i.ID), Kind: string(i.Kind), Target: i.Target,
		Days: int32(i.Days), Amount: i.Amount.Amount, Currency: string(i.Amount.Currency), EndNow: i.EndNow, SettleAs: string(i.As),
		Reason: i.Reason, Author: i.Author, AuthorRole: i.AuthorRole, Origin: i.From, State: string(i.State), CreatedAt: i.CreatedAt,
	})
	return n == 1, err
}

func (r instructions) Lock(ctx context.Context, user billing.UserID, id billing.InstructionID) (billing.Instruction, error) {
	row, err := r.q.InstructionLock(ctx, string(user), string(id))
	return instructionOf(row), orNotFound(err, billing.ErrNotFound)
}

func (r instructions) LockOpen(ctx context.Context, user billing.UserID, id billing.InstructionID) (billing.Instruction, error) {
	row, err := r.q.InstructionLockOpen(ctx, string(user), string(id))
	return instructionOf(row), orNotFound(err, billing.ErrNotFound)
}

func (r instructions) Decide(ctx context.Context, i billing.Instruction) error {
	return oneRow(r.q.InstructionDecide(ctx, dbgen.InstructionDecideParams{
		UserID: string(i.UserID), ID: string(i.ID), State: string(i.State), DecidedBy: i.DecidedBy, DecidedAt: i.DecidedAt,
	}))
}

func (r instructions) Finish(ctx context.Context, i billing.Instruction) error {
	return oneRow(r.q.InstructionFinish(ctx, dbgen.InstructionFinishParams{
		UserID: string(i.UserID), ID: string(i.ID), State: string(i.State), FaultCode: i.FaultCode, Outcome: i.Outcome, DoneAt: i.DoneAt,
	}))
}

func (r instructions) Usage(ctx context.Context, next billing.Instruction, since time.Time) (billing.SupportUsage, error) {
	row, err := r.q.InstructionUsage(ctx, dbgen.InstructionUsageParams{
		UserID: string(next.UserID), Currency: string(next.Amount.Currency), Author: next.Author, Since: since,
	})
	if err != nil {
		return billing.SupportUsage{}, err
	}
	return billing.SupportUsage{GivenDays: int(row.GivenDays), Refunded: row.Refunded}, nil
}

func (v views) OpenInstructions(ctx context.Context, limit int) ([]billing.Instruction, error) {
	return queryMany(ctx, func(ctx context.Context) ([]*dbgen.Instruction, error) {
		return v.q.InstructionsOpen(ctx, int32(limit))
	}, instructionOf)
}

func (v views) WaitingInstructions(ctx context.Context, limit int) ([]billing.Instruction, error) {
	return queryMany(ctx, func(ctx context.Context) ([]*dbgen.Instruction, error) {
		return v.q.InstructionsWaiting(ctx, int32(limit))
	}, instructionOf)
}

func (v views) InstructionsOf(ctx context.Context, user billing.UserID, limit int) ([]billing.Instruction, error) {
	return queryMany(ctx, func(ctx context.Context) ([]*dbgen.Instruction, error) {
		return v.q.InstructionsOf(ctx, string(user), int32(limit))
	}, instructionOf)
}

func (v views) Instruction(ctx context.Context, user billing.UserID, id billing.InstructionID) (billing.Instruction, error) {
	return queryOne(ctx, func(ctx context.Context) (billing.Instruction, error) {
		row, err := v.q.Instruction(ctx, string(user), string(id))
		return instructionOf(row), orNotFound(err, billing.ErrNotFound)
	})
}

// instructionOf returns the zero Instruction for a row that was not found.
func instructionOf(row *dbgen.Instruction) billing.Instruction {
	return billing.Instruction{
		ID: billing.InstructionID(row.ID), Kind: billing.InstructionKind(row.Kind), UserID: billing.UserID(row.UserID), Target: row.Target,
		Days: int(row.Days), Amount: billing.Money{Amount: row.Amount, Currency: billing.Currency(row.Currency)}, EndNow: row.EndNow,
		As: billing.PaymentStatus(row.SettleAs), Reason: row.Reason, Author: row.Author, AuthorRole: row.AuthorRole, From: row.Origin,
		DecidedBy: row.DecidedBy, State: billing.InstructionState(row.State), FaultCode: row.FaultCode, Outcome: row.Outcome,
		CreatedAt: row.CreatedAt, DecidedAt: row.DecidedAt, DoneAt: row.DoneAt,
	}
}

func (v views) Authors(ctx context.Context, events []billing.Event) (map[billing.EventID]billing.Author, error) {
	rows, err := queryOne(ctx, func(ctx context.Context) ([]*dbgen.EventAuthor, error) {
		return v.q.EventAuthors(ctx, mapSlice(events, func(e billing.Event) string { return string(e.UserID) }),
			mapSlice(events, func(e billing.Event) string { return string(e.ID) }))
	})
	if err != nil {
		return nil, err
	}
	authors := make(map[billing.EventID]billing.Author, len(rows))
	for _, row := range rows {
		authors[billing.EventID(row.EventID)] = billing.Author{
			Name: row.Author, Reason: row.Reason, Instruction: idOrEmpty[billing.InstructionID](row.InstructionID),
		}
	}
	given := slices.DeleteFunc(slices.Clone(events), func(e billing.Event) bool {
		_, known := authors[e.ID]
		return known || e.Type != billing.EventPeriodGiven
	})
	return authors, v.addGivers(ctx, authors, given)
}

// addGivers adds the authors of grants whose events have none of their own.
func (v views) addGivers(ctx context.Context, authors map[billing.EventID]billing.Author, given []billing.Event) error {
	if len(given) == 0 {
		return nil
	}
	rows, err := queryOne(ctx, func(ctx context.Context) ([]*dbgen.GrantAuthorsRow, error) {
		return v.q.GrantAuthors(ctx, dbgen.GrantAuthorsParams{
			UserIds:         mapSlice(given, func(e billing.Event) string { return string(e.UserID) }),
			EventIds:        mapSlice(given, func(e billing.Event) string { return string(e.ID) }),
			SubscriptionIds: mapSlice(given, func(e billing.Event) string { return string(e.SubscriptionID) }),
			Ats:             mapSlice(given, func(e billing.Event) time.Time { return e.At }),
		})
	})
	for _, row := range rows {
		authors[billing.EventID(row.EventID)] = billing.Author{Name: row.GivenBy, Reason: row.Reason}
	}
	return err
}

func (v views) PanelMethods(ctx context.Context, user billing.UserID, limit int) ([]ports.PanelMethod, error) {
	return queryMany(ctx, func(ctx context.Context) ([]*dbgen.PanelMethodsRow, error) {
		return v.q.PanelMethods(ctx, string(user), int32(limit))
	}, func(row *dbgen.PanelMethodsRow) ports.PanelMethod {
		return ports.PanelMethod{
			ID: billing.PaymentMethodID(row.ID), PaymentSystem: row.PaymentSystem, Brand: row.Brand, Last4: row.Last4,
			AddedAt: row.CreatedAt, RemovedAt: row.RemovedAt,
		}
	})
}
