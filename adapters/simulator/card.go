package simulator

import (
	"crypto/rand"
	"strings"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// testCard is the behaviour of a card.
type testCard struct {
	name    string    // part of its tokens
	first   behaviour // of payments by card, with the viewer present
	renewal behaviour // of charges with the token issued for the card
}

// cardTokenPrefix begins the tokens that were issued for cards. The name of the card
// and a random suffix follow.
const cardTokenPrefix = "tok_card_"

// newCardToken returns a new token for the card with this name.
func newCardToken(name string) string { return cardTokenPrefix + name + "~" + rand.Text() }

// settleDelay is the duration until a payment settles without the viewer.
const settleDelay = 2 * time.Second

// testCards returns the cards with special behaviour, and well-known numbers that
// succeed. All other numbers succeed as well.
func testCards() map[string]testCard {
	declined := func(code billing.DeclineCode) behaviour { return behaviour{decline: declineAfter(0, string(code))} }
	always := func(name string, b behaviour) testCard { return testCard{name, b, b} }
	confirmThen := func(code billing.DeclineCode) behaviour {
		return behaviour{challenge: true, approvalDecline: code}
	}
	ok := testCard{name: "ok"}
	return map[string]testCard{
		"4242424242424242": ok, "5555555555554444": ok, "2200000000000053": ok, "378282246310005": ok,

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

		"4000002500003155": {"3ds_once", confirmThen(""), behaviour{}},
		"4000002760003184": {"3ds_always", confirmThen(""), declined(billing.AuthenticationRequired)},
		"4000003800000446": {"3ds_done", behaviour{}, behaviour{}},
		"4000008260003178": always("3ds_then_insufficient_funds", confirmThen(billing.InsufficientFunds)),
		"4000000000003220": {"3ds_required", confirmThen(""), behaviour{}},
		"4000008400001629": always("3ds_then_declined", confirmThen(billing.GenericDecline)),
		"4000008400001280": always("3ds_processing_error", declined(billing.ProcessingError)),

		"4000000000000259": {name: "disputed_later"}, // the port has no disputes, so this card just succeeds
		"4000000000007726": always("refund_pending", behaviour{refunds: refundPending}),
		"4000000000005126": always("refund_fails", behaviour{refunds: refundFails}),

		"4000009900000103": always("lost_answer", behaviour{fault: LoseResponse}),
		"4000009900000202": always("lost_request", behaviour{fault: LoseRequest}),
		"4000009900000301": always("server_error", behaviour{fault: TruncateResponse}),
		"4000009900000400": always("reset", behaviour{fault: TruncateResponse}),
		"4000009900000509": always("settled_later", behaviour{settlesAfter: settleDelay}),
		"4000009900000608": always("declined_later", behaviour{settlesAfter: settleDelay, settleDecline: billing.GenericDecline}),
		"4000009900000707": {name: "told_thrice"}, // the simulator sends no webhooks
		"4000009900000806": always("told_never", behaviour{settlesAfter: settleDelay}),
		"4000009900000905": always("rate_limited_twice", behaviour{counted: true, refuses: firstTwoOfThree}),
		"4000009900001002": {"revoked_after_two", behaviour{}, behaviour{counted: true, decline: declineAfter(2, string(billing.MandateRevoked))}},
		"4000009900001101": {"declined_twice", behaviour{}, behaviour{counted: true, decline: onFirstAndSecond}},
		"4000009900001200": {"reissued", behaviour{}, behaviour{counted: true, reissuesToken: true, decline: declineAfter(1, string(billing.TokenInvalid))}},
		"4000009900001309": always("cut_off", behaviour{fault: TruncateResponse}),
		"4000009900001408": always("slow", behaviour{slow: true}),
		"4000009900001507": always("other_amount", behaviour{fault: OtherAmount}),
	}
}

// testCardFor returns the card with this number.
func testCardFor(number billing.CardNumber) testCard {
	if c, special := testCards()[number.Reveal()]; special {
		return c
	}
	return testCard{name: "ok"}
}

// renewalOfCard returns the behaviour of a token without its suffix. It returns false
// unless the token was issued for a card.
func renewalOfCard(token string) (behaviour, bool) {
	name, ok := strings.CutPrefix(token, cardTokenPrefix)
	if !ok {
		return behaviour{}, false
	}
	for _, c := range testCards() {
		if c.name == name {
			renewal := c.renewal
			renewal.cardName = name
			return renewal, true
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
