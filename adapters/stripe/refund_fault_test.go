package stripe_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/stripe"
	"github.com/online-cinema/billing/adapters/stripe/fake"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Every fault of every request has its error, and one more call brings the outcome.
func TestRefund_Faults(t *testing.T) {
	t.Parallel()
	read := map[fake.Fault]error{
		fake.Fail: nil, fake.Unavailable: nil, fake.HTML: nil, fake.Redirect: nil, fake.HalfBody: nil, fake.LongBody: nil,
		fake.LoseRequest: nil, fake.LoseResponse: nil, fake.Quote: nil,
		fake.Busy: ports.ErrNotSent, fake.Unauthorized: ports.ErrCredentials, fake.Forbidden: ports.ErrCredentials,
	}
	send := map[fake.Fault]error{
		fake.Fail: nil, fake.Unavailable: nil, fake.HTML: nil, fake.Redirect: nil, fake.HalfBody: nil, fake.LongBody: nil,
		fake.LoseRequest: nil, fake.LoseResponse: nil, fake.Quote: ports.ErrRefused,
		fake.Busy: ports.ErrNotSent, fake.Unauthorized: ports.ErrCredentials, fake.Forbidden: ports.ErrCredentials,
	}
	for op, faults := range map[string]map[fake.Fault]error{fake.OpIntent: read, fake.OpRefunds: read, fake.OpRefund: send} {
		for fault, want := range faults {
			t.Run(op+" "+string(fault), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				r := w.paid(t, "pm_ok")
				w.fake.Next(op, fault)
				_, err := w.refund(t, r)
				expectError(t, err, want)
				if want != nil {
					w.expectRefunded(t, r.Key, 0)
				}
				if fault == fake.Fail && op == fake.OpRefund {
					return // recorded for a day: see TestRefund_RecordedFailure
				}
				o, err := w.refund(t, r)
				expectRefundStatus(t, o, err, billing.PaymentSucceeded, "")
				w.expectRefunded(t, r.Key, 1)
			})
		}
	}
}

// Stripe repeats a recorded 500 for a day. The list of refunds tells the truth.
func TestRefund_RecordedFailure(t *testing.T) {
	t.Parallel()
	t.Run("the refund was made", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		r := w.paid(t, "pm_ok")
		w.fake.Next(fake.OpRefund, fake.FailAfter)
		for range 2 {
			o, err := w.refund(t, r)
			expectRefundStatus(t, o, err, billing.PaymentSucceeded, "")
		}
		w.expectRefunded(t, r.Key, 1)
	})
	t.Run("the refund was made, and the list fails", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		r := w.paid(t, "pm_ok")
		w.fake.Next(fake.OpRefund, fake.FailAfter)
		w.fake.Next(fake.OpRefunds, fake.NoFault, fake.Busy)
		_, err := w.refund(t, r)
		expectError(t, err, nil)
		o, err := w.refund(t, r)
		expectRefundStatus(t, o, err, billing.PaymentSucceeded, "")
	})
	t.Run("the refund was not made", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		r := w.paid(t, "pm_ok")
		w.fake.Next(fake.OpRefund, fake.Fail)
		for range 2 {
			_, err := w.refund(t, r)
			expectError(t, err, nil)
		}
		w.expectRefunded(t, r.Key, 0)
	})
	t.Run("a recorded response cannot be read again", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, func(_ *stripe.Config, f *fake.Config) { f.Lag = time.Minute })
		r := w.paid(t, "pm_ok")
		_, err := w.refund(t, r)
		if err != nil {
			t.Fatal(err)
		}
		w.fake.Next(fake.OpReadRefund, fake.Unauthorized)
		_, err = w.refund(t, r)
		expectError(t, err, nil)
	})
}

// While another request with the key runs, the adapter repeats its own.
func TestRefund_Running(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.paid(t, "pm_ok")
	w.fake.Next(fake.OpRefund, fake.Running, fake.Locked)
	o, err := w.refund(t, r)
	expectRefundStatus(t, o, err, billing.PaymentSucceeded, "")
	w.expectRefunded(t, r.Key, 1)

	r.Key = "another"
	w.fake.Next(fake.OpRefund, fake.Running, fake.Busy)
	_, err = w.refund(t, r)
	expectError(t, err, nil)

	w.fake.Next(fake.OpRefund, slices.Repeat([]fake.Fault{fake.Running}, 10)...)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second) // during the third pause
	defer cancel()
	_, err = w.Refund(ctx, r)
	expectError(t, err, nil)
}

