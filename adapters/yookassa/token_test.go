package yookassa_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/yookassa"
	"github.com/online-cinema/billing/adapters/yookassa/fake"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// A token comes only from a page, and only if YooKassa has saved the method. Otherwise
// each renewal would replace the token by itself.
func TestFind_Token(t *testing.T) {
	t.Parallel()
	const onPage = `"metadata":{"payment_id":"` + string(key) + `","means":"page"},`
	for name, c := range map[string]struct{ members, want string }{
		"page, saved":     {onPage + `"payment_method":{"id":"m-1","saved":true}`, "m-1"},
		"page, not saved": {onPage + `"payment_method":{"id":"m-1","saved":false}`, ""},
		"page, no method": {onPage + `"payment_method":null`, ""},
		"page, pending":   {onPage + `"status":"pending","payment_method":{"id":"m-1","saved":true}`, ""},
		"page, canceled":  {onPage + `"status":"canceled","payment_method":{"id":"m-1","saved":true}`, ""},
		"token":           {`"payment_method":{"id":"m-1","saved":true}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, err := serve(t, http.StatusOK, paymentJSON(c.members)).Find(t.Context(), ports.ChargeQuery{Key: key, ProviderRef: "1"})
			if err != nil || o.Token.Reveal() != c.want {
				t.Errorf("Find = %+v, %v with the token %q; want %q", o, err, o.Token.Reveal(), c.want)
			}
		})
	}
}

// The viewer is there, so the bank may ask for a confirmation of a saved method.
func TestCharge_Confirmation(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	r := renewal(s.AddMethod(fake.Method{Confirms: true}))
	if o := mustCharge(t, s, r); o.Status != billing.PaymentSucceeded {
		t.Errorf("Charge without the viewer = %+v, want a success", o)
	}
	r.Key, r.Initiator = "01890000-0000-7000-8000-000000000002", billing.CustomerInitiated
	pending := mustCharge(t, s, r)
	if pending.ActionURL == "" {
		t.Fatalf("Charge = %+v, want a page", pending)
	}
	if err := reply(t.Context(), pending.ActionURL, "approve", ""); err != nil {
		t.Fatal(err)
	}
	if o := mustFind(t, s, ports.ChargeQuery{Key: r.Key}); o.Status != billing.PaymentSucceeded || !o.Token.IsZero() {
		t.Errorf("Find = %+v, want a success that does not replace the token", o)
	}
}

// A wait that would last longer than the context does not begin, so a lookup can follow.
func TestCharge_NoWaitBeyondContext(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		w.WriteHeader(http.StatusAccepted)
		_, _ = w.Write([]byte(`{"type":"processing","retry_after":60000}`))
	}))
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	_, err := newAdapter(t, server.URL+"/v3", func(c *yookassa.Config) { c.Wait = nil }).Charge(ctx, renewal("tok-1"))
	expectUnknown(t, err)
	if n := requests.Load(); n != 1 || ctx.Err() != nil {
		t.Errorf("%d requests, %v; want one, and a return before the end of the context", n, ctx.Err())
	}
}

// The pauses grow up to a minute, whatever YooKassa asks for.
func TestCharge_Pauses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body string
		want time.Duration // of the tenth pause
	}{
		"not said": {`{"type":"processing"}`, time.Minute},
		"short":    {`{"type":"processing","retry_after":1}`, 100 * time.Millisecond},
		"usual":    {`{"type":"processing","retry_after":1800}`, 1800 * time.Millisecond},
		"long":     {`{"type":"processing","retry_after":3600000}`, time.Minute},
		"overflow": {`{"type":"processing","retry_after":9223372036854775807}`, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusAccepted)
				_, _ = w.Write([]byte(c.body))
			}))
			defer server.Close()
			var pauses []time.Duration
			y := newAdapter(t, server.URL+"/v3", func(cfg *yookassa.Config) {
				cfg.Wait = func(_ context.Context, d time.Duration) error {
					if pauses = append(pauses, d); len(pauses) == 10 {
						return context.DeadlineExceeded
					}
					return nil
				}
			})
			_, err := y.Charge(t.Context(), renewal("tok-1"))
			expectUnknown(t, err)
			if got := pauses[len(pauses)-1]; got != c.want {
				t.Errorf("the pauses are %v, want %s at last", pauses, c.want)
			}
		})
	}
}

// The real wait ends, and the request is sent again.
func TestCharge_RealWait(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if requests.Add(1) == 1 {
			w.WriteHeader(http.StatusAccepted)
			_, _ = w.Write([]byte(`{"type":"processing","retry_after":1}`))
			return
		}
		_, _ = w.Write([]byte(paymentJSON(`"status":"succeeded"`)))
	}))
	defer server.Close()
	o, err := newAdapter(t, server.URL+"/v3", func(c *yookassa.Config) { c.Wait = nil }).Charge(t.Context(), renewal("tok-1"))
	if err != nil || o.Status != billing.PaymentSucceeded || requests.Load() != 2 {
		t.Errorf("Charge = %+v, %v after %d requests; want a success after 2", o, err, requests.Load())
	}
}
