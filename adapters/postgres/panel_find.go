package postgres

import (
	"cmp"
	"context"
	"time"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

func (v panelViews) UsersNamed(ctx context.Context, n ports.UserNames, limit int) ([]ports.UserRow, error) {
	return queryMany(ctx, func(ctx context.Context) ([]*dbgen.PanelFindUsersRow, error) {
		return v.q.PanelFindUsers(ctx, dbgen.PanelFindUsersParams{
			Subject: n.Subject, Display: n.Display.Reveal(),
			FirstID: cmp.Or(string(n.First), maxID), LastID: cmp.Or(string(n.Last), minID), Take: int32(limit),
		})
	}, func(row *dbgen.PanelFindUsersRow) ports.UserRow { return userRowOf((*dbgen.PanelViewUsersRow)(row)) })
}

// cardsScanned limits the cards with the same last four digits that one search reads. One
// in 10,000 cards has them, so they are all cards of an installation with 50 million.
const cardsScanned = 5000

func (v panelViews) UsersByCard(ctx context.Context, q ports.CardQuery, limit int) ([]ports.UserRow, error) {
	return queryMany(ctx, func(ctx context.Context) ([]*dbgen.PanelFindCardsRow, error) {
		since, until := timeSpan(q.Since, q.Until)
		return v.q.PanelFindCards(ctx, dbgen.PanelFindCardsParams{
			Last4: q.Last4, Dated: !q.Since.IsZero() || !q.Until.IsZero(), Since: since, Until: until, Scan: cardsScanned, Take: int32(limit),
		})
	}, func(row *dbgen.PanelFindCardsRow) ports.UserRow {
		return ports.UserRow{User: userOf(&row.User), Live: int(row.Live), Cards: row.Cards}
	})
}

// noReference is a reference that no payment has: see [billing.CleanReference]. Most declined
// payments have an empty one, so the planner would scan the table for it.
const noReference = "\n"

func (v panelViews) PaymentsNamed(ctx context.Context, id billing.PaymentID, ref string, limit int) ([]ports.PaymentRow, error) {
	return queryMany(ctx, func(ctx context.Context) ([]*dbgen.PanelFindPaymentsRow, error) {
		return v.q.PanelFindPayments(ctx, int32(limit), cmp.Or(string(id), minID), cmp.Or(ref, noReference))
	}, func(row *dbgen.PanelFindPaymentsRow) ports.PaymentRow {
		return ports.PaymentRow{Payment: paymentOf(&row.Payment), PlanCode: row.PlanCode}
	})
}

// timeSpan replaces zero bounds by times before and after all others.
func timeSpan(since, until time.Time) (time.Time, time.Time) {
	if since.IsZero() {
		since = time.Date(2, 1, 1, 0, 0, 0, 0, time.UTC) // the zero time would be NULL
	}
	if until.IsZero() {
		until = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return since, until
}
