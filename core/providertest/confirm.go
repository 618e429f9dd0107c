package providertest

import (
	"net/url"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

func testConfirmation(b bench) {
	b.need("confirmation", !b.Tokens.Confirmed.IsZero() && b.Confirm != nil)
	for name, approve := range map[string]bool{"approved": true, "declined": false} {
		b.sub(name, func(b bench) {
			r := order(b.Tokens.Confirmed)
			waiting := b.waiting(r)
			if err := b.Confirm(b.Context(), waiting.ActionURL, approve); err != nil {
				b.Fatalf("Confirm: %v", err)
			}
			final := b.find(r.Key)
			if approve {
				b.succeeded(final, r.Amount)
				b.taken(r.Key, r.Amount)
			} else {
				b.authenticationFailed(final)
				b.taken(r.Key)
			}
			if again := b.charge(r); again != final {
				b.Errorf("Charge again = %+v, want %+v", again, final)
			}
			if err := b.Confirm(b.Context(), waiting.ActionURL, !approve); err == nil {
				b.Log("the page takes a second reply; it must change nothing")
			}
			if again := b.find(r.Key); again != final {
				b.Errorf("Find after a second reply = %+v, want %+v", again, final)
			}
		})
	}
}

// waiting charges, and expects that it waits for the viewer and takes nothing.
func (b bench) waiting(r ports.ChargeRequest) billing.Outcome {
	b.Helper()
	o := b.charge(r)
	page, err := url.Parse(o.ActionURL)
	if o.Status != billing.PaymentPending || err != nil || !page.IsAbs() || page.Host == "" {
		b.Fatalf("Charge = %+v, want pending, with an absolute URL", o)
	}
	if found := b.find(r.Key); found != o {
		b.Errorf("Find = %+v, want what Charge said, %+v", found, o)
	}
	if again := b.charge(r); again != o {
		b.Errorf("Charge again = %+v, want %+v", again, o)
	}
	b.taken(r.Key)
	return o
}

func (b bench) authenticationFailed(o billing.Outcome) {
	b.Helper()
	if o.Status != billing.PaymentDeclined || o.DeclineCode != billing.AuthenticationFailed {
		b.Fatalf("outcome %+v, want declined: %s", o, billing.AuthenticationFailed)
	}
}
