package providertest

import (
	"context"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// testCancel cancels charges that wait for their viewers. The result of a cancel proves
// nothing, so each case judges by the lookup.
func testCancel(s suite) {
	s.require("cancel", s.Canceller != nil && s.Confirm != nil && !s.Tokens.Confirmed.IsZero())
	for name, token := range map[string]billing.Secret{"page": {}, "confirmation": s.Tokens.Confirmed} {
		s.sub(name, func(s suite) {
			r := s.newRequest(token)
			pending := s.chargePending(r)
			if err := s.cancel(r, pending); err != nil {
				s.Fatalf("Cancel: %v", err)
			}
			final := s.find(r.Key)
			if final.Status != billing.PaymentDeclined || final.DeclineCode != billing.ActionExpired || final.ActionURL != "" {
				s.Fatalf("Find after the cancel = %+v, want declined: %s", final, billing.ActionExpired)
			}
			_ = s.Confirm(s.Context(), pending.ActionURL, true) // the page is over
			_ = s.cancel(r, pending)
			if found := s.find(r.Key); found != final {
				s.Errorf("Find after a late reply and a second cancel = %+v, want %+v", found, final)
			}
			if second := s.charge(r); second != final {
				s.Errorf("second Charge = %+v, want %+v", second, final)
			}
			s.expectLedger(r.Key)
		})
	}
	s.sub("paid", func(s suite) {
		r := s.newRequest(s.Tokens.Confirmed)
		pending := s.chargePending(r)
		if err := s.Confirm(s.Context(), pending.ActionURL, true); err != nil {
			s.Fatalf("Confirm: %v", err)
		}
		final := s.find(r.Key)
		s.expectSuccess(final, r.Amount)
		_ = s.cancel(r, pending)
		if found := s.find(r.Key); found != final {
			s.Errorf("Find after the cancel = %+v, want the paid charge, %+v", found, final)
		}
		s.expectLedger(r.Key, r.Amount)
	})
	s.sub("unknown key", func(s suite) {
		r := s.newRequest(s.Tokens.OK)
		if err := s.cancel(r, billing.Outcome{}); err == nil {
			s.Error("Cancel of an unknown charge returns no error")
		}
		s.expectAbsent(r.Key)
	})
}

// cancel cancels the charge of a request, within callTimeout.
func (s suite) cancel(r ports.ChargeRequest, pending billing.Outcome) error {
	s.Helper()
	ctx, stop := context.WithTimeout(s.Context(), callTimeout)
	defer stop()
	err := s.Canceller.Cancel(ctx, ports.ChargeQuery{Key: r.Key, ProviderRef: pending.ProviderRef, Payer: r.Payer, Amount: r.Amount})
	s.expectNoSecret(err, r.Token)
	return err
}
