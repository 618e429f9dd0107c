//go:build mutant

package mutant

import (
	"context"
	"sync"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// pagePaidTwice is the name of the bug that takes a payment for cancelled once the payment
// system was asked to cancel it.
const pagePaidTwice = "page-paid-twice"

// askedToCancel holds the payments that this process has asked to cancel.
var askedToCancel sync.Map

// Cancellers returns c with the planted bug, if it is pagePaidTwice.
func Cancellers(c map[string]ports.Canceller) map[string]ports.Canceller {
	if planted() != pagePaidTwice {
		return c
	}
	return wrap(c, func(one ports.Canceller) ports.Canceller { return noteCancels{one} })
}

type noteCancels struct{ ports.Canceller }

func (c noteCancels) Cancel(ctx context.Context, q ports.ChargeQuery) error {
	askedToCancel.Store(q.Key, true)
	return c.Canceller.Cancel(ctx, q)
}

// cancelledUnseen does not look up a payment that it has asked to cancel.
type cancelledUnseen struct{ ports.Provider }

func (p cancelledUnseen) Find(ctx context.Context, q ports.ChargeQuery) (billing.Outcome, error) {
	if _, asked := askedToCancel.Load(q.Key); asked {
		return billing.Outcome{Status: billing.PaymentDeclined, DeclineCode: billing.ActionExpired}, nil
	}
	return p.Provider.Find(ctx, q)
}
