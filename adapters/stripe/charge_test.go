package stripe_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/stripe"
	"github.com/online-cinema/billing/adapters/stripe/fake"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

func TestCharge_Requests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := request("pm_ok")
	o, err := w.charge(t, r)
	expectSuccess(t, o, err)
	if !o.Token.IsZero() {
		t.Error("the outcome has a token, although the viewer sent one")
	}
	for op, want := range map[string]map[string]string{
		fake.OpCustomer: {"metadata[user_id]": string(payer)},
		fake.OpCreate: {
			"amount": "29900", "currency": "rub", "payment_method": "pm_ok", "payment_method_types[]": "card",
			"metadata[payment_id]": string(r.Key), "metadata[initiator]": "customer", "setup_future_usage": "off_session",
			"confirm": "", "off_session": "",
		},
		fake.OpConfirm: {"return_url": returnURL, "off_session": "", "payment_method": ""},
	} {
		expectRequest(t, w, op, want)
	}
	for op, key := range map[string]string{
		fake.OpCustomer: "customer:" + string(payer), fake.OpCreate: string(r.Key) + ":create", fake.OpConfirm: string(r.Key) + ":confirm",
	} {
		header := w.fake.Requests(op)[0].Header
		if got := header.Get("Idempotency-Key"); got != key {
			t.Errorf("%s has the key %q, want %q", op, got, key)
		}
		if got := header.Get("Stripe-Version"); got != stripe.Version {
			t.Errorf("%s has the version %q, want %q", op, got, stripe.Version)
		}
	}
}

// expectRequest expects one request with these parameters; "" means that it has none.
func expectRequest(t *testing.T, w world, op string, want map[string]string) {
	t.Helper()
	requests := w.fake.Requests(op)
	if len(requests) != 1 {
		t.Fatalf("%d requests for %s, want one", len(requests), op)
	}
	for name, value := range want {
		if got := requests[0].Form.Get(name); got != value {
			t.Errorf("%s has %s = %q, want %q", op, name, got, value)
		}
	}
}

func TestCharge_ReturnURLOfTheViewer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := request("pm_3ds")
	r.ReturnURL = "https://app.example/back"
	if o, err := w.charge(t, r); err != nil || o.ActionURL == "" {
		t.Fatalf("Charge = %+v, %v; want pending with a page", o, err)
	}
	expectRequest(t, w, fake.OpConfirm, map[string]string{"return_url": r.ReturnURL})
}

func TestCharge_Renewal(t *testing.T) {
	t.Parallel()
	for name, withCustomer := range map[string]bool{"the token of a browser": false, "the token of an outcome": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			customer := w.fake.Attach("pm_ok", string(payer))
			token := "pm_ok"
			if withCustomer {
				token = customer + "/pm_ok"
			}
			o, err := w.charge(t, renewal(token))
			expectSuccess(t, o, err)
			expectRequest(t, w, fake.OpCreate, map[string]string{"customer": customer, "setup_future_usage": ""})
			expectRequest(t, w, fake.OpConfirm, map[string]string{"off_session": "true", "return_url": ""})
			if n := len(w.fake.Requests(fake.OpMethod)); withCustomer != (n == 0) {
				t.Errorf("the payment method was read %d times", n)
			}
		})
	}
}

// A viewer may store a payment method without a payment.
func TestCharge_RenewalByMethodWithoutCustomer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := renewal("pm_ok")
	for range 2 {
		o, err := w.charge(t, r)
		expectSuccess(t, o, err)
	}
	w.expectCharged(t, r.Key, 1)
	expectRequest(t, w, fake.OpAttach, map[string]string{"customer": w.fake.Requests(fake.OpCreate)[0].Form.Get("customer")})
}

