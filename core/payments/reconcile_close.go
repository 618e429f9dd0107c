package payments

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// closeUncharged judges the payments that have no charge in the ledger.
func (c *comparison) closeUncharged() {
	for id, o := range c.open {
		switch {
		case o.pending && o.differs:
			c.found.Different = append(c.found.Different, id)
		case o.pending:
			c.found.InFlight++
		case o.settledAt.Before(c.since):
		case c.recent(o.settledAt):
			c.found.InFlight++
		default:
			c.found.MissingThere = append(c.found.MissingThere, id)
		}
	}
}

// lookupSize is the number of payments that one lookup reads.
const lookupSize = 1000

// closeUnmatched judges the charges that met no settled payment. It reads their
// payments again, because they may have settled meanwhile.
func (c *comparison) closeUnmatched(ctx context.Context) error {
	for ids := range slices.Chunk(slices.Collect(maps.Keys(c.unmatched)), lookupSize) {
		list, err := c.Payments.PaymentsByID(ctx, c.System, ids...)
		if err != nil {
			return fmt.Errorf("read the payments of charges: %w", err)
		}
		here := make(map[billing.PaymentID]ports.PaidPayment, len(list))
		for _, p := range list {
			here[p.ID] = p
		}
		for _, id := range ids {
			c.judgeUnmatched(id, here[id], c.unmatched[id])
		}
	}
	return nil
}

// judgeUnmatched judges a charge by the payment as it is now. The payment is zero if
// it does not exist.
func (c *comparison) judgeUnmatched(id billing.PaymentID, p ports.PaidPayment, there charges) {
	switch {
	case !p.ChargedLateAt.IsZero() && p.Status != billing.PaymentSucceeded:
		c.judge(id, openPayment{amount: p.Amount, differs: differs(p), settledAt: p.ChargedLateAt, charges: there})
		return
	case p.Status == billing.PaymentSucceeded:
		c.judgeSucceeded(id, p, there)
		return
	}
	pending := p.Status == billing.PaymentPending
	switch {
	case pending && there.times == 1 && there.amount == p.Amount && p.Contradiction == "" && !differs(p) && c.beingSettled(p, there):
		c.found.InFlight++
	case pending, !there.at.Before(c.since):
		c.found.MissingHere = append(c.found.MissingHere, id)
	}
	if there.times > 1 {
		c.found.Double = append(c.found.Double, id)
	}
}

// beingSettled reports whether a pending payment was sent or charged a moment ago.
// Ids follow the wall clock even where a test clock sets all other times.
func (c *comparison) beingSettled(p ports.PaidPayment, there charges) bool {
	return c.recent(there.at) || c.recent(p.CreatedAt) || (billing.IsID(string(p.ID)) && p.ID >= firstID(c.now.Add(-inFlightSpan)))
}

// judgeSucceeded judges a charge whose payment was not open when the ledger showed
// it: it settled during the comparison, it is older than the comparison, or an
// earlier charge matched it already.
func (c *comparison) judgeSucceeded(id billing.PaymentID, p ports.PaidPayment, there charges) {
	wasListed := c.first <= id && id <= c.last && !there.pending
	switch {
	case wasListed && there.times == 1 && c.recent(p.SettledAt):
		c.found.InFlight++
	case wasListed && there.times == 1:
		c.found.Double = append(c.found.Double, id)
	default:
		c.judge(id, openPayment{amount: p.Amount, differs: differs(p), settledAt: p.SettledAt, charges: there})
	}
}
