package yookassa

import "github.com/online-cinema/billing/core/billing"

// Currencies are the currencies that the adapter sends.
func Currencies() []billing.Currency { return currencies() }

// DeclineCodes maps the reasons of YooKassa.
func DeclineCodes() map[string]billing.DeclineCode { return declineCodes() }

// Decline returns the decline code and the advice of a reason.
func Decline(reason string) (billing.DeclineCode, billing.Advice) { return decline(reason) }
