package providertest

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// payment is a viewer's payment with a card, with a fresh key.
func (b bench) payment() ports.ChargeRequest {
	b.Helper()
	r := order(billing.Secret{})
	card := b.Card()
	r.Card = &card
	return r
}

// equal compares outcomes whose tokens are two values of one text.
func equal(a, b billing.Outcome) bool {
	same := a.Token.Equal(b.Token)
	a.Token, b.Token = billing.Secret{}, billing.Secret{}
	return same && a == b
}

func testCard(b bench) {
	b.need("card", b.Card != nil)
	r := b.payment()
	o := b.charge(r)
	if o.Status != billing.PaymentSucceeded || o.Amount != r.Amount || o.Token.IsZero() {
		b.Fatalf("Charge = %+v, want a success over %s with a token", o, r.Amount)
	}
	if found := b.find(r.Key); !equal(found, o) {
		b.Errorf("Find = %+v, want what Charge said, %+v, token and all", found, o)
	}
	if again := b.charge(r); !equal(again, o) {
		b.Errorf("Charge again = %+v, want %+v, token and all", again, o)
	}
	b.taken(r.Key, r.Amount)

	later := order(o.Token)
	later.Initiator = billing.MerchantInitiated
	b.succeeded(b.charge(later), later.Amount)
	b.taken(later.Key, later.Amount)
}

// testCardRefused charges under a context that has ended: what is refused before
// anything is sent is refused all the same.
func testCardRefused(b bench) {
	b.need("card refused", b.Card != nil)
	ended, end := context.WithCancel(b.Context())
	end()
	for name, spoil := range map[string]func(*ports.ChargeRequest){
		"without the viewer": func(r *ports.ChargeRequest) { r.Initiator = billing.MerchantInitiated },
		"without a CVV":      func(r *ports.ChargeRequest) { r.Card.CVV = billing.CVV{} },
		"without a number":   func(r *ports.ChargeRequest) { r.Card.Number = billing.CardNumber{} },
		"with a token too":   func(r *ports.ChargeRequest) { r.Token = b.Tokens.OK },
	} {
		b.sub(name, func(b bench) {
			r := b.payment()
			number, cvv := r.Card.Number.Reveal(), r.Card.CVV.Reveal()
			spoil(&r)
			o, err := b.Provider.Charge(ended, r)
			if !errors.Is(err, ports.ErrRefused) || !alone(err) || !equal(o, billing.Outcome{}) {
				b.Errorf("Charge = %+v, %v; want ErrRefused", o, err)
			}
			// As a word: three digits are found in any address or id.
			word := regexp.MustCompile(`\b` + cvv + `\b`)
			if text := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(text, number) || word.MatchString(text) {
				b.Error("the error shows the card")
			}
			b.absent(r.Key)
		})
	}
}

// testCardLost loses the answer to a payment with a card: it is found, with the
// token, without the card being sent again.
func testCardLost(b bench) {
	b.need("card answer lost", b.LostCard != nil)
	r := order(billing.Secret{})
	card := b.LostCard()
	r.Card = &card
	if err := b.giveUp(r); !unknown(err) {
		b.Fatalf("Charge = %v, want an error that leaves the outcome open", err)
	}
	if o := b.find(r.Key); o.Status != billing.PaymentSucceeded || o.Token.IsZero() {
		b.Errorf("Find = %+v, want a success with a token", o)
	}
	b.taken(r.Key, r.Amount)
}
