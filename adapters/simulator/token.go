package simulator

import (
	"slices"
	"strings"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// behaviour is the behaviour of a token or card.
type behaviour struct {
	fault     Fault
	slow      bool
	challenge bool // the viewer must confirm
	onPage    bool // the viewer enters a card on the payment system's page
	counted   bool // the result depends on earlier charges
	// decline returns the decline code of the n-th charge, from 1; "" accepts.
	decline func(n int64) billing.DeclineCode

	// Only test cards and their tokens have these.
	cardName        string              // name of the test card
	reissuesToken   bool                // a charge replaces the token
	approvalDecline billing.DeclineCode // decline code after the confirmation; "" accepts
	settlesAfter    time.Duration       // until the payment settles without the viewer; 0 means at once
	settleDecline   billing.DeclineCode // decline code at that time; "" accepts
	refuses         func(n int64) bool  // whether the n-th call is refused by the rate limit
	refunds         refundsAs           // how refunds go; tokens have this too
}

// tokenHistory is the history of a token.
type tokenHistory struct {
	charges   int64 // including this one; 1 unless the token is counted
	confirmed bool  // a viewer has confirmed a charge
}

// behaviourOf returns the behaviour of a token. The package documentation lists the
// known tokens.
func behaviourOf(token string) (_ behaviour, known bool) {
	name, _, _ := strings.Cut(token, "~")
	switch name {
	case "tok_ok":
		return behaviour{}, true
	case "tok_slow":
		return behaviour{slow: true}, true
	case "tok_lost_answer":
		return behaviour{fault: LoseResponse}, true
	case "tok_unavailable":
		return behaviour{fault: Unavailable}, true
	case "tok_3ds":
		return behaviour{challenge: true, counted: true}, true
	case "tok_refund_pending", "tok_refund_fails", "tok_refund_refused", "tok_refund_lost":
		return behaviour{refunds: refundsAs(strings.TrimPrefix(name, "tok_refund_"))}, true
	case "tok_declined_twice_then_ok":
		return behaviour{counted: true, decline: onSecondAndThird}, true
	}
	if b, ok := renewalOfCard(name); ok {
		return b, true
	}
	if code, ok := strings.CutPrefix(name, "tok_ok_then_"); ok {
		return behaviour{counted: true, decline: declineAfter(1, code)}, isCode(code)
	}
	code, ok := strings.CutPrefix(name, "tok_")
	return behaviour{decline: declineAfter(0, code)}, ok && isCode(code)
}

func isCode(s string) bool {
	return slices.Contains(billing.DeclineCodes(), billing.DeclineCode(s))
}

// declineAfter accepts the first charges and declines the others.
func declineAfter(first int64, code string) func(int64) billing.DeclineCode {
	return func(n int64) billing.DeclineCode {
		if n <= first {
			return ""
		}
		return billing.DeclineCode(code)
	}
}

func onSecondAndThird(n int64) billing.DeclineCode {
	if n == 2 || n == 3 {
		return billing.InsufficientFunds
	}
	return ""
}

// decide returns the outcome of a charge with a token of this history.
func (b behaviour) decide(h tokenHistory, initiator billing.Initiator) (billing.PaymentStatus, billing.DeclineCode) {
	if b.decline != nil {
		if code := b.decline(h.charges); code != "" {
			return billing.PaymentDeclined, code
		}
	}
	switch {
	case b.onPage, b.challenge && initiator == billing.CustomerInitiated:
		return billing.PaymentPending, ""
	case b.settlesAfter > 0:
		return billing.PaymentPending, ""
	case b.challenge && !h.confirmed: // the viewer is absent
		return billing.PaymentDeclined, billing.AuthenticationRequired
	default:
		return billing.PaymentSucceeded, ""
	}
}
