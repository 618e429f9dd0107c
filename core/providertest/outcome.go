package providertest

import (
	"errors"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// expectSuccess expects the outcome of a successful charge of this amount.
func (s suite) expectSuccess(o billing.Outcome, amount billing.Money) {
	s.Helper()
	want := billing.Outcome{Status: billing.PaymentSucceeded, Amount: amount, ProviderRef: o.ProviderRef, Receipt: s.receiptStatus(o.Receipt)}
	if o != want || o.ProviderRef == "" {
		s.Fatalf("the outcome is %+v, want a success over %s with a reference", o, amount)
	}
}

func testCharge(s suite) {
	for _, initiator := range []billing.Initiator{billing.CustomerInitiated, billing.MerchantInitiated} {
		s.sub(string(initiator), func(s suite) {
			r := s.newRequest(s.Tokens.OK)
			r.Initiator = initiator
			o := s.charge(r)
			s.expectLedger(r.Key, r.Amount)
			s.expectSuccess(o, r.Amount)
			if found := s.find(r.Key); found != o {
				s.Errorf("Find = %+v, want the outcome of Charge, %+v", found, o)
			}
		})
	}
}

func testAmounts(s suite) {
	for name, amount := range map[string]billing.Money{
		"smallest":     rubles(1),
		"usual":        rubles(29900),
		"no decimals":  {Amount: 1200, Currency: "JPY"},
		"three digits": {Amount: 1234, Currency: "KWD"},
		"largest":      rubles(billing.MaxAmount),
	} {
		s.sub(name, func(s suite) {
			s.require("amounts/"+name, true)
			r := s.newRequest(s.Tokens.OK)
			r.Amount = amount
			s.expectSuccess(s.charge(r), amount)
			s.expectSuccess(s.find(r.Key), amount)
			s.expectLedger(r.Key, amount)
		})
	}
}

// testManyKeys reads the ledger right after each response, to detect a payment system
// that responds before its commit.
func testManyKeys(s suite) {
	seen := map[string]bool{}
	for range 25 {
		r := s.newRequest(s.Tokens.OK)
		o := s.charge(r)
		s.expectLedger(r.Key, r.Amount)
		if seen[o.ProviderRef] {
			s.Errorf("two charges have the reference %s", o.ProviderRef)
		}
		seen[o.ProviderRef] = true
	}
}

func testLedger(s suite) {
	r := s.newRequest(s.Tokens.OK)
	s.charge(r)
	ledgerOf := s.ledgerOf(r.Key)
	if len(ledgerOf) != 1 {
		s.Fatalf("the ledger has %d charges with the key, want one", len(ledgerOf))
	}
	entry := ledgerOf[0]
	if entry.At.Location() != time.UTC {
		s.Errorf("the ledger's time is in %s, want UTC", entry.At.Location())
	}
	for name, c := range map[string]struct {
		from, to time.Time
		want     int
	}{
		"from its time":  {entry.At, time.Time{}, 1},
		"from later":     {entry.At.Add(time.Microsecond), time.Time{}, 0},
		"until its time": {s.Since, entry.At, 0},
		"until later":    {s.Since, entry.At.Add(time.Microsecond), 1},
	} {
		if n := len(s.ledgerBetween(r.Key, c.from, c.to)); n != c.want {
			s.Errorf("%s: %d entries, want %d", name, n, c.want)
		}
	}
	stop := errors.New("enough")
	err := s.Ledger.Charges(s.Context(), entry.At, time.Time{}, func(ports.LedgerEntry) error { return stop })
	if !errors.Is(err, stop) {
		s.Errorf("Charges = %v, want the callback's error", err)
	}
}

func testDeclines(s suite) {
	for _, code := range billing.DeclineCodes() {
		s.sub(string(code), func(s suite) {
			token := s.Tokens.Declined[code]
			s.require("declines/"+string(code), !token.IsZero())
			r := s.newRequest(token)
			o := s.charge(r)
			want := billing.Outcome{Status: billing.PaymentDeclined, DeclineCode: code, ProviderRef: o.ProviderRef}
			if s.Provider.Capabilities().Receipts != nil {
				want.Receipt = o.Receipt // means nothing without money
			}
			if o != want {
				s.Errorf("Charge = %+v, want declined: %s", o, code)
			}
			if found := s.find(r.Key); found != o {
				s.Errorf("Find = %+v, want the outcome of Charge, %+v", found, o)
			}
			if second := s.charge(r); second != o {
				s.Errorf("second Charge = %+v, want %+v", second, o)
			}
			s.expectLedger(r.Key)
		})
	}
}

func testRefused(s suite) {
	for name, spoil := range map[string]func(*ports.ChargeRequest){
		"zero":             func(r *ports.ChargeRequest) { r.Amount.Amount = 0 },
		"negative":         func(r *ports.ChargeRequest) { r.Amount.Amount = -1 },
		"unknown currency": func(r *ports.ChargeRequest) { r.Amount.Currency = "XXX" },
		"no key":           func(r *ports.ChargeRequest) { r.Key = "" },
	} {
		s.sub(name, func(s suite) {
			s.require("refused/"+name, true)
			r := s.newRequest(s.Tokens.OK)
			spoil(&r)
			s.expectRefusal(r, ports.ErrRefused)
			s.expectAbsent(r.Key)
		})
	}
}

func testUnknownToken(s suite) {
	s.require("unknown token", !s.Tokens.Unknown.IsZero())
	r := s.newRequest(s.Tokens.Unknown)
	s.expectRefusal(r, ports.ErrTokenUnknown)
	s.expectAbsent(r.Key)
}

func testUnknownKey(s suite) { s.expectAbsent(newKey()) }
