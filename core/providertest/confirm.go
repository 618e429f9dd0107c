package providertest

import (
	"net/url"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

func testConfirmation(s suite) {
	s.require("confirmation", !s.Tokens.Confirmed.IsZero() && s.Confirm != nil)
	for name, approve := range map[string]bool{"approved": true, "declined": false} {
		s.sub(name, func(s suite) {
			r := s.newRequest(s.Tokens.Confirmed)
			pending := s.chargePending(r)
			if err := s.Confirm(s.Context(), pending.ActionURL, approve); err != nil {
				s.Fatalf("Confirm: %v", err)
			}
			final := s.find(r.Key)
			if approve {
				s.expectSuccess(final, r.Amount)
				s.expectLedger(r.Key, r.Amount)
			} else {
				s.expectAuthenticationFailed(final)
				s.expectLedger(r.Key)
			}
			if second := s.charge(r); second != final {
				s.Errorf("second Charge = %+v, want %+v", second, final)
			}
			if err := s.Confirm(s.Context(), pending.ActionURL, !approve); err == nil {
				s.Log("the page accepts a second reply, which must change nothing")
			}
			if found := s.find(r.Key); found != final {
				s.Errorf("Find after a second reply = %+v, want %+v", found, final)
			}
		})
	}
}

// chargePending charges, and expects a pending outcome with a page for the viewer and
// no charge in the ledger.
func (s suite) chargePending(r ports.ChargeRequest) billing.Outcome {
	s.Helper()
	o := s.charge(r)
	page, err := url.Parse(o.ActionURL)
	if o.Status != billing.PaymentPending || err != nil || !page.IsAbs() || page.Host == "" {
		s.Fatalf("Charge = %+v, want pending, with an absolute URL", o)
	}
	if found := s.find(r.Key); found != o {
		s.Errorf("Find = %+v, want the outcome of Charge, %+v", found, o)
	}
	if second := s.charge(r); second != o {
		s.Errorf("second Charge = %+v, want %+v", second, o)
	}
	s.expectLedger(r.Key)
	return o
}

func (s suite) expectAuthenticationFailed(o billing.Outcome) {
	s.Helper()
	if o.Status != billing.PaymentDeclined || o.DeclineCode != billing.AuthenticationFailed {
		s.Fatalf("the outcome is %+v, want declined: %s", o, billing.AuthenticationFailed)
	}
}