func TestCharge_RefusedBeforeSending(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		spoil func(*ports.ChargeRequest)
		want  error
	}{
		"a card":                      {func(r *ports.ChargeRequest) { r.Token, r.Card = billing.Secret{}, testCard() }, ports.ErrRefused},
		"a renewal without a token":   {func(r *ports.ChargeRequest) { r.Initiator, r.Token = billing.MerchantInitiated, billing.Secret{} }, ports.ErrRefused},
		"an unknown initiator":        {func(r *ports.ChargeRequest) { r.Initiator = "bank" }, ports.ErrRefused},
		"no key":                      {func(r *ports.ChargeRequest) { r.Key = "" }, ports.ErrRefused},
		"a key with a space":          {func(r *ports.ChargeRequest) { r.Key = "a b" }, ports.ErrRefused},
		"a long key":                  {func(r *ports.ChargeRequest) { r.Key = billing.PaymentID(strings.Repeat("k", 201)) }, ports.ErrRefused},
		"an amount that Stripe lacks": {func(r *ports.ChargeRequest) { r.Amount = billing.Money{Amount: 1234, Currency: "KWD"} }, ports.ErrRefused},
		"a token of another system":   {func(r *ports.ChargeRequest) { r.Token = billing.NewSecret("tok_ok") }, ports.ErrTokenUnknown},
		"a query in the token":        {func(r *ports.ChargeRequest) { r.Token = billing.NewSecret("pm_ok?expand[]=customer") }, ports.ErrTokenUnknown},
		"a customer without an id":    {func(r *ports.ChargeRequest) { r.Token = billing.NewSecret("/pm_ok") }, ports.ErrTokenUnknown},
		"a path as the customer":      {func(r *ports.ChargeRequest) { r.Token = billing.NewSecret("cus_?/pm_ok") }, ports.ErrTokenUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			r := request("pm_ok")
			tt.spoil(&r)
			_, err := w.charge(t, r)
			expectError(t, err, tt.want)
			for _, op := range []string{fake.OpMethod, fake.OpCustomer, fake.OpCreate, fake.OpSession} {
				if n := len(w.fake.Requests(op)); n != 0 {
					t.Errorf("%d requests for %s, want none", n, op)
				}
			}
		})
	}
}

func testCard() *ports.Card {
	return &ports.Card{
		CardDetails: billing.CardDetails{Number: billing.ParseCardNumber("4242424242424242"), ExpMonth: 12, ExpYear: 2030},
		CVV:         billing.NewCVV("123"),
	}
}

// A viewer may send the id of another viewer's payment method.
func TestCharge_PaymentMethodOfAnotherViewer(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]func(string) ports.ChargeRequest{"first payment": request, "renewal": renewal} {
		for _, withCustomer := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				token := "pm_ok"
				if customer := w.fake.Attach("pm_ok", "victim"); withCustomer {
					token = customer + "/pm_ok"
				}
				r := r(token)
				_, err := w.charge(t, r)
				expectError(t, err, ports.ErrTokenUnknown)
				w.expectCharged(t, r.Key, 0)
				if n := len(w.fake.Requests(fake.OpConfirm)); n != 0 {
					t.Errorf("%d confirmations were sent, want none", n)
				}
			})
		}
	}
}

func TestCharge_UnknownToken(t *testing.T) {
	t.Parallel()
	t.Run("the method cannot be saved", func(t *testing.T) {
		t.Parallel()
		_, err := newWorld(t).charge(t, renewal("pm_unsavable"))
		expectError(t, err, ports.ErrTokenUnknown)
	})
	t.Run("another customer has the method", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		other := w.fake.Attach("pm_ok_other", string(payer))
		w.fake.Attach("pm_ok", string(payer))
		_, err := w.charge(t, renewal(other+"/pm_ok"))
		expectError(t, err, ports.ErrTokenUnknown)
	})
	t.Run("Stripe does not know the customer", func(t *testing.T) {
		t.Parallel()
		_, err := newWorld(t).charge(t, renewal("cus_missing/pm_ok"))
		expectError(t, err, ports.ErrTokenUnknown)
	})
}

