package billing

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// PlanID names a plan for ever; its code may be edited.
type PlanID string

// Plan is a kind of subscription that viewers can buy.
type Plan struct {
	ID             PlanID
	Code           string // what programs and links call it; unique
	Name           string // what viewers read
	Price          Money  // of one period, today
	IntervalMonths int    // length of a period
	Features       []string
	CreatedAt      time.Time
	UpdatedAt      time.Time
	ArchivedAt     time.Time // zero while it is sold
}

// Codes of plans, payment systems and features. A code is part of URLs and
// must not be taken for an id.
var (
	codeShape = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)
	uuidShape = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
)

const codeRule = "must be 1 to 63 lower-case letters, digits, - or _, and not look like an id"

func validCode(s string) bool { return codeShape.MatchString(s) && !uuidShape.MatchString(s) }

// IsID reports whether s has the form of an id: a UUID in lower case.
func IsID(s string) bool { return uuidShape.MatchString(s) }

// Check returns an [InvalidError] that lists everything that is wrong with the
// plan, or nil.
func (p Plan) Check() error {
	var f faults
	f.add(validCode(p.Code), "code", codeRule)
	checkName(&f, p.Name)
	p.Price.check(&f, "price")
	f.add(p.IntervalMonths >= 1 && p.IntervalMonths <= 36, "interval_months", "must be 1 to 36")
	f.add(len(p.Features) <= 50, "features", "must be at most 50")
	for _, feature := range p.Features {
		f.add(validCode(feature), "features", codeRule+": "+quoteShort(feature))
	}
	f.add(!hasDuplicates(p.Features), "features", "must not name one twice")
	return f.err()
}

// Reprice returns the plan with a new price from now on. Those who subscribed
// before keep the price they agreed to.
func (p Plan) Reprice(price Money, now time.Time) (Plan, error) {
	p.Price, p.UpdatedAt = price, now
	return p, p.Check()
}

// Archive returns the plan as no longer sold. Its subscribers keep renewing.
// Archiving twice changes nothing.
func (p Plan) Archive(now time.Time) Plan {
	if p.ArchivedAt.IsZero() {
		p.ArchivedAt, p.UpdatedAt = now, now
	}
	return p
}

// PaymentSystem is a company that moves money for us. The adapter that
// registered under its code talks to it.
type PaymentSystem struct {
	Code       string
	Name       string
	CreatedAt  time.Time
	ArchivedAt time.Time // zero while new subscriptions may use it
}

// Check returns an [InvalidError] that lists everything that is wrong, or nil.
func (ps PaymentSystem) Check() error {
	var f faults
	f.add(validCode(ps.Code), "code", codeRule)
	checkName(&f, ps.Name)
	return f.err()
}

// Archive returns the payment system as closed for new subscriptions. Archiving
// twice changes nothing.
func (ps PaymentSystem) Archive(now time.Time) PaymentSystem {
	if ps.ArchivedAt.IsZero() {
		ps.ArchivedAt = now
	}
	return ps
}

func checkName(f *faults, name string) {
	f.add(strings.TrimSpace(name) != "", "name", "must not be empty")
	f.add(utf8.RuneCountInString(name) <= 200, "name", "must be at most 200 characters")
	f.add(utf8.ValidString(name) && !strings.ContainsFunc(name, isControl), "name", "must not hold control characters")
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

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
