package simulator

import (
	"strings"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// testCard is what a card does while its viewer is there, and what the token
// does that is given for it.
type testCard struct {
	name  string // of its tokens
	first behaviour
	later behaviour
}

// tokenOfCard is how the tokens begin that were given for cards. The name of the
// card's line in the table follows, and what tells them apart.
const tokenOfCard = "tok_card_"

// settleAfter is how long a charge takes that is settled without the viewer.
const settleAfter = 2 * time.Second

// testCards lists the numbers that do something else than succeed, and those
// that are known elsewhere to succeed. Any other number succeeds.
func testCards() map[string]testCard {
	declined := func(code billing.DeclineCode) behaviour { return behaviour{decline: after(0, string(code))} }
	always := func(name string, b behaviour) testCard { return testCard{name, b, b} }
	onceConfirmed := func(code billing.DeclineCode) behaviour {
		return behaviour{challenge: true, approval: code}
	}
	fine := testCard{name: "ok"}
	return map[string]testCard{
		"4242424242424242": fine, "5555555555554444": fine, "2200000000000053": fine, "378282246310005": fine,

		"4000000000000002": always("generic_decline", declined(billing.GenericDecline)),
		"4000000000009995": always("insufficient_funds", declined(billing.InsufficientFunds)),
		"4000000000009987": always("lost", declined(billing.LostOrStolen)),
		"4000000000009979": always("stolen", declined(billing.LostOrStolen)),
		"4000000000006975": always("velocity", declined(billing.LimitExceeded)),
		"4000000000000069": always("expired", declined(billing.CardExpired)),
		"4000000000000127": always("incorrect_cvc", declined(billing.IncorrectCVC)),
		"4000000000000101": {"cvc_check_fails", declined(billing.IncorrectCVC), behaviour{}},
		"4000000000000119": always("processing_error", declined(billing.ProcessingError)),
		"4242424242424241": always("incorrect_number", declined(billing.IncorrectNumber)),
		"4100000000000019": always("fraud", declined(billing.SuspectedFraud)),

		"4000000000000341": {"saved_then_declined", behaviour{}, declined(billing.GenericDecline)},

		"4000002500003155": {"3ds_once", onceConfirmed(""), behaviour{}},
		"4000002760003184": {"3ds_always", onceConfirmed(""), declined(billing.AuthenticationRequired)},
		"4000003800000446": {"3ds_done", behaviour{}, behaviour{}},
		"4000008260003178": always("3ds_then_insufficient_funds", onceConfirmed(billing.InsufficientFunds)),
		"4000000000003220": {"3ds_required", onceConfirmed(""), behaviour{}},
		"4000008400001629": always("3ds_then_declined", onceConfirmed(billing.GenericDecline)),
		"4000008400001280": always("3ds_processing_error", declined(billing.ProcessingError)),

		// What comes later has no word in the port: disputes and refunds.
		"4000000000000259": {name: "disputed_later"},
		"4000000000007726": {name: "refund_pending"},
		"4000000000005126": {name: "refund_fails"},

		"4000009900000103": always("lost_answer", behaviour{fault: LoseAnswer}),
		"4000009900000202": always("lost_request", behaviour{fault: LoseRequest}),
		"4000009900000301": always("server_error", behaviour{fault: BreakAnswer}),
		"4000009900000400": always("reset", behaviour{fault: BreakAnswer}),
		"4000009900000509": always("settled_later", behaviour{settles: settleAfter}),
		"4000009900000608": always("declined_later", behaviour{settles: settleAfter, settlesAs: billing.GenericDecline}),
		"4000009900000707": {name: "told_thrice"}, // there are no webhooks here: nothing is told
		"4000009900000806": always("told_never", behaviour{settles: settleAfter}),
		"4000009900000905": always("rate_limited_twice", behaviour{counted: true, refuses: firstTwoOfThree}),
		"4000009900001002": {"revoked_after_two", behaviour{}, behaviour{counted: true, decline: after(2, string(billing.MandateRevoked))}},
		"4000009900001101": {"declined_twice", behaviour{}, behaviour{counted: true, decline: onFirstAndSecond}},
		"4000009900001200": {"reissued", behaviour{}, behaviour{counted: true, reissues: true, decline: after(1, string(billing.TokenInvalid))}},
		"4000009900001309": always("cut_off", behaviour{fault: BreakAnswer}),
		"4000009900001408": always("slow", behaviour{slow: true}),
		"4000009900001507": always("other_amount", behaviour{fault: OtherAmount}),
	}
}

// cardOf returns what the card with this number does.
func cardOf(number billing.CardNumber) testCard {
	if c, special := testCards()[number.Reveal()]; special {
		return c
	}
	return testCard{name: "ok"}
}

// laterOf reads a token that was given for a card.
func laterOf(name string) (behaviour, bool) {
	line, given := strings.CutPrefix(name, tokenOfCard)
	if !given {
		return behaviour{}, false
	}
	for _, c := range testCards() {
		if c.name == line {
			later := c.later
			later.line = line
			return later, true
		}
	}
	return behaviour{}, false
}

func firstTwoOfThree(n int64) bool { return n%3 != 0 }

func onFirstAndSecond(n int64) billing.DeclineCode {
	if n <= 2 {
		return billing.InsufficientFunds
	}
	return ""
}
