package providertest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// cancelDelay limits the time between the end of the context and the return of the
// call. It is long enough for a busy machine.
const cancelDelay = 5 * time.Second

// abandonCharge charges with a token whose response is lost. It cancels the call as
// soon as the ledger has the charge, and returns the error of Charge.
func (s suite) abandonCharge(r ports.ChargeRequest) error {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), callTimeout)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := s.chargeCtx(ctx, r)
		done <- err
	}()
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for {
		select {
		case err := <-done: // the adapter's own time-out
			return err
		case <-poll.C:
		}
		if len(s.ledgerOf(r.Key)) > 0 {
			cancel()
			return s.waitForReturn(done)
		}
	}
}

func (s suite) waitForReturn(done <-chan error) error {
	s.Helper()
	limit := time.NewTimer(cancelDelay)
	defer limit.Stop()
	select {
	case err := <-done:
		return err
	case <-limit.C:
		s.Fatalf("the call has not returned within %s after its context ended", cancelDelay)
		return nil
	}
}

func testLostResponse(s suite) {
	s.require("response lost", !s.Tokens.LostResponse.IsZero())
	r := s.newRequest(s.Tokens.LostResponse)
	if err := s.abandonCharge(r); !outcomeUnknown(err) {
		s.Fatalf("Charge = %v, want an error with an unknown outcome", err)
	}
	found := s.find(r.Key)
	s.expectSuccess(found, r.Amount)
	s.expectLedger(r.Key, r.Amount)

	// The ledger has the charge already, so the repetition is cancelled early, perhaps
	// before it is sent.
	if err := s.abandonCharge(r); err != nil && !outcomeUnknown(err) && !errors.Is(err, ports.ErrNotSent) {
		s.Errorf("second Charge = %v, want the outcome, ErrNotSent or an unknown outcome", err)
	}
	if second := s.find(r.Key); second != found {
		s.Errorf("Find after the second charge = %+v, want %+v", second, found)
	}
	s.expectLedger(r.Key, r.Amount)
}

// testSlowResponse cancels the first call too early, and then waits for the response.
func testSlowResponse(s suite) {
	s.require("response slow", !s.Tokens.Slow.IsZero())
	r := s.newRequest(s.Tokens.Slow)
	if err := s.abandonCharge(r); !outcomeUnknown(err) {
		s.Fatalf("Charge = %v, want an error with an unknown outcome", err)
	}
	o := s.charge(r)
	s.expectSuccess(o, r.Amount)
	if found := s.find(r.Key); found != o {
		s.Errorf("Find = %+v, want the outcome of Charge, %+v", found, o)
	}
	s.expectLedger(r.Key, r.Amount)
}

func testUnavailable(s suite) {
	s.require("unavailable", !s.Tokens.Unavailable.IsZero())
	r := s.newRequest(s.Tokens.Unavailable)
	for range 2 {
		s.expectRefusal(r, ports.ErrNotSent)
		s.expectAbsent(r.Key)
	}
}

func testCancelledBefore(s suite) {
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	r := s.newRequest(s.Tokens.OK)
	start := time.Now()
	o, err := s.chargeCtx(ctx, r)
	if took := time.Since(start); took > cancelDelay {
		s.Errorf("Charge took %s under a cancelled context, want at most %s", took, cancelDelay)
	}
	if !errors.Is(err, ports.ErrNotSent) && !outcomeUnknown(err) {
		s.Errorf("Charge = %+v, %v; want ErrNotSent or an error with an unknown outcome", o, err)
	}
	s.expectConsistent(r, o, err)
}

func testCancelledWhileWaiting(s suite) {
	s.require("cancelled while waiting", !s.Tokens.LostResponse.IsZero())
	r := s.newRequest(s.Tokens.LostResponse)
	ctx, cancel := context.WithTimeout(s.Context(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	o, err := s.chargeCtx(ctx, r)
	if took := time.Since(start); took > cancelDelay {
		s.Errorf("Charge took %s, want at most %s after the end of its context", took, cancelDelay)
	}
	if err == nil {
		s.Fatalf("Charge = %+v, want an error", o)
	}
	if errors.Is(err, ports.ErrNotSent) {
		s.expectAbsent(r.Key)
	} else if !outcomeUnknown(err) {
		s.Errorf("Charge = %v, want an error with an unknown outcome", err)
	}
}

// testCutOff ends the context a little later each time, so that it hits every stage of
// a charge. It compares the result of Charge with the ledger.
func testCutOff(s suite) {
	for i := range 40 {
		s.sub(fmt.Sprintf("after %d µs", i*i*10), func(s suite) {
			ctx, cancel := context.WithTimeout(s.Context(), time.Duration(i*i*10)*time.Microsecond)
			defer cancel()
			r := s.newRequest(s.Tokens.OK)
			o, err := s.chargeCtx(ctx, r)
			s.expectConsistent(r, o, err)
		})
	}
}

// expectConsistent compares the result of a charge with a good token with the ledger.
// Then it repeats the charge, and expects one charge in the ledger.
func (s suite) expectConsistent(r ports.ChargeRequest, o billing.Outcome, err error) {
	s.Helper()
	switch {
	case err == nil:
		s.expectSuccess(o, r.Amount)
		s.expectLedger(r.Key, r.Amount)
	case errors.Is(err, ports.ErrNotSent):
		s.expectAbsent(r.Key)
	case outcomeUnknown(err):
		// No call is sending the charge any more, so the result of Find is final.
		_, err := s.Provider.Find(s.Context(), ports.ChargeQuery{Key: r.Key})
		if errors.Is(err, ports.ErrChargeNotFound) {
			s.expectLedger(r.Key)
		} else if err == nil {
			s.expectLedger(r.Key, r.Amount)
		}
	default:
		s.Errorf("Charge = %v, which is wrong for this token", err)
	}
	s.expectSuccess(s.charge(r), r.Amount)
	s.expectLedger(r.Key, r.Amount)
}
