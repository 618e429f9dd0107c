package stripe_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/stripe/fake"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// openPage charges without a token, and expects a page.
func (w world) openPage(t *testing.T, r ports.ChargeRequest) billing.Outcome {
	t.Helper()
	o, err := w.charge(t, r)
	if err != nil || o.Status != billing.PaymentPending || !strings.HasPrefix(o.ProviderRef, "cs_") || !billing.IsWebPage(o.ActionURL) {
		t.Fatalf("Charge = %+v, %v; want pending with a page", o, err)
	}
	return o
}

// pay pays on a page with a payment method.
func pay(t *testing.T, page, method string) {
	t.Helper()
	if err := submit(t.Context(), page, url.Values{"reply": {"approve"}, "payment_method": {method}}); err != nil {
		t.Fatal(err)
	}
}

// The viewer pays on a page. The outcome has a token, and a renewal charges it.
func TestPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := request("")
	opened := w.openPage(t, r)
	if want := w.clock.Now().Add(24 * time.Hour); !opened.ActionExpiresAt.Equal(want) {
		t.Errorf("the page is open until %s, want %s", opened.ActionExpiresAt, want)
	}
	for _, q := range []ports.ChargeQuery{w.query(r), {Key: r.Key, ProviderRef: opened.ProviderRef}} {
		if o, err := w.find(t, q); err != nil || o != opened {
			t.Errorf("Find = %+v, %v; want %+v", o, err, opened)
		}
	}
	if again := w.openPage(t, r); again != opened {
		t.Errorf("second Charge = %+v, want %+v", again, opened)
	}
	pay(t, opened.ActionURL, "pm_ok")
	var token billing.Secret
	for _, q := range []ports.ChargeQuery{w.query(r), {Key: r.Key, ProviderRef: opened.ProviderRef}} {
		o, err := w.find(t, q)
		expectSuccess(t, o, err)
		if token = o.Token; !strings.HasPrefix(token.Reveal(), "cus_") || !strings.HasSuffix(token.Reveal(), "/pm_ok") {
			t.Errorf("the token is %q, want the customer and the payment method", token.Reveal())
		}
		byIntent, err := w.find(t, ports.ChargeQuery{Key: r.Key, ProviderRef: o.ProviderRef})
		expectSuccess(t, byIntent, err)
		if !byIntent.Token.Equal(token) {
			t.Error("the lookup by the PaymentIntent has another token")
		}
	}
	again, err := w.charge(t, r)
	expectSuccess(t, again, err)
	w.expectCharged(t, r.Key, 1)

	next := renewal(token.Reveal())
	next.Key = "renewal"
	o, err := w.charge(t, next)
	expectSuccess(t, o, err)
	w.expectCharged(t, next.Key, 1)
}

func TestPage_Requests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := request("")
	r.ReturnURL = "https://app.example/back"
	w.openPage(t, r)
	expectRequest(t, w, fake.OpSession, map[string]string{
		"mode": "payment", "client_reference_id": string(r.Key), "metadata[payment_id]": string(r.Key),
		"success_url": r.ReturnURL, "cancel_url": r.ReturnURL, "line_items[0][quantity]": "1",
		"line_items[0][price_data][unit_amount]": "29900", "line_items[0][price_data][currency]": "rub",
		"line_items[0][price_data][product_data][name]": "Subscription",
		"payment_intent_data[setup_future_usage]":       "off_session",
		"payment_intent_data[metadata][payment_id]":     string(r.Key),
	})
}

// A viewer whose card is declined can try another one on the same page.
func TestPage_DeclinedAttempt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := request("")
	opened := w.openPage(t, r)
	pay(t, opened.ActionURL, "pm_decline_expired_card")
	for _, q := range []ports.ChargeQuery{w.query(r), {Key: r.Key, ProviderRef: opened.ProviderRef}, {Key: r.Key, ProviderRef: "pi_000003"}} {
		if o, err := w.find(t, q); err != nil || o != opened {
			t.Errorf("Find(%s) = %+v, %v; want %+v", q.ProviderRef, o, err, opened)
		}
	}
	pay(t, opened.ActionURL, "pm_ok")
	o, err := w.find(t, w.query(r))
	expectSuccess(t, o, err)
	w.expectCharged(t, r.Key, 1)
}

func TestPage_Expires(t *testing.T) {
	t.Parallel()
	for name, attempt := range map[string]bool{"unused": false, "after a declined attempt": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			r := request("")
			opened := w.openPage(t, r)
			q := w.query(r)
			if attempt {
				pay(t, opened.ActionURL, "pm_decline_expired_card")
			}
			w.clock.Advance(24 * time.Hour)
			for _, q := range []ports.ChargeQuery{q, {Key: r.Key, ProviderRef: opened.ProviderRef}} {
				o, err := w.find(t, q)
				if err != nil || o.Status != billing.PaymentDeclined || o.DeclineCode != billing.ActionExpired {
					t.Errorf("Find = %+v, %v; want declined: %s", o, err, billing.ActionExpired)
				}
			}
			w.expectCharged(t, r.Key, 0)
		})
	}
}

func TestPage_Faults(t *testing.T) {
	t.Parallel()
	for fault, want := range map[fake.Fault]error{
		fake.FailAfter: nil, fake.HTML: nil, fake.LoseResponse: nil, fake.HalfBody: nil, fake.Busy: ports.ErrNotSent,
		fake.Unauthorized: ports.ErrCredentials, fake.Quote: ports.ErrRefused,
	} {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.fake.Next(fake.OpSession, fault)
			r := request("")
			_, err := w.charge(t, r)
			expectError(t, err, want)
			o, err := w.find(t, w.query(r))
			processed := fault == fake.FailAfter || fault == fake.LoseResponse || fault == fake.HalfBody
			if !processed {
				expectError(t, err, ports.ErrChargeNotFound)
			} else if err != nil || o.ActionURL == "" {
				t.Errorf("Find = %+v, %v; want pending with the page", o, err)
			}
		})
	}
}

// After a replay the adapter reads the page. If that fails, nothing is known.
func TestPage_LastReadFails(t *testing.T) {
	t.Parallel()
	for _, fault := range []fake.Fault{fake.Busy, fake.Unauthorized, fake.Quote} {
		w := newWorld(t)
		r := request("")
		w.openPage(t, r)
		w.fake.Next(fake.OpReadSession, fault)
		_, err := w.charge(t, r)
		expectError(t, err, nil)
	}
}
