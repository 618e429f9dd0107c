package billing

import (
	"time"
	"unicode/utf8"
)

// Agreement holds the terms of one agreement of a viewer. It is the evidence for the
// charges that follow: none is above the latest agreement before it. Subscriptions of
// earlier versions have no agreement in their history; their stored price counts.
type Agreement struct {
	Price          Money // of each period
	IntervalMonths int
	DueNow         Money     // charged with the agreement, in the currency of Price
	FirstChargeAt  time.Time // when Price is charged for the period after that, without the viewer
	TermsVersion   string    // of the terms of use that the viewer saw, as the client calls it; empty if it does not say
}

const maxTermsVersion = 64 // characters

// checkTermsVersion checks text that the history keeps forever.
func checkTermsVersion(v string) error {
	const field = "terms_version"
	var f faults
	f.add(utf8.RuneCountInString(v) <= maxTermsVersion, field, "must be at most 64 characters")
	f.check(utf8.ValidString(v) && allVisible(v), field, RuleControlCharacters)
	f.check(!HoldsCardNumber(v), field, RuleCardNumber)
	return f.err()
}

// agreed returns the event of the viewer's agreement to p and to the renewals after it.
func (s Subscription) agreed(p Payment, termsVersion string) Event {
	e := s.event(EventAgreed, p.CreatedAt)
	e.Agreement = Agreement{
		Price: s.Price, IntervalMonths: s.IntervalMonths,
		DueNow: p.Amount, FirstChargeAt: p.Period.End, TermsVersion: termsVersion,
	}
	return e
}
