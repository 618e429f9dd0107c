package fake

import "strings"

// Method is the behaviour of a saved payment method, or of a card.
type Method struct {
	Reason   string // of the cancellation of every payment; "" lets them succeed
	Confirms bool   // the bank asks for a confirmation if the request allows one
	Fault    Fault  // of every request

	RefundReason string // of the cancellation of every refund; "" lets them succeed
	RefundFault  Fault  // of every request to refund
}

// AddMethod saves a method and returns its id, which is the token.
func (f *Fake) AddMethod(m Method) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	id := newID()
	f.methods[id] = m
	return id
}

// paymentMethod is a method as the API writes it.
type paymentMethod struct {
	Type   string `json:"type"`
	ID     string `json:"id"`
	Saved  bool   `json:"saved"`
	Status string `json:"status"`
	Card   *card  `json:"card,omitempty"`
}

type card struct {
	First6      string `json:"first6"`
	Last4       string `json:"last4"`
	ExpiryYear  string `json:"expiry_year"`
	ExpiryMonth string `json:"expiry_month"`
	CardType    string `json:"card_type"`
}

// newMethod returns a bank card whose number ends in last4.
func newMethod(id, last4 string) *paymentMethod {
	return &paymentMethod{
		Type: "bank_card", ID: id, Status: "inactive",
		Card: &card{First6: "555555", Last4: last4, ExpiryYear: "2040", ExpiryMonth: "12", CardType: "MasterCard"},
	}
}

// testCards are the reasons for which YooKassa cancels payments with its test cards, by
// the last four digits.
func testCards() map[string]string {
	return map[string]string{
		"4600": "insufficient_funds", "4543": "card_expired", "4592": "3d_secure_failed", "4535": "call_issuer",
		"4568": "fraud_suspected", "4527": "general_decline", "4618": "invalid_card_number", "4626": "invalid_csc",
		"4501": "issuer_unavailable", "4576": "payment_method_limit_exceeded", "4550": "payment_method_restricted",
		"4584": "country_forbidden",
	}
}

// cardOf returns the last four digits of a number and the behaviour of that test card.
func cardOf(number string) (string, Method) {
	last4 := "4477"
	if digits := strings.ReplaceAll(number, " ", ""); len(digits) >= 4 {
		last4 = digits[len(digits)-4:]
	}
	return last4, Method{Reason: testCards()[last4]}
}
