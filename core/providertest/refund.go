package providertest

import (
	"context"
	"errors"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// refundCases are the subcases of "refund".
var refundCases = []struct {
	name string
	test func(refundSuite)
}{
	{"whole", testRefundWhole},
	{"in parts", testRefundInParts},
	{"more than the rest", testRefundTooMuch},
	{"invalid", testRefundInvalid},
	{"same key again", testRefundAgain},
	{"same key for another amount", testRefundConflict},
	{"same key concurrently", testRefundConcurrently},
	{"unknown key", testRefundUnknown},
	{"cancelled before", testRefundCancelled},
	{"list", testRefundList},
	{"response lost", testRefundLost},
}

// testRefund skips a provider that is no [ports.Refunder].
func testRefund(s suite) {
	refunder, is := s.Provider.(ports.Refunder)
	if !is {
		s.Skip("the provider does not refund")
	}
	for _, c := range refundCases {
		s.sub(c.name, func(s suite) {
			s.require("refund/"+c.name, c.name != "response lost" || !s.Tokens.RefundLost.IsZero())
			c.test(refundSuite{s, refunder})
		})
	}
}

// refundSuite is a suite whose provider can refund.
type refundSuite struct {
	suite
	refunder ports.Refunder
}

// newRefund charges with the token, and returns a request to refund the whole amount.
func (s refundSuite) newRefund(token billing.Secret) ports.RefundRequest {
	s.Helper()
	r := s.newRequest(token)
	o := s.charge(r)
	s.expectSuccess(o, r.Amount)
	return ports.RefundRequest{
		Key: billing.RefundID(newKey()), Payment: r.Key, PaymentRef: o.ProviderRef, Amount: r.Amount, Receipt: r.Receipt,
	}
}

// part returns a request to refund a part of the same payment, with a new key.
func part(r ports.RefundRequest, minor int64) ports.RefundRequest {
	r.Key, r.Amount.Amount = billing.RefundID(newKey()), minor
	return r
}

func (s refundSuite) refundCtx(ctx context.Context, r ports.RefundRequest) (billing.RefundOutcome, error) {
	s.Helper()
	o, err := s.refunder.Refund(ctx, r)
	s.expectNoSecret(err, s.Tokens.OK)
	s.expectNoSecret(err, s.Tokens.RefundLost)
	if err != nil && o != (billing.RefundOutcome{}) {
		s.Errorf("Refund returned the outcome %+v and the error %q, want one of them", o, err)
	}
	return o, err
}

// refund refunds within callTimeout, and expects that the refund succeeds.
func (s refundSuite) refund(r ports.RefundRequest) billing.RefundOutcome {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), callTimeout)
	defer cancel()
	o, err := s.refundCtx(ctx, r)
	if err != nil {
		s.Fatalf("Refund: %v", err)
	}
	s.expectRefunded(o)
	return o
}

func (s refundSuite) expectRefunded(o billing.RefundOutcome) {
	s.Helper()
	if want := (billing.RefundOutcome{Status: billing.PaymentSucceeded, ProviderRef: o.ProviderRef, Receipt: s.receiptStatus(o.Receipt)}); o != want || o.ProviderRef == "" {
		s.Fatalf("the outcome is %+v, want a success with a reference", o)
	}
}

// refuse refunds within callTimeout, and expects this error.
func (s refundSuite) refuse(r ports.RefundRequest, want error) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), callTimeout)
	defer cancel()
	if o, err := s.refundCtx(ctx, r); !errors.Is(err, want) || !onlyOne(err) {
		s.Fatalf("Refund = %+v, %v; want only the error %q", o, err, want)
	}
}

// query returns the query for a request, without the reference of the refund.
func query(r ports.RefundRequest) ports.RefundQuery {
	return ports.RefundQuery{Key: r.Key, Payment: r.Payment, PaymentRef: r.PaymentRef}
}

