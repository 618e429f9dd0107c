package billing

import "time"

// Agreement holds what a viewer agreed to pay. It is the evidence for the charges that
// follow: none is above the latest agreement before it. Subscriptions of earlier versions
// have no agreement in their history; their stored price counts.
type Agreement struct {
	Price          Money // of each period
	IntervalMonths int
	DueNow         Money     // charged with the agreement, in the currency of Price
	FirstChargeAt  time.Time // when Price is charged for the period after that, without the viewer
	TermsVersion   string    // of the terms of use that the viewer saw, as the client calls it; empty if it does not say
}
