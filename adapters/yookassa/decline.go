package yookassa

import "github.com/online-cinema/billing/core/billing"

// declineCodes maps the reasons of canceled payments to decline codes. The list of reasons
// is that of the API's description, and loan_declined of YooKassa's own libraries.
func declineCodes() map[string]billing.DeclineCode {
	return map[string]billing.DeclineCode{
		"3d_secure_failed":              billing.AuthenticationFailed,
		"call_issuer":                   billing.DoNotHonor,
		"canceled_by_merchant":          billing.GenericDecline, // by a person in the merchant account
		"card_expired":                  billing.CardExpired,
		"country_forbidden":             billing.NotPermitted,
		"deal_expired":                  billing.UnknownDecline, // the service makes no deals
		"expired_on_capture":            billing.ActionExpired,
		"expired_on_confirmation":       billing.ActionExpired,
		"fraud_suspected":               billing.SuspectedFraud,
		"general_decline":               billing.GenericDecline,
		"identification_required":       billing.NotPermitted,
		"insufficient_funds":            billing.InsufficientFunds,
		"internal_timeout":              billing.ProcessingError,
		"invalid_card_number":           billing.IncorrectNumber,
		"invalid_csc":                   billing.IncorrectCVC,
		"issuer_unavailable":            billing.IssuerUnavailable,
		"loan_declined":                 billing.GenericDecline,
		"payment_method_limit_exceeded": billing.LimitExceeded,
		"payment_method_restricted":     billing.NotPermitted,
		permissionRevoked:               billing.MandateRevoked,
		"unsupported_mobile_operator":   billing.NotPermitted,
	}
}

// permissionRevoked is the reason of a renewal that the viewer has forbidden.
const permissionRevoked = "permission_revoked"

// decline returns the decline code and the advice of a reason. A reason that is not listed
// is an unknown decline.
func decline(reason string) (billing.DeclineCode, billing.Advice) {
	advice := billing.NoAdvice
	if reason == permissionRevoked {
		advice = billing.ConsentWithdrawn
	}
	if code, listed := declineCodes()[reason]; listed {
		return code, advice
	}
	return billing.UnknownDecline, advice
}
