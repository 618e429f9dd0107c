package providertest

import (
	"errors"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// succeeded expects the outcome of a charge that took this much.
func (b bench) succeeded(o billing.Outcome, amount billing.Money) {
	b.Helper()
	want := billing.Outcome{Status: billing.PaymentSucceeded, Amount: amount, ProviderRef: o.ProviderRef}
	if o != want || o.ProviderRef == "" {
		b.Fatalf("outcome %+v, want a success over %s with a reference", o, amount)
	}
}

func testCharge(b bench) {
	for _, who := range []billing.Initiator{billing.CustomerInitiated, billing.MerchantInitiated} {
		b.sub(string(who), func(b bench) {
			r := order(b.Tokens.OK)
			r.Initiator = who
			o := b.charge(r)
			b.taken(r.Key, r.Amount)
			b.succeeded(o, r.Amount)
			if found := b.find(r.Key); found != o {
				b.Errorf("Find = %+v, want what Charge said, %+v", found, o)
			}
		})
	}
}

func testAmounts(b bench) {
	for name, amount := range map[string]billing.Money{
		"smallest":     rubles(1),
		"usual":        rubles(29900),
		"no decimals":  {Amount: 1200, Currency: "JPY"},
		"three digits": {Amount: 1234, Currency: "KWD"},
		"largest":      rubles(billing.MaxAmount),
	} {
		b.sub(name, func(b bench) {
			b.need("amounts/"+name, true)
			r := order(b.Tokens.OK)
			r.Amount = amount
			b.succeeded(b.charge(r), amount)
			b.succeeded(b.find(r.Key), amount)
			b.taken(r.Key, amount)
		})
	}
}

// testManyKeys looks into the ledger straight after each answer: a payment
// system that answers before its commit is found out.
func testManyKeys(b bench) {
	seen := map[string]bool{}
	for range 25 {
		r := order(b.Tokens.OK)
		o := b.charge(r)
		b.taken(r.Key, r.Amount)
		if seen[o.ProviderRef] {
			b.Error("two charges have one reference")
		}
		seen[o.ProviderRef] = true
	}
}

func testLedger(b bench) {
	r := order(b.Tokens.OK)
	b.charge(r)
	entries := b.entries(r.Key)
	if len(entries) != 1 {
		b.Fatalf("the ledger has %d charges with the key, want one", len(entries))
	}
	entry := entries[0]
	if entry.At.Location() != time.UTC {
		b.Errorf("the ledger's time is in %s, want UTC", entry.At.Location())
	}
	for name, c := range map[string]struct {
		since time.Time
		want  int
	}{
		"since then":  {entry.At, 1},
		"since later": {entry.At.Add(time.Microsecond), 0},
	} {
		b.Since = c.since
		if n := len(b.entries(r.Key)); n != c.want {
			b.Errorf("%s: %d entries, want %d", name, n, c.want)
		}
	}
	stop := errors.New("enough")
	err := b.Ledger.Charges(b.Context(), entry.At, func(ports.LedgerEntry) error { return stop })
	if !errors.Is(err, stop) {
		b.Errorf("Charges = %v, want the error that stopped it", err)
	}
}

func testDeclines(b bench) {
	for _, code := range billing.DeclineCodes() {
		b.sub(string(code), func(b bench) {
			token := b.Tokens.Declined[code]
			b.need("declines/"+string(code), !token.IsZero())
			r := order(token)
			o := b.charge(r)
			want := billing.Outcome{Status: billing.PaymentDeclined, DeclineCode: code, ProviderRef: o.ProviderRef}
			if o != want {
				b.Errorf("Charge = %+v, want declined: %s", o, code)
			}
			if found := b.find(r.Key); found != o {
				b.Errorf("Find = %+v, want what Charge said, %+v", found, o)
			}
			if again := b.charge(r); again != o {
				b.Errorf("Charge again = %+v, want %+v", again, o)
			}
			b.taken(r.Key)
		})
	}
}

func testRefused(b bench) {
	for name, spoil := range map[string]func(*ports.ChargeRequest){
		"nothing":          func(r *ports.ChargeRequest) { r.Amount.Amount = 0 },
		"less than zero":   func(r *ports.ChargeRequest) { r.Amount.Amount = -1 },
		"no such currency": func(r *ports.ChargeRequest) { r.Amount.Currency = "XXX" },
		"no key":           func(r *ports.ChargeRequest) { r.Key = "" },
	} {
		b.sub(name, func(b bench) {
			b.need("refused/"+name, true)
			r := order(b.Tokens.OK)
			spoil(&r)
			b.refuse(r, ports.ErrRefused)
			b.absent(r.Key)
		})
	}
}

func testUnknownToken(b bench) {
	b.need("unknown token", !b.Tokens.Unknown.IsZero())
	r := order(b.Tokens.Unknown)
	b.refuse(r, ports.ErrTokenUnknown)
	b.absent(r.Key)
}

func testUnknownKey(b bench) { b.absent(newKey()) }
