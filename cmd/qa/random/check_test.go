package random

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// violation is a difference between the ledger and the payments table.
type violation struct {
	payment billing.PaymentID
	text    string
}

// check compares the ledger of the payment system with the payments table, after [world.settle].
func (w *world) check() (all []violation) {
	add := func(id billing.PaymentID, format string, args ...any) {
		all = append(all, violation{id, fmt.Sprintf(format, args...)})
	}
	type period struct {
		subscription billing.SubscriptionID
		start        time.Time
	}
	taken, paid := w.system.taken(), map[period]billing.PaymentID{}
	for _, p := range w.payments() {
		charges, waits := taken[p.ID], p.NeedsReview()
		delete(taken, p.ID)
		if !p.Settled() && !waits {
			add(p.ID, "it is pending, and nobody decides on it")
		}
		if p.Status == billing.PaymentSucceeded && len(charges) == 0 {
			add(p.ID, "it has succeeded, but the ledger has no charge")
		}
		if len(charges) == 0 {
			continue
		}
		if len(charges) > 1 {
			add(p.ID, "its key was charged %d times", len(charges))
		}
		if charges[0] != p.Amount {
			add(p.ID, "the charge is %s instead of %s", charges[0], p.Amount)
		}
		if p.Status != billing.PaymentSucceeded && !waits {
			add(p.ID, "it was charged, but it is %s (%s)", p.Status, p.DeclineCode)
		}
		key := period{p.SubscriptionID, p.Period.Start}
		if other, twice := paid[key]; twice {
			add(p.ID, "payment %s was charged for the same period", other)
		}
		paid[key] = p.ID
	}
	for id := range taken {
		add(id, "it was charged, but no payment has this key")
	}
	return all
}

// report returns a violation with everything that the trace says about its payment.
func (w *world) report(v violation) string {
	lines := slices.DeleteFunc(slices.Clone(w.trace), func(line string) bool { return !strings.Contains(line, " "+string(v.payment)+" ") })
	return fmt.Sprintf("payment %s: %s\n\t%s", v.payment, v.text, strings.Join(lines, "\n\t"))
}
