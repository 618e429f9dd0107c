package stripe_test

import (
	"net/url"
	"testing"

	"github.com/online-cinema/billing/adapters/stripe/fake"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// cancel cancels the payment of a request until the fake withholds a response.
func (w world) cancel(t *testing.T, r ports.ChargeRequest, ref string) error {
	t.Helper()
	ctx, stop := w.untilLost(t)
	defer stop()
	err := w.Cancel(ctx, ports.ChargeQuery{Key: r.Key, ProviderRef: ref})
	expectNoSecret(t, err)
	return err
}

// Only the lookup tells whether a page was cancelled. Whatever becomes of the response, a
// cancelled page cannot be paid.
func TestCancel_Page(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault fake.Fault
		want  billing.PaymentStatus
	}{
		"in time":       {fake.NoFault, billing.PaymentDeclined},
		"response lost": {fake.LoseResponse, billing.PaymentDeclined},
		"failed after":  {fake.FailAfter, billing.PaymentDeclined},
		"request lost":  {fake.LoseRequest, billing.PaymentPending},
		"failed before": {fake.Fail, billing.PaymentPending},
		"busy":          {fake.Busy, billing.PaymentPending},
		"bad key":       {fake.Unauthorized, billing.PaymentPending},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			r := request("")
			page := w.openPage(t, r)
			w.fake.Next(fake.OpExpire, tt.fault)
			if err := w.cancel(t, r, page.ProviderRef); (err == nil) != (tt.fault == fake.NoFault) {
				t.Errorf("Cancel: %v", err)
			}
			o, err := w.find(t, ports.ChargeQuery{Key: r.Key, ProviderRef: page.ProviderRef})
			if err != nil || o.Status != tt.want {
				t.Errorf("Find = %+v, %v; want %s", o, err, tt.want)
			}
			paid := submit(t.Context(), page.ActionURL, url.Values{"reply": {"approve"}}) == nil
			if paid != (tt.want == billing.PaymentPending) {
				t.Errorf("the page accepts a payment: %t", paid)
			}
		})
	}
}

// An attempt on the page succeeds at the moment at which the page expires.
func TestCancel_PaidAtTheSameMoment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := request("")
	page := w.openPage(t, r)
	w.fake.PayExpired(page.ProviderRef, "pm_ok")
	if err := w.cancel(t, r, page.ProviderRef); err == nil {
		t.Error("Cancel of an expired page returns no error")
	}
	o, err := w.find(t, ports.ChargeQuery{Key: r.Key, ProviderRef: page.ProviderRef})
	expectSuccess(t, o, err)
	w.expectCharged(t, r.Key, 1)
}

// A cancel touches no object of another payment.
func TestCancel_OtherPayment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r, other := request(""), request("")
	page := w.openPage(t, r)
	other.Key = "another-payment"
	confirmed := request("pm_3ds")
	confirmed.Key = "third-payment"
	pending, err := w.charge(t, confirmed)
	if err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{page.ProviderRef, pending.ProviderRef, ""} {
		if err := w.cancel(t, other, ref); err == nil {
			t.Errorf("Cancel with the reference %q of another payment returns no error", ref)
		}
	}
	if n := len(w.fake.Requests(fake.OpExpire)) + len(w.fake.Requests(fake.OpCancel)); n != 0 {
		t.Errorf("Stripe received %d cancels, want none", n)
	}
}

func TestCancel_Requests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := request("pm_3ds")
	pending, err := w.charge(t, r)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.cancel(t, r, pending.ProviderRef); err != nil {
		t.Fatal(err)
	}
	expectRequest(t, w, fake.OpCancel, map[string]string{"cancellation_reason": "requested_by_customer"})
}
