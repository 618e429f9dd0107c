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

// newCardRequest returns a viewer's request with a card and a new key.
func (s suite) newCardRequest() ports.ChargeRequest {
	s.Helper()
	r := s.newRequest(billing.Secret{})
	card := s.Card()
	r.Card = &card
	return r
}

// equal compares outcomes. Tokens are equal if their texts are.
func equal(a, b billing.Outcome) bool {
	same := a.Token.Equal(b.Token)
	a.Token, b.Token = billing.Secret{}, billing.Secret{}
	return same && a == b
}

func testCard(s suite) {
	s.require("card", s.Card != nil)
	r := s.newCardRequest()
	o := s.charge(r)
	if o.Status != billing.PaymentSucceeded || o.Amount != r.Amount || o.Token.IsZero() {
		s.Fatalf("Charge = %+v, want a success over %s with a token", o, r.Amount)
	}
	if found := s.find(r.Key); !equal(found, o) {
		s.Errorf("Find = %+v, want the outcome of Charge with its token, %+v", found, o)
	}
	if second := s.charge(r); !equal(second, o) {
		s.Errorf("second Charge = %+v, want %+v with its token", second, o)
	}
	s.expectLedger(r.Key, r.Amount)

	renewal := s.newRequest(o.Token)
	renewal.Initiator = billing.MerchantInitiated
	s.expectSuccess(s.charge(renewal), renewal.Amount)
	s.expectLedger(renewal.Key, renewal.Amount)
}

// testCardRefused charges under a cancelled context. The provider must check the card
// before it sends the request, so it returns ErrRefused nevertheless.
func testCardRefused(s suite) {
	s.require("card refused", s.Card != nil)
	cancelled, cancel := context.WithCancel(s.Context())
	cancel()
	for name, spoil := range map[string]func(*ports.ChargeRequest){
		"merchant initiated": func(r *ports.ChargeRequest) { r.Initiator = billing.MerchantInitiated },
		"no CVV":             func(r *ports.ChargeRequest) { r.Card.CVV = billing.CVV{} },
		"no number":          func(r *ports.ChargeRequest) { r.Card.Number = billing.CardNumber{} },
		"token and card":     func(r *ports.ChargeRequest) { r.Token = s.Tokens.OK },
	} {
		s.sub(name, func(s suite) {
			r := s.newCardRequest()
			number, cvv := r.Card.Number.Reveal(), r.Card.CVV.Reveal()
			spoil(&r)
			o, err := s.Provider.Charge(cancelled, r)
			if !errors.Is(err, ports.ErrRefused) || !onlyOne(err) || !equal(o, billing.Outcome{}) {
				s.Errorf("Charge = %+v, %v; want ErrRefused", o, err)
			}
			// Match the CVV as a word: many addresses and ids contain its three digits.
			word := regexp.MustCompile(`\b` + cvv + `\b`)
			if text := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(text, number) || word.MatchString(text) {
				s.Error("the error contains the card's number or CVV")
			}
			s.expectAbsent(r.Key)
		})
	}
}

// testCardLost loses the response to a payment with a card. A lookup must return the
// outcome with the token, because the card is not sent again.
func testCardLost(s suite) {
	s.require("card response lost", s.LostCard != nil)
	r := s.newRequest(billing.Secret{})
	card := s.LostCard()
	r.Card = &card
	if err := s.abandonCharge(r); !outcomeUnknown(err) {
		s.Fatalf("Charge = %v, want an error with an unknown outcome", err)
	}
	if o := s.find(r.Key); o.Status != billing.PaymentSucceeded || o.Token.IsZero() {
		s.Errorf("Find = %+v, want a success with a token", o)
	}
	s.expectLedger(r.Key, r.Amount)
}
