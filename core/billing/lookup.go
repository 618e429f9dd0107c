package billing

import "time"

// LookupInterval is the interval between two lookups of a pending payment. It grows
// with the time for which the outcome has been unknown, from Min to Max.
type LookupInterval struct{ Min, Max time.Duration }

// After returns the interval that follows a lookup of a payment whose send window
// ended age ago: half of that age, but at least Min and at most Max. The age is negative
// within the send window.
//
// Stores that compute the interval themselves must return the same.
func (i LookupInterval) After(age time.Duration) time.Duration {
	return min(max(age/2, i.Min), i.Max)
}