// expectFound looks the refund up by its key and by its reference.
func (s refundSuite) expectFound(r ports.RefundRequest, want billing.RefundOutcome) {
	s.Helper()
	byKey, byRef := query(r), query(r)
	byRef.ProviderRef = want.ProviderRef
	for name, q := range map[string]ports.RefundQuery{"key": byKey, "reference": byRef} {
		if o, err := s.refunder.FindRefund(s.Context(), q); err != nil || o != want {
			s.Errorf("FindRefund by %s = %+v, %v; want %+v", name, o, err, want)
		}
	}
}

// listed returns the entries with the key in the list of refunds.
func (s refundSuite) listed(key billing.RefundID, from time.Time) (entries []ports.RefundEntry) {
	s.Helper()
	err := s.refunder.Refunds(s.Context(), from, func(e ports.RefundEntry) error {
		if e.Key == key {
			entries = append(entries, e)
		}
		return nil
	})
	if err != nil {
		s.Fatalf("Refunds: %v", err)
	}
	return entries
}

// expectListed expects this number of refunds of the request in the list.
func (s refundSuite) expectListed(r ports.RefundRequest, want int) {
	s.Helper()
	entries := s.listed(r.Key, s.Since)
	if len(entries) != want {
		s.Errorf("the list has %d refunds with the key, want %d", len(entries), want)
	}
	for _, e := range entries {
		if e.Amount != r.Amount || e.Payment != r.Payment || e.PaymentRef != r.PaymentRef || e.Status != billing.PaymentSucceeded || e.Ref == "" {
			s.Errorf("the list has %+v, want a successful refund as requested: %+v", e, r)
		}
	}
}

func testRefundWhole(s refundSuite) {
	r := s.newRefund(s.Tokens.OK)
	o := s.refund(r)
	s.expectFound(r, o)
	s.expectListed(r, 1)
}

func testRefundInParts(s refundSuite) {
	whole := s.newRefund(s.Tokens.OK)
	first, second := part(whole, 9900), part(whole, whole.Amount.Amount-9900)
	one, two := s.refund(first), s.refund(second)
	if one.ProviderRef == two.ProviderRef {
		s.Errorf("two refunds have the reference %s", one.ProviderRef)
	}
	s.expectFound(first, one)
	s.expectFound(second, two)
	s.expectListed(first, 1)
	s.expectListed(second, 1)
	third := part(whole, 100)
	s.refuse(third, ports.ErrRefused)
	s.expectListed(third, 0)
}

func testRefundTooMuch(s refundSuite) {
	whole := s.newRefund(s.Tokens.OK)
	tooMuch := whole
	tooMuch.Amount.Amount++
	s.refuse(tooMuch, ports.ErrRefused)
	s.refund(part(whole, 9900))
	rest := whole.Amount.Amount - 9900
	aboveRest := part(whole, rest+1)
	s.refuse(aboveRest, ports.ErrRefused)
	s.expectListed(aboveRest, 0)
	s.refund(part(whole, rest))
}

func testRefundInvalid(s refundSuite) {
	whole := s.newRefund(s.Tokens.OK)
	for name, spoil := range map[string]func(*ports.RefundRequest){
		"zero":             func(r *ports.RefundRequest) { r.Amount.Amount = 0 },
		"negative":         func(r *ports.RefundRequest) { r.Amount.Amount = -1 },
		"another currency": func(r *ports.RefundRequest) { r.Amount.Currency = "EUR" },
		"unknown currency": func(r *ports.RefundRequest) { r.Amount.Currency = "XXX" },
		"no key":           func(r *ports.RefundRequest) { r.Key = "" },
	} {
		s.sub(name, func(inner suite) {
			r := part(whole, 9900)
			spoil(&r)
			s := refundSuite{inner, s.refunder}
			s.refuse(r, ports.ErrRefused)
			if r.Key != "" {
				s.expectListed(r, 0)
			}
		})
	}
}

func testRefundAgain(s refundSuite) {
	r := part(s.newRefund(s.Tokens.OK), 9900)
	first := s.refund(r)
	for range 3 {
		if o := s.refund(r); o != first {
			s.Errorf("repeated Refund = %+v, want %+v", o, first)
		}
	}
	s.expectListed(r, 1)
}