func TestCharge_TooLate(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		age  time.Duration
		want error
	}{"before the horizon": {23*time.Hour - time.Second, nil}, "at the horizon": {23 * time.Hour, ports.ErrTooLate}, "much later": {1000 * time.Hour, ports.ErrTooLate}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			r := request("pm_ok")
			r.FirstSent = w.clock.Now().Add(-tt.age)
			o, err := w.charge(t, r)
			if tt.want == nil {
				expectSuccess(t, o, err)
				return
			}
			expectError(t, err, tt.want)
			if n := len(w.fake.Requests(fake.OpMethod)); n != 0 {
				t.Errorf("%d requests were sent, want none", n)
			}
		})
	}
}

// A database that was restored does not know when the key was first sent, but Stripe does.
func TestCharge_ConfirmsNoOldIntent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fake.Attach("pm_ok", string(payer))
	r := renewal("pm_ok")
	w.fake.Next(fake.OpConfirm, fake.Unavailable)
	_, err := w.charge(t, r)
	expectError(t, err, nil)
	w.clock.Advance(23*time.Hour + time.Minute)
	_, err = w.charge(t, r)
	expectError(t, err, ports.ErrTooLate)
	w.expectCharged(t, r.Key, 0)
}

func TestCharge_KeyConflict(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := request("pm_ok")
	o, err := w.charge(t, r)
	expectSuccess(t, o, err)
	r.ReturnURL = "https://other.example"
	_, err = w.charge(t, r)
	expectError(t, err, ports.ErrKeyConflict)
	w.expectCharged(t, r.Key, 1)
}

func TestCharge_RenewalNeedsItsViewer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fake.Attach("pm_absent_3ds", string(payer))
	r := renewal("pm_absent_3ds")
	for range 2 {
		o, err := w.charge(t, r)
		if err != nil || o.Status != billing.PaymentDeclined || o.DeclineCode != billing.AuthenticationRequired {
			t.Errorf("Charge = %+v, %v; want declined: %s", o, err, billing.AuthenticationRequired)
		}
	}
	if n := len(w.fake.Requests(fake.OpCancel)); n != 1 {
		t.Errorf("%d cancellations were sent, want one", n)
	}
	w.expectCharged(t, r.Key, 0)
}

// A person may cancel a PaymentIntent in the Dashboard.
func TestCharge_CancelledIntent(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		token string
		want  billing.DeclineCode
	}{
		"before the confirmation": {"pm_ok", billing.ActionExpired},
		"after a decline":         {"pm_decline_expired_card", billing.CardExpired},
		"during 3DS":              {"pm_3ds", billing.ActionExpired},
	} {
		w := newWorld(t)
		r := request(tt.token)
		if tt.token == "pm_ok" {
			w.fake.Next(fake.OpConfirm, fake.Unavailable)
		}
		_, _ = w.charge(t, r)
		w.fake.CancelAll()
		o, err := w.charge(t, r)
		if err != nil || o.Status != billing.PaymentDeclined || o.DeclineCode != tt.want {
			t.Errorf("%s: Charge = %+v, %v; want declined: %s", name, o, err, tt.want)
		}
	}
}

// While another request with the key runs, the adapter repeats its own.
func TestCharge_Running(t *testing.T) {
	t.Parallel()
	for _, op := range []string{fake.OpCreate, fake.OpConfirm} {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.fake.Next(op, fake.Running, fake.Locked)
			r := request("pm_ok")
			o, err := w.charge(t, r)
			expectSuccess(t, o, err)
			w.expectCharged(t, r.Key, 1)
		})
		t.Run(op+" until the context ends", func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.fake.Next(op, slices.Repeat([]fake.Fault{fake.Running}, 10)...)
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second) // during the fourth pause
			defer cancel()
			_, err := w.Charge(ctx, request("pm_ok"))
			expectError(t, err, nil)
		})
		t.Run(op+", then busy", func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.fake.Next(op, fake.Running, fake.Busy)
			_, err := w.charge(t, request("pm_ok"))
			expectError(t, err, nil)
		})
	}
}

func TestCharge_CancelledContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := newWorld(t).Charge(ctx, request("pm_ok"))
	expectError(t, err, ports.ErrNotSent)
}
