package billing

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// PlanID identifies a plan permanently. The plan's code can be edited.
type PlanID string

// Plan is a product that viewers can subscribe to.
type Plan struct {
	ID             PlanID
	Code           string // unique name in URLs and programs
	Name           string // shown to viewers
	Price          Money  // of one period, for new subscriptions
	IntervalMonths int    // length of a period
	Features       []string
	Group          string // a viewer has at most one live subscription to the plans of a group
	VAT            VAT    // on receipts of new payments
	CreatedAt      time.Time
	UpdatedAt      time.Time
	ArchivedAt     time.Time // zero while the plan is sold
	EndingAt       time.Time // since when its subscriptions are not renewed; zero while they are
}

const (
	maxInterval = 36 // months
	maxFeatures = 50
)

// Check returns an [InvalidError] that lists every invalid field, or nil.
func (p Plan) Check() error {
	f := p.faults()
	return f.err()
}

func (p Plan) faults() (f faults) {
	f.check(validCode(p.Code), "code", RuleCodeFormat)
	checkName(&f, p.Name)
	p.Price.check(&f, "price")
	f.check(p.IntervalMonths >= 1 && p.IntervalMonths <= maxInterval, "interval_months", RuleIntervalRange)
	f.check(len(p.Features) <= maxFeatures, "features", RuleTooMany)
	for _, feature := range p.Features {
		f.checkValue(validCode(feature), "features", RuleCodeFormat, feature)
	}
	f.check(!hasDuplicates(p.Features), "features", RuleDuplicate)
	f.check(validCode(p.Group), "group", RuleCodeFormat)
	p.VAT.check(&f)
	return f
}

// Edit returns the plan with the code, name, price, interval, features and VAT of to, or
// an [InvalidError] that lists every invalid field. The interval can change only
// while the plan has no subscribers, because the price says little without it.
func (p Plan) Edit(to Plan, subscribers int, now time.Time) (Plan, error) {
	edited := p
	edited.Code, edited.Name, edited.Price = to.Code, to.Name, to.Price
	edited.IntervalMonths, edited.Features, edited.VAT, edited.UpdatedAt = to.IntervalMonths, to.Features, to.VAT, now
	f := edited.faults()
	f.check(edited.IntervalMonths == p.IntervalMonths || subscribers == 0, "interval_months", RuleIntervalFixed)
	return edited, f.err()
}

// Reprice returns the plan with a new price for new subscriptions. Existing
// subscriptions keep the price that their viewers agreed to. It checks only the
// price, so that a plan from before a stricter rule can be repriced.
func (p Plan) Reprice(price Money, now time.Time) (Plan, error) {
	var f faults
	price.check(&f, "price")
	p.Price, p.UpdatedAt = price, now
	return p, f.err()
}

// Archive returns the plan as no longer sold. Its subscriptions keep renewing.
// Archiving twice changes nothing.
func (p Plan) Archive(now time.Time) Plan {
	if p.ArchivedAt.IsZero() {
		p.ArchivedAt, p.UpdatedAt = now, now
	}
	return p
}

// End returns the plan as no longer sold and no longer renewed: each subscription to it ends
// where its next renewal would have been. It returns [ErrInvalidTransition] if the plan is
// being ended already.
func (p Plan) End(now time.Time) (Plan, error) {
	if !p.EndingAt.IsZero() {
		return p, ErrInvalidTransition.WithMessage("plan %s has been ending since %s; nothing was changed", p.Code, p.EndingAt.Format(time.RFC3339))
	}
	p = p.Archive(now)
	p.EndingAt, p.UpdatedAt = now, now
	return p, nil
}

// Restore returns an archived plan as sold and renewed again. Subscriptions that the end of
// the plan has cancelled stay cancelled, until their viewers resume them. Restoring a plan on
// sale changes nothing.
func (p Plan) Restore(now time.Time) Plan {
	if !p.ArchivedAt.IsZero() {
		p.ArchivedAt, p.EndingAt, p.UpdatedAt = time.Time{}, time.Time{}, now
	}
	return p
}

func hasDuplicates(list []string) bool {
	sorted := slices.Sorted(slices.Values(list))
	return len(slices.Compact(sorted)) < len(list)
}

func quoteShort(s string) string {
	if len(s) > 70 {
		s = strings.ToValidUTF8(s[:70], "") + "…"
	}
	return strconv.Quote(s)
}
