package postgres

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// PanelViews reads outside of transactions, on a pool of [PanelRole].
func (s *Store) PanelViews() ports.PanelViews {
	q := dbgen.New(s.pool)
	v := panelViews{q, &dueCounts{q: q}}
	return ports.PanelViews{Users: v, Find: v, Payments: paymentViews{q}, Subscriptions: lists{q}, Catalog: v, History: v, Figures: v}
}

// panelViews implements the interfaces of [ports.PanelViews].
type panelViews struct {
	q   *dbgen.Queries
	due *dueCounts
}

func (v panelViews) Users(ctx context.Context, p ports.UserPage) ([]ports.UserRow, error) {
	return queryMany(ctx, func(ctx context.Context) ([]*dbgen.PanelViewUsersRow, error) {
		at, id := beforeKey(p.BeforeAt, string(p.BeforeID))
		since, until := timeSpan(p.Since, p.Until)
		return v.q.PanelViewUsers(ctx, dbgen.PanelViewUsersParams{BeforeAt: at, BeforeID: id, Since: since, Until: until, Take: int32(p.Limit)})
	}, userRowOf)
}

func (v panelViews) CountUsers(ctx context.Context, p ports.UserPage, limit int) (int, error) {
	return queryOne(ctx, func(ctx context.Context) (int, error) {
		since, until := timeSpan(p.Since, p.Until)
		n, err := v.q.PanelViewCountUsers(ctx, since, until, int32(limit))
		return int(n), err
	})
}

func userRowOf(row *dbgen.PanelViewUsersRow) ports.UserRow {
	return ports.UserRow{User: userOf(&dbgen.User{
		ID: row.ID, FirstSeenAt: row.FirstSeenAt, LastSeenAt: row.LastSeenAt, Subject: row.Subject, Display: row.Display,
	}), Live: int(row.Live)}
}

func userOf(row *dbgen.User) billing.User {
	u := billing.User{ID: billing.UserID(row.ID), Subject: row.Subject.String, FirstSeenAt: row.FirstSeenAt, LastSeenAt: row.LastSeenAt}
	if row.Display.Valid {
		u.Display = billing.NewSecret(row.Display.String)
	}
	return u
}

func (v panelViews) User(ctx context.Context, id billing.UserID) (billing.User, error) {
	return queryOne(ctx, func(ctx context.Context) (billing.User, error) {
		row, err := v.q.PanelViewUser(ctx, string(id))
		return userOf(row), orNotFound(err, billing.ErrNotFound)
	})
}

func (v panelViews) Cards(ctx context.Context, user billing.UserID, limit int) ([]ports.PanelCard, error) {
	return queryMany(ctx, func(ctx context.Context) ([]*dbgen.PanelViewCardsRow, error) {
		return v.q.PanelViewCards(ctx, string(user), int32(limit))
	}, func(row *dbgen.PanelViewCardsRow) ports.PanelCard {
		return ports.PanelCard{
			ID: billing.CardID(row.ID), Brand: row.Brand, Last4: row.Last4,
			Methods:  mapSlice(row.Methods, func(id string) billing.PaymentMethodID { return billing.PaymentMethodID(id) }),
			ExpMonth: int(row.ExpMonth), ExpYear: int(row.ExpYear), AddedAt: row.CreatedAt, RemovedAt: row.RemovedAt,
		}
	})
}

func (v panelViews) Plan(ctx context.Context, id billing.PlanID) (ports.PlanRow, error) {
	return queryOne(ctx, func(ctx context.Context) (ports.PlanRow, error) {
		row, err := v.q.PanelViewPlan(ctx, string(id))
		if err != nil {
			return ports.PlanRow{}, orNotFound(err, billing.ErrPlanNotFound)
		}
		return ports.PlanRow{Plan: planOf(&row.Plan), Subscribers: int(row.Live)}, nil
	})
}

func (v panelViews) PaymentSystem(ctx context.Context, code string) (billing.PaymentSystem, error) {
	return queryOne(ctx, func(ctx context.Context) (billing.PaymentSystem, error) {
		row, err := v.q.PanelViewPaymentSystem(ctx, code)
		if err != nil {
			return billing.PaymentSystem{}, orNotFound(err, billing.ErrPaymentSystemNotFound)
		}
		return billing.PaymentSystem(*row), nil
	})
}

