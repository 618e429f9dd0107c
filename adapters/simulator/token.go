package simulator

import (
	"slices"
	"strings"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// behaviour is what a token does.
type behaviour struct {
	fault     Fault
	slow      bool
	challenge bool // the viewer must confirm
	counted   bool // the answer depends on earlier charges
	// decline says why the n-th charge, from 1, is declined; "" accepts it.
	decline func(n int64) billing.DeclineCode

	// What only cards do.
	line      string              // of the table of cards, for which a token is given; "" for none
	reissues  bool                // gives a token in the place of the one charged
	approval  billing.DeclineCode // what is said when the viewer has confirmed; "" accepts it
	settles   time.Duration       // how long it takes without the viewer,
	settlesAs billing.DeclineCode // and what is said then; "" accepts it
	refuses   func(n int64) bool  // whether the n-th call finds too many others
}

// memory is what is remembered of a token.
type memory struct {
	charges   int64 // this one included; 1 unless the token is counted
	confirmed bool  // its viewer has confirmed a charge
}

// behaviourOf reads a token. There are no others than those of the package
// documentation.
func behaviourOf(token string) (_ behaviour, known bool) {
	name, _, _ := strings.Cut(token, "~")
	switch name {
	case "tok_ok":
		return behaviour{}, true
	case "tok_slow":
		return behaviour{slow: true}, true
	case "tok_lost_answer":
		return behaviour{fault: LoseAnswer}, true
	case "tok_unavailable":
		return behaviour{fault: Unavailable}, true
	case "tok_3ds":
		return behaviour{challenge: true, counted: true}, true
	case "tok_declined_twice_then_ok":
		return behaviour{counted: true, decline: onSecondAndThird}, true
	}
	if b, ok := laterOf(name); ok {
		return b, true
	}
	if code, ok := strings.CutPrefix(name, "tok_ok_then_"); ok {
		return behaviour{counted: true, decline: after(1, code)}, isCode(code)
	}
	code, ok := strings.CutPrefix(name, "tok_")
	return behaviour{decline: after(0, code)}, ok && isCode(code)
}

func isCode(s string) bool {
	return slices.Contains(billing.DeclineCodes(), billing.DeclineCode(s))
}

// after accepts the first charges and declines the rest.
func after(first int64, code string) func(int64) billing.DeclineCode {
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

// decide says what becomes of a charge, given what the token remembers.
func (b behaviour) decide(m memory, who billing.Initiator) (billing.PaymentStatus, billing.DeclineCode) {
	if b.decline != nil {
		if code := b.decline(m.charges); code != "" {
			return billing.PaymentDeclined, code
		}
	}
	switch {
	case b.challenge && who == billing.CustomerInitiated:
		return billing.PaymentPending, ""
	case b.settles > 0:
		return billing.PaymentPending, ""
	case b.challenge && !m.confirmed: // and nobody is there to ask
		return billing.PaymentDeclined, billing.AuthenticationRequired
	default:
		return billing.PaymentSucceeded, ""
	}
}
