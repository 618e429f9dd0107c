package viewers

import (
	"context"
	"errors"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// stillOpen is the refusal of a request that nothing but an open payment of the viewer
// prevents.
type stillOpen struct {
	error
	payment billing.Payment
}

// Unwrap returns the viewer's error.
func (e *stillOpen) Unwrap() error { return e.error }

// cancelOpen cancels the payment that prevents a request, if it waits for the viewer and its
// payment system can cancel it. It returns the payment and true if the payment is settled,
// so that the request can be decided again. Otherwise it returns the error of the request.
func (s *Subscriber) cancelOpen(ctx context.Context, refused error) (billing.Payment, bool, error) {
	open := (*stillOpen)(nil)
	if !errors.As(refused, &open) {
		return billing.Payment{}, false, refused
	}
	p, err := s.Collector.CancelOpen(ctx, open.payment)
	switch {
	case err != nil:
		return p, false, settlingError{err}
	case p.Settled():
		return p, true, nil
	default:
		return p, false, refused
	}
}

// sameOrder reports whether the order would only repeat the open first payment of a
// subscription: the plan, the price and the means of payment are the same.
func sameOrder(open billing.Subscription, by billing.PaymentMethod, p billing.Plan, m billing.PaymentMethod) bool {
	sameMeans := by.ID == m.ID || by.PaymentSystem == m.PaymentSystem &&
		(by.FromPage && m.FromPage || by.CardID != "" && by.CardID == m.CardID)
	return sameMeans && open.PlanID == p.ID && open.Price == p.Price && open.IntervalMonths == p.IntervalMonths
}

// openFirst returns the refusal of an order because of a subscription that waits for its
// first payment. If the order pays in another way, and the first payment waits for the
// viewer, the refusal is a stillOpen.
func openFirst(ctx context.Context, tx ports.Repos, refused error, open billing.Subscription, p billing.Plan, m billing.PaymentMethod) error {
	list, err := tx.Payments.Lock(ctx, ports.PaymentKey{User: open.UserID, ID: open.LatestPaymentID})
	switch {
	case err != nil:
		return err
	case len(list) != 1 || list[0].Settled() || list[0].ActionURL == "":
		return refused
	}
	by, err := tx.Methods.Find(ctx, open.UserID, open.MethodID)
	switch {
	case err != nil:
		return err
	case sameOrder(open, by, p, m):
		return refused
	default:
		return &stillOpen{refused, list[0]}
	}
}
