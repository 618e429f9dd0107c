//go:build mutant

package mutant

import (
	"context"
	"sync"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// noSettling believes each absence as soon as the send window is over.
type noSettling struct{ ports.Provider }

func (p noSettling) Capabilities() ports.Capabilities {
	c := p.Provider.Capabilities()
	c.Settling = 0
	return c
}

// noHorizon takes the payment system for one that never forgets a key.
type noHorizon struct{ ports.Provider }

func (p noHorizon) Capabilities() ports.Capabilities {
	c := p.Provider.Capabilities()
	c.Horizon = 0
	return c
}

// Charge hides the first sending, because an adapter may refuse to send too late as well.
func (p noHorizon) Charge(ctx context.Context, r ports.ChargeRequest) (billing.Outcome, error) {
	r.FirstSent = time.Time{}
	return p.Provider.Charge(ctx, r)
}

const notificationBelieved = "notification-believed"

// notified holds the payments that notifications have named.
var notified sync.Map

func noteNotifications(_ *bug, tx *ports.Repos) { tx.Notices = noting{tx.Notices} }

type noting struct{ ports.Notices }

func (n noting) LookUpNow(ctx context.Context, system string, notice ports.Notice) (bool, error) {
	notified.Store(notice.Key, true)
	return n.Notices.LookUpNow(ctx, system, notice)
}

// believing takes a payment for paid if a notification has named it.
type believing struct{ ports.Provider }

func (p believing) Find(ctx context.Context, q ports.ChargeQuery) (billing.Outcome, error) {
	if _, ok := notified.Load(q.Key); ok {
		return billing.Outcome{Status: billing.PaymentSucceeded, Amount: q.Amount}, nil
	}
	return p.Provider.Find(ctx, q)
}