func (v panelViews) Events(ctx context.Context, q ports.EventQuery) ([]billing.Event, error) {
	return queryMany(ctx, func(ctx context.Context) ([]*dbgen.Event, error) {
		at, id := beforeKey(q.BeforeAt, string(q.BeforeID))
		return v.q.PanelViewEvents(ctx, dbgen.PanelViewEventsParams{
			Since: q.Since, Until: q.Until, Type: string(q.Type), PlanCode: q.PlanCode,
			BeforeAt: at, BeforeID: id, Take: int32(q.Limit),
		})
	}, eventOf)
}

func (v panelViews) Oldest(ctx context.Context) (time.Time, error) {
	return queryOne(ctx, v.q.PanelViewOldest)
}

func (v panelViews) Audit(ctx context.Context, f ports.AuditFilter, before, last string, limit int) ([]ports.AuditEntry, error) {
	return queryMany(ctx, func(ctx context.Context) ([]*dbgen.PanelAudit, error) {
		since, until := timeSpan(f.Since, f.Until)
		return v.q.PanelViewAudit(ctx, dbgen.PanelViewAuditParams{
			BeforeID: cmp.Or(before, maxID), LastID: cmp.Or(last, minID), Since: since, Until: until,
			Operator: f.Operator, Object: f.Object, Take: int32(limit),
		})
	}, auditEntryOf)
}

func (v panelViews) AuditBound(ctx context.Context, before string, n int) (string, error) {
	return queryOne(ctx, func(ctx context.Context) (string, error) {
		id, err := v.q.PanelViewAuditBound(ctx, cmp.Or(before, maxID), int32(n))
		if errors.Is(err, pgx.ErrNoRows) {
			return "", nil
		}
		return id, err
	})
}

func (v panelViews) Subscribers(ctx context.Context) (map[billing.PlanID]int, error) {
	rows, err := queryMany(ctx, v.q.PanelViewTotals, func(row *dbgen.PanelViewTotalsRow) *dbgen.PanelViewTotalsRow { return row })
	live := make(map[billing.PlanID]int, len(rows))
	for _, row := range rows {
		live[billing.PlanID(row.PlanID)] = int(row.Live)
	}
	return live, err
}

func (v panelViews) Figures(ctx context.Context, since, until time.Time) ([]ports.Figure, error) {
	return queryMany(ctx, func(ctx context.Context) ([]*dbgen.PanelViewFiguresRow, error) {
		return v.q.PanelViewFigures(ctx, since, until)
	}, func(row *dbgen.PanelViewFiguresRow) ports.Figure {
		return ports.Figure{
			Hour: row.Hour, Plan: billing.PlanID(row.PlanID), Type: billing.EventType(row.Type),
			DeclineCode: billing.DeclineCode(row.DeclineCode), Currency: billing.Currency(row.Currency),
			N: int(row.N), Amount: row.Amount,
		}
	})
}

func (v panelViews) Standing(ctx context.Context) (ports.Standing, error) {
	return queryOne(ctx, func(ctx context.Context) (ports.Standing, error) {
		pastDue, err := v.q.PanelViewPastDue(ctx)
		if err != nil {
			return ports.Standing{}, err
		}
		unsettled, err := v.q.PanelViewUnsettled(ctx)
		if err != nil {
			return ports.Standing{}, err
		}
		s := ports.Standing{Held: map[billing.DeclineCode]int{}, Unsettled: int(unsettled.N), OldestAt: unsettled.Oldest}
		for _, row := range pastDue {
			s.PastDue += int(row.N)
			if row.Held > 0 {
				s.Held[billing.DeclineCode(row.Hold)] = int(row.Held)
			}
		}
		return s, nil
	})
}

func (v panelViews) Runs(ctx context.Context, limit int) ([]ports.Run, error) {
	return queryMany(ctx, func(ctx context.Context) ([]*dbgen.RenewalRun, error) {
		return v.q.PanelViewRuns(ctx, int32(limit))
	}, runOf)
}
