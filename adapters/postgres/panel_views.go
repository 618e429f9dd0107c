package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

// PanelViews reads outside of transactions, on a pool of [PanelRole].
func (s *Store) PanelViews() app.PanelViews {
	q := dbgen.New(s.pool)
	return panelViews{q, &dueCounts{q: q}}
}

type panelViews struct {
	q   *dbgen.Queries
	due *dueCounts
}

// one runs a query that gives one row, with the package's deadline.
func one[T any](ctx context.Context, query func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	row, err := query(ctx)
	return row, translate(err)
}

func (v panelViews) Users(ctx context.Context, p app.UserPage) ([]app.UserRow, error) {
	return read(ctx, func(ctx context.Context) ([]*dbgen.PanelViewUsersRow, error) {
		at, id := beforeInTime(p.BeforeAt, string(p.BeforeID))
		return v.q.PanelViewUsers(ctx, at, id, int32(p.Limit))
	}, userRowOf)
}

// beforeInTime is where a page by time and id ends; beyond all for the first.
func beforeInTime(at time.Time, id string) (time.Time, string) {
	if at.IsZero() {
		at = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if id == "" {
		id = before(app.Page{})
	}
	return at, id
}

func (v panelViews) UsersBetween(ctx context.Context, first, last billing.UserID, limit int) ([]app.UserRow, error) {
	return read(ctx, func(ctx context.Context) ([]*dbgen.PanelViewUsersByIDRow, error) {
		return v.q.PanelViewUsersByID(ctx, string(first), string(last), int32(limit))
	}, func(row *dbgen.PanelViewUsersByIDRow) app.UserRow { return userRowOf((*dbgen.PanelViewUsersRow)(row)) })
}

func userRowOf(row *dbgen.PanelViewUsersRow) app.UserRow {
	return app.UserRow{User: userOf(&dbgen.User{ID: row.ID, FirstSeenAt: row.FirstSeenAt, LastSeenAt: row.LastSeenAt}), Live: int(row.Live)}
}

func userOf(row *dbgen.User) billing.User {
	return billing.User{ID: billing.UserID(row.ID), FirstSeenAt: row.FirstSeenAt, LastSeenAt: row.LastSeenAt}
}

func (v panelViews) User(ctx context.Context, id billing.UserID) (billing.User, error) {
	return one(ctx, func(ctx context.Context) (billing.User, error) {
		row, err := v.q.PanelViewUser(ctx, string(id))
		return userOf(row), orNotFound(err, billing.ErrNotFound)
	})
}

func (v panelViews) Cards(ctx context.Context, user billing.UserID, limit int) ([]app.PanelCard, error) {
	return read(ctx, func(ctx context.Context) ([]*dbgen.PanelViewCardsRow, error) {
		return v.q.PanelViewCards(ctx, string(user), int32(limit))
	}, func(row *dbgen.PanelViewCardsRow) app.PanelCard {
		return app.PanelCard{
			ID: billing.CardID(row.ID), Brand: row.Brand, Last4: row.Last4,
			Methods:  column(row.Methods, func(id string) billing.PaymentMethodID { return billing.PaymentMethodID(id) }),
			ExpMonth: int(row.ExpMonth), ExpYear: int(row.ExpYear), AddedAt: row.CreatedAt, RemovedAt: row.RemovedAt,
		}
	})
}

func (v panelViews) Events(ctx context.Context, q app.EventQuery) ([]billing.Event, error) {
	return read(ctx, func(ctx context.Context) ([]*dbgen.Event, error) {
		at, id := beforeInTime(q.BeforeAt, string(q.BeforeID))
		return v.q.PanelViewEvents(ctx, dbgen.PanelViewEventsParams{
			Since: q.Since, Until: q.Until, Type: string(q.Type), PlanCode: q.PlanCode,
			BeforeAt: at, BeforeID: id, Take: int32(q.Limit),
		})
	}, eventOf)
}

func (v panelViews) Oldest(ctx context.Context) (time.Time, error) {
	return one(ctx, v.q.PanelViewOldest)
}

func (v panelViews) Audit(ctx context.Context, p app.Page) ([]app.AuditEntry, error) {
	return read(ctx, func(ctx context.Context) ([]*dbgen.PanelAudit, error) {
		return v.q.Audit(ctx, before(p), int32(p.Limit))
	}, auditEntryOf)
}

func (v panelViews) Subscribers(ctx context.Context) (map[billing.PlanID]int, error) {
	rows, err := read(ctx, v.q.PanelViewTotals, func(row *dbgen.PanelViewTotalsRow) *dbgen.PanelViewTotalsRow { return row })
	live := make(map[billing.PlanID]int, len(rows))
	for _, row := range rows {
		live[billing.PlanID(row.PlanID)] = int(row.Live)
	}
	return live, err
}

func (v panelViews) Figures(ctx context.Context, since, until time.Time) ([]app.Figure, error) {
	return read(ctx, func(ctx context.Context) ([]*dbgen.PanelViewFiguresRow, error) {
		return v.q.PanelViewFigures(ctx, since, until)
	}, func(row *dbgen.PanelViewFiguresRow) app.Figure {
		return app.Figure{
			Hour: row.Hour, Plan: billing.PlanID(row.PlanID), Type: billing.EventType(row.Type),
			DeclineCode: billing.DeclineCode(row.DeclineCode), Currency: billing.Currency(row.Currency),
			N: int(row.N), Amount: row.Amount,
		}
	})
}

func (v panelViews) Standing(ctx context.Context) (app.Standing, error) {
	return one(ctx, func(ctx context.Context) (app.Standing, error) {
		pastDue, err := v.q.PanelViewPastDue(ctx)
		if err != nil {
			return app.Standing{}, err
		}
		unsettled, err := v.q.PanelViewUnsettled(ctx)
		return app.Standing{PastDue: int(pastDue), Unsettled: int(unsettled.N), OldestAt: unsettled.Oldest}, err
	})
}

func (v panelViews) LastRun(ctx context.Context) (app.Run, error) {
	return one(ctx, func(ctx context.Context) (app.Run, error) {
		row, err := v.q.PanelViewLastRun(ctx)
		if err != nil {
			return app.Run{}, orNotFound(err, nil)
		}
		return runOf(row), nil
	})
}

// foldBatch is how many rows one fold takes.
const foldBatch = 20_000

// Fold adds to the sums what was appended since, so that figures stay quick to
// read. Any number may fold at once: one works, the others do nothing.
func (s *Store) Fold(ctx context.Context) error {
	for {
		n, err := s.foldOnce(ctx)
		if err != nil || n == 0 {
			return translate(err)
		}
	}
}

func (s *Store) foldOnce(ctx context.Context) (n int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		q := dbgen.New(tx)
		mine, err := q.PanelFoldTurn(ctx)
		if err != nil || !mine {
			return err
		}
		n, err = q.PanelFold(ctx, foldBatch)
		return err
	})
	return n, err
}
