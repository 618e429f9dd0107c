package stripe

import (
	"slices"

	"github.com/online-cinema/billing/core/billing"
)

// decline is the reason of a failed attempt to charge, as Stripe reports it.
type decline struct {
	Code        string `json:"code"`
	DeclineCode string `json:"decline_code"` // more exact than Code; empty for some
	AdviceCode  string `json:"advice_code"`
}

// reasons maps each decline code of ours to the codes of Stripe
// (docs.stripe.com/declines/codes).
func reasons() map[billing.DeclineCode][]string {
	return map[billing.DeclineCode][]string{
		billing.InsufficientFunds: {"insufficient_funds"},
		billing.LimitExceeded:     {"card_velocity_exceeded", "withdrawal_count_limit_exceeded", "invalid_amount"},
		billing.DoNotHonor:        {"do_not_honor", "call_issuer", "no_action_taken", "do_not_try_again"},
		billing.GenericDecline:    {"generic_decline", "testmode_decline", "card_declined"},
		billing.IssuerUnavailable: {"issuer_not_available"},
		billing.ProcessingError:   {"processing_error", "reenter_transaction", "try_again_later", "approve_with_id"},
		billing.BlockedByProvider: {"merchant_blacklist"},
		billing.SuspectedFraud:    {"fraudulent", "security_violation"},
		billing.CardExpired:       {"expired_card"},
		billing.InvalidExpiry:     {"invalid_expiry_month", "invalid_expiry_year"},
		billing.IncorrectNumber:   {"incorrect_number", "invalid_number", "invalid_account"},
		billing.TokenInvalid:      {"new_account_information_available"},
		billing.IncorrectCVC:      {"incorrect_cvc", "invalid_cvc"},
		billing.LostOrStolen:      {"lost_card", "stolen_card", "pickup_card"},
		billing.NotPermitted: {
			"restricted_card", "card_not_supported", "service_not_allowed", "not_permitted",
			"transaction_not_allowed", "pin_try_exceeded",
		},
		billing.CurrencyNotSupported: {"currency_not_supported"},
		billing.MandateRevoked: {
			"revocation_of_authorization", "revocation_of_all_authorizations", "stop_payment_order",
		},
		billing.AuthenticationRequired: {
			"authentication_required", "offline_pin_required", "online_or_offline_pin_required",
			"incorrect_pin", "invalid_pin",
		},
		billing.AuthenticationFailed: {"payment_intent_authentication_failure"},
		billing.ActionExpired:        {"payment_intent_payment_attempt_expired"},
		billing.DuplicateTransaction: {"duplicate_transaction"},
	}
}

// reason returns our decline code of a code of Stripe.
func reason(code string) (billing.DeclineCode, bool) {
	for ours, theirs := range reasons() {
		if slices.Contains(theirs, code) {
			return ours, true
		}
	}
	return billing.UnknownDecline, false
}

// outcome returns the declined outcome of a failed attempt. blocked reports that Stripe
// itself refused it, without asking the card's bank.
func (d decline) outcome(ref string, blocked bool) billing.Outcome {
	code, known := reason(d.DeclineCode)
	if !known && d.DeclineCode == "" {
		code, _ = reason(d.Code)
	}
	o := billing.Outcome{Status: billing.PaymentDeclined, DeclineCode: code, ProviderRef: ref, Advice: d.advice(code)}
	if blocked {
		o.DeclineCode = billing.BlockedByProvider
	}
	return o
}

// advice returns Stripe's advice. The revocation of a consent outweighs any other.
func (d decline) advice(code billing.DeclineCode) billing.Advice {
	switch {
	case code == billing.MandateRevoked:
		return billing.ConsentWithdrawn
	case d.AdviceCode == "do_not_try_again", d.DeclineCode == "do_not_try_again":
		return billing.DoNotRetry
	case d.AdviceCode == "confirm_card_data", code == billing.TokenInvalid:
		return billing.NewCardNeeded
	default:
		return billing.NoAdvice
	}
}
