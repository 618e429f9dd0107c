package postgres

import (
	"cmp"
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// paymentViews implements [ports.PaymentViews].
type paymentViews struct{ q *dbgen.Queries }

// ends returns the bounds of a span: the exclusive one, then the inclusive one.
func ends(s ports.PaymentSpan) (from, to string) {
	if s.Ascending {
		return cmp.Or(string(s.From), minID), cmp.Or(string(s.To), maxID)
	}
	return cmp.Or(string(s.From), maxID), cmp.Or(string(s.To), minID)
}

func (v paymentViews) Payments(ctx context.Context, f ports.PaymentFilter, s ports.PaymentSpan, limit int) ([]ports.PaymentRow, error) {
	return queryMany(ctx, func(ctx context.Context) ([]*dbgen.PanelPaymentsRow, error) {
		from, to := ends(s)
		since, until := timeSpan(f.Since, f.Until)
		switch {
		case s.Ascending:
			rows, err := v.q.PanelPaymentsAbove(ctx, dbgen.PanelPaymentsAboveParams{
				AfterID: from, LastID: to, Since: since, Until: until, System: f.System, Status: string(f.Status),
				DeclineCode: string(f.DeclineCode), Plan: f.Plan, Take: int32(limit),
			})
			return mapSlice(rows, func(r *dbgen.PanelPaymentsAboveRow) *dbgen.PanelPaymentsRow { return (*dbgen.PanelPaymentsRow)(r) }), err
		case f.Status == billing.PaymentPending:
			rows, err := v.q.PanelPaymentsPending(ctx, dbgen.PanelPaymentsPendingParams{
				FirstID: to, BeforeID: from, Since: since, Until: until, System: f.System,
				DeclineCode: string(f.DeclineCode), Plan: f.Plan, Take: int32(limit),
			})
			return mapSlice(rows, func(r *dbgen.PanelPaymentsPendingRow) *dbgen.PanelPaymentsRow { return (*dbgen.PanelPaymentsRow)(r) }), err
		default:
			return v.q.PanelPayments(ctx, dbgen.PanelPaymentsParams{
				FirstID: to, BeforeID: from, Since: since, Until: until, System: f.System, Status: string(f.Status),
				DeclineCode: string(f.DeclineCode), Plan: f.Plan, Take: int32(limit),
			})
		}
	}, func(row *dbgen.PanelPaymentsRow) ports.PaymentRow {
		return ports.PaymentRow{Payment: paymentOf(&row.Payment), PlanCode: row.PlanCode}
	})
}

func (v paymentViews) Bound(ctx context.Context, s ports.PaymentSpan, n int) (billing.PaymentID, error) {
	return queryOne(ctx, func(ctx context.Context) (billing.PaymentID, error) {
		from, to := ends(s)
		read := func() (string, error) { return v.q.PanelPaymentsBound(ctx, to, from, int32(n)) }
		if s.Ascending {
			read = func() (string, error) { return v.q.PanelPaymentsBoundAbove(ctx, from, to, int32(n)) }
		}
		id, err := read()
		if errors.Is(err, pgx.ErrNoRows) {
			return "", nil
		}
		return billing.PaymentID(id), err
	})
}

func (v paymentViews) Totals(ctx context.Context, f ports.PaymentFilter, s ports.PaymentSpan) ([]ports.PaymentTotal, error) {
	return queryMany(ctx, func(ctx context.Context) ([]*dbgen.PanelPaymentTotalsRow, error) {
		from, to := ends(s)
		since, until := timeSpan(f.Since, f.Until)
		return v.q.PanelPaymentTotals(ctx, dbgen.PanelPaymentTotalsParams{
			FirstID: to, BeforeID: from, Since: since, Until: until, System: f.System, Status: string(f.Status),
			DeclineCode: string(f.DeclineCode), Plan: f.Plan,
		})
	}, func(row *dbgen.PanelPaymentTotalsRow) ports.PaymentTotal {
		return ports.PaymentTotal{
			Currency: billing.Currency(row.Currency), Status: billing.PaymentStatus(row.Status), N: int(row.N),
			Amount: row.Amount, Refunded: row.Refunded,
		}
	})
}

func (v paymentViews) Ending(ctx context.Context, end string, s ports.PaymentSpan) ([]billing.PaymentID, error) {
	return queryMany(ctx, func(ctx context.Context) ([]string, error) {
		from, to := ends(s)
		return v.q.PanelFindPaymentsByEnd(ctx, to, from, end)
	}, func(id string) billing.PaymentID { return billing.PaymentID(id) })
}
