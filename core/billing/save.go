package billing

import (
	"strings"
	"time"
)

// MethodSave is the intent to save a payment method on a page of the payment system,
// without a charge, and its outcome. It is stored before the payment system is asked. The
// id of the method is the permanent idempotency key there: a save that is sent twice opens
// one page. The viewer's own request is never sent again by the service.
type MethodSave struct {
	UserID        UserID
	MethodID      PaymentMethodID
	PaymentSystem string
	ReturnURL     string // to which the viewer returns from the page; empty if the client named none

	Status      MethodStatus
	DeclineCode DeclineCode // why it failed
	ProviderRef string      // the payment system's id, once known
	ActionURL   string      // page on which the viewer enters the card; empty if none is open
	PageUntil   time.Time   // when that page expires; zero if the payment system does not say
	Brand       Brand       // of the saved card; empty if not known
	Last4       string      // of the saved card; empty if not known
	CreatedAt   time.Time
	SettledAt   time.Time // zero while it is pending
}

// SaveOutcome is what a payment system reports about a save.
type SaveOutcome struct {
	Status      MethodStatus
	DeclineCode DeclineCode // why it failed
	ProviderRef string
	ActionURL   string    // of the page, while it is open
	PageUntil   time.Time // zero if the payment system does not say
	Token       Secret    // of an active method
	Brand       Brand     // empty if not known
	Last4       string    // likewise
}

// Clean returns o with texts that every store can keep, as [Outcome.Clean] does, and the
// names of the fields that it changed. A brand or digits that the service does not know are
// removed.
func (o SaveOutcome) Clean() (_ SaveOutcome, changed []string) {
	same, changed := Outcome{ProviderRef: o.ProviderRef, ActionURL: o.ActionURL, Token: o.Token, DeclineCode: o.DeclineCode}.Clean()
	o.ProviderRef, o.ActionURL, o.Token, o.DeclineCode = same.ProviderRef, same.ActionURL, same.Token, same.DeclineCode
	if o.Brand != "" && !o.Brand.known() {
		o.Brand, changed = "", append(changed, "brand")
	}
	if o.Last4 != "" && !isLast4(o.Last4) {
		o.Last4, changed = "", append(changed, "last4")
	}
	o.PageUntil = cleanTime(o.PageUntil)
	return o, changed
}

// known reports whether the service accepts cards of the brand.
func (b Brand) known() bool {
	for _, r := range ranges {
		if r.brand == b {
			return true
		}
	}
	return false
}

func isLast4(text string) bool {
	return len(text) == 4 && !strings.ContainsFunc(text, func(c rune) bool { return c < '0' || c > '9' })
}

// NewSave returns the intent to save m, a method of [NewPageMethod].
func NewSave(m PaymentMethod, returnURL string) MethodSave {
	return MethodSave{
		UserID: m.UserID, MethodID: m.ID, PaymentSystem: m.PaymentSystem, ReturnURL: returnURL,
		Status: MethodPending, CreatedAt: m.CreatedAt,
	}
}

// Settled reports whether the save has a final status.
func (s MethodSave) Settled() bool { return s.Status != MethodPending }

// Apply returns the save after an outcome, and reports whether that settled it. The first
// final outcome wins. A method without a token cannot be charged, so its save fails.
func (s MethodSave) Apply(o SaveOutcome, now time.Time) (_ MethodSave, settled bool) {
	if s.Settled() {
		return s, false
	}
	if o.ProviderRef != "" {
		s.ProviderRef = o.ProviderRef
	}
	s.ActionURL, s.PageUntil = o.ActionURL, o.PageUntil
	switch {
	case o.Status == MethodActive && !o.Token.IsZero():
		s.Status, s.Brand, s.Last4 = MethodActive, o.Brand, o.Last4
	case o.Status == MethodActive:
		s.Status, s.DeclineCode = MethodFailed, MethodNotSaved
	case o.Status == MethodFailed:
		s.Status, s.DeclineCode = MethodFailed, o.DeclineCode
	default:
		return s, false // pending, or a status that this package does not know
	}
	s.ActionURL, s.PageUntil, s.SettledAt = "", time.Time{}, now
	return s, true
}

// SavedEvent returns the event of a method that was saved without a charge. It happens when
// the method becomes active.
func (m PaymentMethod) SavedEvent(now time.Time) Event { return m.event(EventMethodAdded, now) }

// SaveOverdue reports whether a page for a card has been open for longer than any payment
// system allows.
func (t SendTimes) SaveOverdue() bool {
	return !t.First.IsZero() && !t.Lookup.Before(t.First.Add(ownPaymentLimit))
}

// forgetLimit is how long a payment system is asked to forget a token. A payment system
// that has refused for so long will not do it.
const forgetLimit = 30 * 24 * time.Hour

// ForgetOverdue reports whether the service gives up a token that the payment system has
// not forgotten, age after the removal of its method.
func ForgetOverdue(age time.Duration) bool { return age >= forgetLimit }
