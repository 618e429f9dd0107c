package ports

import "github.com/online-cinema/billing/core/billing"

// PurposeConsent is the kind of the texts that a [billing.ConsentMAC] signs.
const PurposeConsent Purpose = "consent"

// ConsentPlace returns the place of a subscription's consent.
func ConsentPlace(s billing.Subscription) Place { return Place{PurposeConsent, s.UserID, string(s.ID)} }
