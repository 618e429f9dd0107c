package providertest

import (
	"sync"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

func testSameKeyAgain(s suite) {
	r := s.newRequest(s.Tokens.OK)
	first := s.charge(r)
	for range 3 {
		if o := s.charge(r); o != first {
			s.Errorf("repeated Charge = %+v, want %+v", o, first)
		}
	}
	s.expectSuccess(first, r.Amount)
	s.expectLedger(r.Key, r.Amount)
}

func testSameKeyConcurrently(s suite) {
	const calls = 100
	r := s.newRequest(s.Tokens.OK)
	var outcomes [calls]billing.Outcome
	var errs [calls]error
	s.concurrently(calls, func(i int) { outcomes[i], errs[i] = s.chargeCtx(s.Context(), r) })
	for i := range calls {
		if errs[i] != nil || outcomes[i] != outcomes[0] {
			s.Fatalf("call %d: %+v, %v; want %+v like all calls", i, outcomes[i], errs[i], outcomes[0])
		}
	}
	s.expectSuccess(outcomes[0], r.Amount)
	s.expectLedger(r.Key, r.Amount)
}

// concurrently calls f n times at the same moment.
func (s suite) concurrently(n int, f func(i int)) {
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

func testKeyConflict(s suite) {
	for name, change := range map[string]func(*ports.ChargeRequest){
		"amount":        func(r *ports.ChargeRequest) { r.Amount.Amount++ },
		"currency":      func(r *ports.ChargeRequest) { r.Amount.Currency = "EUR" },
		"token":         func(r *ports.ChargeRequest) { r.Token = s.Tokens.OtherOK },
		"unknown token": func(r *ports.ChargeRequest) { r.Token = s.Tokens.Unknown },
		"initiator":     func(r *ports.ChargeRequest) { r.Initiator = billing.MerchantInitiated },
	} {
		s.sub(name, func(s suite) {
			r := s.newRequest(s.Tokens.OK)
			other := r
			change(&other)
			s.require("same key for another request/"+name, !other.Token.IsZero())
			first := s.charge(r)
			s.expectRefusal(other, ports.ErrKeyConflict)
			if o := s.charge(r); o != first {
				s.Errorf("Charge after the conflict = %+v, want the first outcome, %+v", o, first)
			}
			s.expectLedger(r.Key, r.Amount)
		})
	}
}