func TestFindRefund_Faults(t *testing.T) {
	t.Parallel()
	for _, fault := range []fake.Fault{
		fake.Fail, fake.Unavailable, fake.HTML, fake.Redirect, fake.HalfBody, fake.LongBody, fake.Busy, fake.Unauthorized, fake.Quote,
	} {
		w := newWorld(t)
		r := w.paid(t, "pm_ok")
		made, err := w.refund(t, r)
		expectRefundStatus(t, made, err, billing.PaymentSucceeded, "")
		byRef := refundQuery(r)
		byRef.ProviderRef = made.ProviderRef
		for op, q := range map[string]ports.RefundQuery{fake.OpRefunds: refundQuery(r), fake.OpIntent: refundQuery(r), fake.OpReadRefund: byRef} {
			w.fake.Next(op, fault)
			o, err := w.findRefund(t, q)
			if name := ports.RefundOutcomeName(o, err); err == nil || name == "not_found" {
				t.Errorf("%s of %s: FindRefund = %+v, %v; want an error that proves no absence", fault, op, o, err)
			}
		}
	}
}

// A response may quote data of a viewer in any place.
func TestRefund_NoLeaks(t *testing.T) {
	t.Parallel()
	const quoted = "viewer@example.com pm_1 4242424242424242"
	paid := `{"id":"pi_1","status":"succeeded","currency":"rub","amount":29900,"metadata":{"payment_id":"key-1"}}`
	refund := `{"id":"re_1","status":"` + quoted + `","failure_reason":"` + quoted + `","amount":9900,"currency":"rub","metadata":{"refund_id":"refund-1","payment_id":"key-1"}}`
	failed := `{"error":{"type":"` + quoted + `","code":"` + quoted + `","param":"` + quoted + `","message":"` + quoted + `"}}`
	empty := `{"data":[],"has_more":false}`
	for name, tt := range map[string]struct {
		list, send, read string
		status           int
	}{
		"an error":           {empty, failed, refund, 400},
		"an unknown status":  {empty, refund, refund, 200},
		"an id":              {empty, strings.Replace(refund, "re_1", quoted, 1), refund, 200},
		"an unknown refund":  {`{"data":[` + refund + `],"has_more":false}`, refund, refund, 200},
		"an unknown id":      {`{"data":[{"id":"` + quoted + `"}],"has_more":true}`, refund, refund, 200},
		"no JSON":            {quoted, quoted, quoted, 200},
		"a refund of others": {empty, strings.Replace(refund, "refund-1", quoted, 1), strings.ReplaceAll(refund, "key-1", quoted), 200},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Method == http.MethodPost:
				w.WriteHeader(tt.status)
				_, _ = w.Write([]byte(tt.send))
			case strings.HasPrefix(r.URL.Path, "/v1/payment_intents/"):
				_, _ = w.Write([]byte(paid))
			case r.URL.Path == "/v1/refunds":
				_, _ = w.Write([]byte(tt.list))
			default:
				_, _ = w.Write([]byte(tt.read))
			}
		}))
		s, err := stripe.New(stripe.Config{SecretKey: billing.NewSecret(secretKey), BaseURL: server.URL, PerSecond: 10_000, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		_, sent := s.Refund(t.Context(), ports.RefundRequest{Key: "refund-1", Payment: "key-1", PaymentRef: "pi_1", Amount: rubles(9900)})
		_, byKey := s.FindRefund(t.Context(), ports.RefundQuery{Key: "refund-1", Payment: "key-1", PaymentRef: "pi_1"})
		_, byRef := s.FindRefund(t.Context(), ports.RefundQuery{Key: "refund-1", Payment: "key-1", ProviderRef: "re_1"})
		listed := s.Refunds(t.Context(), time.Time{}, func(ports.RefundEntry) error { return nil })
		for _, err := range []error{sent, byKey, byRef, listed} {
			expectNoSecret(t, err)
			for _, secret := range append(strings.Fields(quoted), secretKey, server.URL) {
				if text := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(text, secret) {
					t.Errorf("%s: the error contains %q: %s", name, secret, text)
				}
			}
		}
		if sent == nil {
			t.Errorf("%s: Refund has no error", name)
		}
		server.Close()
	}
}
