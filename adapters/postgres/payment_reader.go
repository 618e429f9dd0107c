package postgres

import (
	"context"

	"github.com/online-cinema/billing/adapters/postgres/internal/dbgen"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Story returns a payment with its leases, events, refunds and receipts. It returns
// [billing.ErrNotFound] if the payment does not exist.
func (s *Store) Story(ctx context.Context, id billing.PaymentID) (ports.PaymentDetails, error) {
	q := dbgen.New(s.pool)
	p, err := q.PaymentByID(ctx, string(id))
	if err != nil {
		return ports.PaymentDetails{}, translate(orNotFound(err, billing.ErrNotFound.WithMessage("there is no payment %s", id)))
	}
	events, err := q.EventsOfPayment(ctx, p.UserID, &p.ID)
	if err != nil {
		return ports.PaymentDetails{}, translate(err)
	}
	refunds, err := q.RefundsOfPayment(ctx, p.UserID, p.ID)
	if err != nil {
		return ports.PaymentDetails{}, translate(err)
	}
	receipts, err := q.ViewReceipts(ctx, p.UserID, []string{p.ID})
	return ports.PaymentDetails{
		Payment: paymentOf(p), SendUntil: p.SendUntil, LookAt: p.SweepAt,
		Events: mapSlice(events, eventOf), Refunds: mapSlice(refunds, refundOf), Receipts: mapSlice(receipts, receiptOf),
	}, translate(err)
}

// paidPage is the number of payments that one query of Paid reads, as its LIMIT says.
const paidPage = 1000

// Paid implements [ports.PaymentReader]. It reads pages, so that memory and the age of
// a snapshot stay bounded. It ends with the first page that is not full: while payments
// are added, an empty one might never come.
func (s *Store) Paid(ctx context.Context, system string, first billing.PaymentID, each func(ports.PaidPayment) error) error {
	q := dbgen.New(s.pool)
	afterID, afterUser := string(first), minID
	for {
		rows, err := q.PaymentsOfSystem(ctx, system, afterID, afterUser)
		if err != nil {
			return translate(err)
		}
		for _, row := range rows {
			if err := each(paidPaymentOf((*dbgen.PaymentsByIDRow)(row))); err != nil {
				return err
			}
		}
		if len(rows) < paidPage {
			return nil
		}
		last := rows[len(rows)-1].Payment
		afterID, afterUser = last.ID, last.UserID
	}
}

// PaymentsByID implements [ports.PaymentReader].
func (s *Store) PaymentsByID(ctx context.Context, system string, ids ...billing.PaymentID) ([]ports.PaidPayment, error) {
	uuids := make([]string, 0, len(ids))
	for _, id := range ids {
		if billing.IsID(string(id)) {
			uuids = append(uuids, string(id))
		}
	}
	rows, err := dbgen.New(s.pool).PaymentsByID(ctx, system, uuids)
	return mapSlice(rows, paidPaymentOf), translate(err)
}

func paidPaymentOf(row *dbgen.PaymentsByIDRow) ports.PaidPayment {
	return ports.PaidPayment{
		Payment: paymentOf(&row.Payment),
		Agreed: billing.Terms{
			Price:    billing.Money{Amount: row.PriceAmount, Currency: billing.Currency(row.PriceCurrency)},
			MethodID: billing.PaymentMethodID(row.AgreedMethod), PaymentSystem: row.AgreedSystem,
		},
	}
}