func testRefundConflict(s refundSuite) {
	r := part(s.newRefund(s.Tokens.OK), 9900)
	first := s.refund(r)
	other := r
	other.Amount.Amount = 100
	s.refuse(other, ports.ErrKeyConflict)
	s.expectFound(r, first)
	s.expectListed(r, 1)
}

func testRefundConcurrently(s refundSuite) {
	const calls = 20
	r := part(s.newRefund(s.Tokens.OK), 9900)
	var outcomes [calls]billing.RefundOutcome
	var errs [calls]error
	s.concurrently(calls, func(i int) { outcomes[i], errs[i] = s.refundCtx(s.Context(), r) })
	for i := range calls {
		if errs[i] != nil || outcomes[i] != outcomes[0] {
			s.Fatalf("call %d: %+v, %v; want %+v like all calls", i, outcomes[i], errs[i], outcomes[0])
		}
	}
	s.expectRefunded(outcomes[0])
	s.expectListed(r, 1)
}

func testRefundUnknown(s refundSuite) {
	r := s.newRefund(s.Tokens.OK)
	if o, err := s.refunder.FindRefund(s.Context(), query(r)); !errors.Is(err, ports.ErrRefundNotFound) || !onlyOne(err) {
		s.Errorf("FindRefund = %+v, %v; want ErrRefundNotFound", o, err)
	}
	s.expectListed(r, 0)
}

func testRefundCancelled(s refundSuite) {
	r := s.newRefund(s.Tokens.OK)
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	if o, err := s.refundCtx(ctx, r); !errors.Is(err, ports.ErrNotSent) && !outcomeUnknown(err) {
		s.Errorf("Refund = %+v, %v; want ErrNotSent or an error with an unknown outcome", o, err)
	}
	s.refund(r)
	s.expectListed(r, 1)
}

func testRefundList(s refundSuite) {
	r := s.newRefund(s.Tokens.OK)
	o := s.refund(r)
	entries := s.listed(r.Key, s.Since)
	if len(entries) != 1 {
		s.Fatalf("the list has %d refunds with the key, want one", len(entries))
	}
	e := entries[0]
	if e.Ref != o.ProviderRef || e.At.Location() != time.UTC {
		s.Errorf("the list has %+v, want the reference %s and a time in UTC", e, o.ProviderRef)
	}
	if n := len(s.listed(r.Key, e.At)); n != 1 {
		s.Errorf("from its time: %d entries, want 1", n)
	}
	if n := len(s.listed(r.Key, e.At.Add(time.Second))); n != 0 {
		s.Errorf("from a second later: %d entries, want 0", n)
	}
	stop := errors.New("enough")
	if err := s.refunder.Refunds(s.Context(), e.At, func(ports.RefundEntry) error { return stop }); !errors.Is(err, stop) {
		s.Errorf("Refunds = %v, want the callback's error", err)
	}
}

// testRefundLost cancels the call as soon as the refund is in the list.
func testRefundLost(s refundSuite) {
	r := s.newRefund(s.Tokens.RefundLost)
	ctx, cancel := context.WithTimeout(s.Context(), callTimeout)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := s.refundCtx(ctx, r)
		done <- err
	}()
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for len(s.listed(r.Key, s.Since)) == 0 {
		select {
		case err := <-done:
			s.Fatalf("Refund = %v before the list had the refund", err)
		case <-poll.C:
		}
	}
	cancel()
	if err := s.waitForReturn(done); !outcomeUnknown(err) {
		s.Fatalf("Refund = %v, want an error with an unknown outcome", err)
	}
	found, err := s.refunder.FindRefund(s.Context(), query(r))
	if err != nil {
		s.Fatalf("FindRefund: %v", err)
	}
	s.expectRefunded(found)
	s.expectFound(r, found)
	s.expectListed(r, 1)
}
