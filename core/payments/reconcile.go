package payments

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Reconciliation is what a comparison of our books with a payment system's
// ledger found: ids of payments, sorted.
type Reconciliation struct {
	Matched      int                 // paid here and there, once, the same amount
	MissingHere  []billing.PaymentID // charged there, not paid here
	MissingThere []billing.PaymentID // paid here, not charged there
	Different    []billing.PaymentID // paid here and there, other amounts
	Double       []billing.PaymentID // charged there more than once
}

// Differs reports whether there is anything that a person should look at.
func (r Reconciliation) Differs() bool {
	return len(r.MissingHere)+len(r.MissingThere)+len(r.Different)+len(r.Double) > 0
}

// settleSpan is how long before we wrote a payment down the payment system may
// have charged it.
const settleSpan = 35 * 24 * time.Hour

// Reconcile compares the payments since a time, or all of them when it is zero,
// with the payment system's ledger.
func Reconcile(ctx context.Context, books ports.PaymentReader, ledger ports.Ledger, system string, since time.Time) (Reconciliation, error) {
	charges, err := readLedger(ctx, ledger, since)
	if err != nil {
		return Reconciliation{}, fmt.Errorf("read the ledger of %s: %w", system, err)
	}
	var r Reconciliation
	err = books.Paid(ctx, system, since, func(p billing.Payment) error {
		there, charged := charges[p.ID]
		delete(charges, p.ID)
		r.compare(p, there, charged)
		return nil
	})
	if err != nil {
		return Reconciliation{}, fmt.Errorf("read our payments at %s: %w", system, err)
	}
	for key, there := range charges {
		if !there.at.Before(since) {
			r.MissingHere = append(r.MissingHere, key)
		}
		if there.times > 1 {
			r.Double = append(r.Double, key)
		}
	}
	for _, list := range [][]billing.PaymentID{r.MissingHere, r.MissingThere, r.Different, r.Double} {
		slices.Sort(list)
	}
	return r, nil
}

type charged struct {
	amount billing.Money
	at     time.Time
	times  int
}

func readLedger(ctx context.Context, ledger ports.Ledger, since time.Time) (map[billing.PaymentID]charged, error) {
	if !since.IsZero() {
		since = since.Add(-settleSpan)
	}
	charges := make(map[billing.PaymentID]charged)
	err := ledger.Charges(ctx, since, func(e ports.LedgerEntry) error {
		charges[e.Key] = charged{e.Amount, e.At, charges[e.Key].times + 1}
		return nil
	})
	return charges, err
}

func (r *Reconciliation) compare(p billing.Payment, there charged, charged bool) {
	paid := p.Status == billing.PaymentSucceeded
	if there.times > 1 {
		r.Double = append(r.Double, p.ID)
	}
	switch {
	case paid && !charged:
		r.MissingThere = append(r.MissingThere, p.ID)
	case !paid && charged:
		r.MissingHere = append(r.MissingHere, p.ID)
	case paid && there.amount != p.Amount:
		r.Different = append(r.Different, p.ID)
	case paid && there.times == 1:
		r.Matched++
	}
}
