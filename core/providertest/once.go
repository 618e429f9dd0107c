package providertest

import (
	"sync"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

func testSameKeyAgain(b bench) {
	r := order(b.Tokens.OK)
	first := b.charge(r)
	for range 3 {
		if again := b.charge(r); again != first {
			b.Errorf("Charge again = %+v, want %+v", again, first)
		}
	}
	b.succeeded(first, r.Amount)
	b.taken(r.Key, r.Amount)
}

func testSameKeyAtOnce(b bench) {
	const calls = 100
	r := order(b.Tokens.OK)
	var outcomes [calls]billing.Outcome
	var errs [calls]error
	b.atOnce(calls, func(i int) { outcomes[i], errs[i] = b.ask(b.Context(), r) })
	for i := range calls {
		if errs[i] != nil || outcomes[i] != outcomes[0] {
			b.Fatalf("call %d: %+v, %v; want %+v as the others got", i, outcomes[i], errs[i], outcomes[0])
		}
	}
	b.succeeded(outcomes[0], r.Amount)
	b.taken(r.Key, r.Amount)
}

// atOnce lets f run n times at the same moment.
func (b bench) atOnce(n int, f func(i int)) {
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			f(i)
		})
	}
	close(start)
	wg.Wait()
}

func testKeyConflict(b bench) {
	for name, change := range map[string]func(*ports.ChargeRequest){
		"amount":        func(r *ports.ChargeRequest) { r.Amount.Amount++ },
		"currency":      func(r *ports.ChargeRequest) { r.Amount.Currency = "EUR" },
		"token":         func(r *ports.ChargeRequest) { r.Token = b.Tokens.OtherOK },
		"unknown token": func(r *ports.ChargeRequest) { r.Token = b.Tokens.Unknown },
		"initiator":     func(r *ports.ChargeRequest) { r.Initiator = billing.MerchantInitiated },
	} {
		b.sub(name, func(b bench) {
			r := order(b.Tokens.OK)
			other := r
			change(&other)
			b.need("same key for another request/"+name, !other.Token.IsZero())
			first := b.charge(r)
			b.refuse(other, ports.ErrKeyConflict)
			if again := b.charge(r); again != first {
				b.Errorf("after the conflict Charge = %+v, want the first outcome, %+v", again, first)
			}
			b.taken(r.Key, r.Amount)
		})
	}
}
