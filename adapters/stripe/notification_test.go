package stripe_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85/webhook"

	"github.com/online-cinema/billing/adapters/stripe"
	"github.com/online-cinema/billing/adapters/stripe/fake"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// The signature of this body is computed with openssl and with Stripe's own library.
const (
	signedBody = `{"id":"evt_test","object":"event","api_version":"2026-03-25.dahlia","type":"payment_intent.succeeded"}`
	signature  = "0a4607b788b0c3194f671ec3648db8b96a42c680b61e3ca0507967c48f096f0a"
	signedAt   = 1700000000
)

func notification(header, body string, age time.Duration) ports.Notification {
	return ports.Notification{
		Header: map[string][]string{"Stripe-Signature": {header}}, Body: []byte(body), At: time.Unix(signedAt, 0).Add(age),
	}
}

func TestReadNotification_Signature(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(cfg *stripe.Config, _ *fake.Config) {
		cfg.WebhookSecrets = append([]billing.Secret{billing.NewSecret("whsec_new")}, cfg.WebhookSecrets...)
	})
	const at, v1 = "t=1700000000", "v1=" + signature
	other := "v1=" + strings.Repeat("00", 32)
	for name, tt := range map[string]struct {
		n    ports.Notification
		want error
	}{
		"genuine":                       {notification(at+","+v1, signedBody, 0), ports.ErrIrrelevant},
		"at the end of the tolerance":   {notification(at+","+v1, signedBody, 300*time.Second), ports.ErrIrrelevant},
		"a clock behind that of Stripe": {notification(at+","+v1, signedBody, -300*time.Second), ports.ErrIrrelevant},
		"two signatures":                {notification(at+","+other+","+v1, signedBody, 0), ports.ErrIrrelevant},
		"the good signature first":      {notification(at+","+v1+","+other, signedBody, 0), ports.ErrIrrelevant},
		"another scheme beside":         {notification(at+",v0=00,"+v1, signedBody, 0), ports.ErrIrrelevant},
		"too old":                       {notification(at+","+v1, signedBody, 301*time.Second), ports.ErrForged},
		"from the future":               {notification(at+","+v1, signedBody, -301*time.Second), ports.ErrForged},
		"no header":                     {ports.Notification{Body: []byte(signedBody), At: time.Unix(signedAt, 0)}, ports.ErrForged},
		"an empty header":               {notification("", signedBody, 0), ports.ErrForged},
		"no time":                       {notification(v1, signedBody, 0), ports.ErrForged},
		"no signature":                  {notification(at, signedBody, 0), ports.ErrForged},
		"only another scheme":           {notification(at+",v0="+signature, signedBody, 0), ports.ErrForged},
		"no hexadecimal":                {notification(at+",v1=xyz", signedBody, 0), ports.ErrForged},
		"a part of the signature":       {notification(at+",v1="+signature[:32], signedBody, 0), ports.ErrForged},
		"another signature":             {notification(at+","+other, signedBody, 0), ports.ErrForged},
		"another time":                  {notification("t=1700000001,"+v1, signedBody, 0), ports.ErrForged},
		"a changed byte":                {notification(at+","+v1, strings.Replace(signedBody, "evt_test", "evt_tesT", 1), 0), ports.ErrForged},
		"JSON encoded again":            {notification(at+","+v1, strings.ReplaceAll(signedBody, ",", ", "), 0), ports.ErrForged},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := w.ReadNotification(tt.n); !errors.Is(err, tt.want) {
				t.Errorf("ReadNotification = %+v, %v; want %v", got, err, tt.want)
			}
		})
	}
	t.Run("two headers", func(t *testing.T) {
		t.Parallel()
		n := notification(at+","+v1, signedBody, 0)
		n.Header["Stripe-Signature"] = append(n.Header["Stripe-Signature"], at+","+v1)
		if _, err := w.ReadNotification(n); !errors.Is(err, ports.ErrForged) {
			t.Errorf("ReadNotification = %v, want ErrForged", err)
		}
	})
}

func TestReadNotification_WithoutSecrets(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(cfg *stripe.Config, _ *fake.Config) { cfg.WebhookSecrets = nil })
	if _, err := w.ReadNotification(notification("t=1700000000,v1="+signature, signedBody, 0)); !errors.Is(err, ports.ErrForged) {
		t.Errorf("ReadNotification = %v, want ErrForged", err)
	}
}

// Stripe's own library signs these bodies.
func TestReadNotification_Notice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const object = `"data":{"object":{"id":"pi_1","object":"payment_intent","metadata":{"payment_id":"key-1"},"outcome":null}}`
	for name, tt := range map[string]struct {
		body string
		want error
	}{
		"a payment":                {`{"type":"payment_intent.succeeded",` + object + `}`, nil},
		"a page":                   {`{"type":"checkout.session.completed",` + object + `}`, nil},
		"another type":             {`{"type":"invoice.paid",` + object + `}`, ports.ErrIrrelevant},
		"another program's":        {`{"type":"payment_intent.succeeded","data":{"object":{"id":"pi_1","metadata":{}}}}`, ports.ErrIrrelevant},
		"no id":                    {`{"type":"payment_intent.succeeded","data":{"object":{"metadata":{"payment_id":"key-1"}}}}`, ports.ErrIrrelevant},
		"an id that is no id":      {`{"type":"payment_intent.succeeded","data":{"object":{"id":"../x","metadata":{"payment_id":"key-1"}}}}`, ports.ErrIrrelevant},
		"no JSON":                  {`<html>`, ports.ErrIrrelevant},
		"metadata of another type": {`{"type":"payment_intent.succeeded","data":{"object":{"id":"pi_1","metadata":[]}}}`, ports.ErrIrrelevant},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			signed := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{
				Payload: []byte(tt.body), Secret: webhookSecret, Timestamp: time.Unix(signedAt, 0),
			})
			got, err := w.ReadNotification(notification(signed.Header, tt.body, 0))
			if !errors.Is(err, tt.want) {
				t.Fatalf("ReadNotification = %+v, %v; want %v", got, err, tt.want)
			}
			if want := (ports.Notice{Key: "key-1", ProviderRef: "pi_1"}); err == nil && got != want {
				t.Errorf("ReadNotification = %+v, want %+v", got, want)
			}
		})
	}
}

// The viewer confirms on a page. The notification names the payment, and the lookup has its
// outcome.
func TestNotification_AfterPage(t *testing.T) {
	t.Parallel()
	notices := make(chan ports.Notification, 1)
	w := newWorld(t, func(cfg *stripe.Config, f *fake.Config) {
		f.Notify = func(h http.Header, body []byte) { notices <- ports.Notification{Header: h, Body: body, At: cfg.Now()} }
	})
	for name, token := range map[string]string{"3DS": "pm_3ds", "Checkout": ""} {
		r := request(token)
		r.Key += billing.PaymentID(name)
		o, err := w.charge(t, r)
		if err != nil || o.Status != billing.PaymentPending {
			t.Fatalf("%s: Charge = %+v, %v; want pending", name, o, err)
		}
		if err := reply(t.Context(), o.ActionURL, true); err != nil {
			t.Fatal(err)
		}
		notice, err := w.ReadNotification(<-notices)
		if err != nil || notice.Key != r.Key || notice.ProviderRef != o.ProviderRef {
			t.Errorf("%s: ReadNotification = %+v, %v; want the payment with %s", name, notice, err, o.ProviderRef)
		}
		found, err := w.find(t, ports.ChargeQuery{Key: notice.Key, ProviderRef: notice.ProviderRef})
		expectSuccess(t, found, err)
	}
}
