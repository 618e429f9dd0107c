package yookassa_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/yookassa"
	"github.com/online-cinema/billing/adapters/yookassa/fake"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// YooKassa refuses a known key with another body, so the bodies must not change between
// two releases.
func TestCharge_RequestGolden(t *testing.T) {
	t.Parallel()
	confirmed := renewal("2f0d3a1c-000f-5000-8000-18db351245c7")
	confirmed.Initiator, confirmed.ReturnURL = billing.CustomerInitiated, "https://cinema.example/back?a=1&b=2"
	for name, r := range map[string]ports.ChargeRequest{
		"page": onPage(), "renewal": renewal("2f0d3a1c-000f-5000-8000-18db351245c7"), "confirmed": confirmed,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var sent string
			server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				sent = r.Method + " " + r.URL.String() + "\nIdempotence-Key: " + r.Header.Get("Idempotence-Key") + "\n\n" + string(body) + "\n"
			}))
			defer server.Close()
			_, _ = newAdapter(t, server.URL+"/v3").Charge(t.Context(), r)
			golden(t, name+".golden", sent)
		})
	}
}

func mustCharge(t *testing.T, s shop, r ports.ChargeRequest) billing.Outcome {
	t.Helper()
	o, err := s.Charge(t.Context(), r)
	if err != nil {
		t.Fatalf("Charge: %v", err)
	}
	return o
}

func mustFind(t *testing.T, s shop, q ports.ChargeQuery) billing.Outcome {
	t.Helper()
	o, err := s.Find(t.Context(), q)
	if err != nil {
		t.Fatalf("Find: %v", err)
	}
	return o
}

// charges returns how often the ledger has the key.
func charges(t *testing.T, s shop, k billing.PaymentID) (n int) {
	t.Helper()
	err := s.Charges(t.Context(), time.Time{}, time.Time{}, func(e ports.LedgerEntry) error {
		if e.Key == k {
			n++
		}
		return nil
	})
	if err != nil {
		t.Fatalf("Charges: %v", err)
	}
	return n
}

func TestCharge_PageThenRenewal(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	pending := mustCharge(t, s, onPage())
	if pending.Status != billing.PaymentPending || !strings.HasPrefix(pending.ActionURL, s.url) || !pending.Token.IsZero() {
		t.Fatalf("Charge = %+v, want pending with a page and without a token", pending)
	}
	if err := reply(t.Context(), pending.ActionURL, "approve", "5555 5555 5555 4477"); err != nil {
		t.Fatal(err)
	}
	paid := mustFind(t, s, ports.ChargeQuery{Key: key, ProviderRef: pending.ProviderRef})
	if paid.Status != billing.PaymentSucceeded || paid.Amount != rubles(39900) || paid.Token.IsZero() || paid.ProviderRef != pending.ProviderRef {
		t.Fatalf("Find = %+v, want a success with a token", paid)
	}
	next := renewal(paid.Token.Reveal())
	next.Key = "01890000-0000-7000-8000-000000000002"
	renewed := mustCharge(t, s, next)
	if renewed.Status != billing.PaymentSucceeded || !renewed.Token.IsZero() {
		t.Errorf("Charge = %+v, want a success that does not replace the token", renewed)
	}
	if n := charges(t, s, key) + charges(t, s, next.Key); n != 2 {
		t.Errorf("the ledger has %d charges, want 2", n)
	}
}

func TestCharge_PageDeclined(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		choice, card string
		want         billing.DeclineCode
	}{
		"by the viewer": {"decline", "", billing.AuthenticationFailed},
		"by the bank":   {"approve", "5555555555554600", billing.InsufficientFunds},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			if err := reply(t.Context(), mustCharge(t, s, onPage()).ActionURL, c.choice, c.card); err != nil {
				t.Fatal(err)
			}
			o := mustFind(t, s, ports.ChargeQuery{Key: key})
			if o.Status != billing.PaymentDeclined || o.DeclineCode != c.want || !o.Token.IsZero() || o.ActionURL != "" {
				t.Errorf("Find = %+v, want declined: %s", o, c.want)
			}
		})
	}
}

func TestCharge_PageExpires(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	mustCharge(t, s, onPage())
	s.Advance(time.Hour)
	if o := mustFind(t, s, ports.ChargeQuery{Key: key}); o.DeclineCode != billing.ActionExpired {
		t.Errorf("Find = %+v, want declined: %s", o, billing.ActionExpired)
	}
}

func TestCharge_PermissionRevoked(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	o := mustCharge(t, s, renewal(s.AddMethod(fake.Method{Reason: "permission_revoked"})))
	if o.DeclineCode != billing.MandateRevoked || o.Advice != billing.ConsentWithdrawn {
		t.Errorf("Charge = %+v, want the consent withdrawn", o)
	}
}

// The key is the payment's for ever, but YooKassa forgets it after a day.
func TestCharge_TooLate(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		age  time.Duration
		want error
	}{
		"before the horizon": {23*time.Hour - time.Second, nil},
		"at the horizon":     {23 * time.Hour, ports.ErrTooLate},
		"after a day":        {25 * time.Hour, ports.ErrTooLate},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			r := renewal(s.AddMethod(fake.Method{}))
			r.FirstSent = s.Now()
			mustCharge(t, s, r)
			s.Advance(c.age)
			if _, err := s.Charge(t.Context(), r); !errors.Is(err, c.want) {
				t.Errorf("Charge = %v, want %v", err, c.want)
			}
			if n := charges(t, s, key); n != 1 {
				t.Errorf("the ledger has %d charges, want 1", n)
			}
		})
	}
}

// The fake forgets keys like YooKassa. Otherwise TestCharge_TooLate would prove nothing.
func TestFake_ForgetsKeys(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	r := renewal(s.AddMethod(fake.Method{}))
	mustCharge(t, s, r)
	s.Advance(24 * time.Hour)
	mustCharge(t, s, r)
	if n := charges(t, s, key); n != 2 {
		t.Errorf("the ledger has %d charges, want 2", n)
	}
}

func TestCharge_RefusedBeforeSending(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*ports.ChargeRequest){
		"card":                     func(r *ports.ChargeRequest) { r.Token, r.Card = billing.Secret{}, &ports.Card{} },
		"merchant without a token": func(r *ports.ChargeRequest) { r.Token = billing.Secret{} },
		"no initiator":             func(r *ports.ChargeRequest) { r.Initiator = "" },
		"no key":                   func(r *ports.ChargeRequest) { r.Key = "" },
		"key with a space":         func(r *ports.ChargeRequest) { r.Key = "a b" },
		"long key":                 func(r *ports.ChargeRequest) { r.Key = billing.PaymentID(strings.Repeat("k", 65)) },
		"nothing to pay":           func(r *ports.ChargeRequest) { r.Amount.Amount = 0 },
		"other currency":           func(r *ports.ChargeRequest) { r.Amount.Currency = "JPY" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			y := newAdapter(t, "http://127.0.0.1:1") // refuses connections
			r := renewal("token")
			spoil(&r)
			if _, err := y.Charge(t.Context(), r); !errors.Is(err, ports.ErrRefused) || errors.Is(err, ports.ErrNotSent) {
				t.Errorf("Charge = %v, want ErrRefused", err)
			}
		})
	}
}

func TestCharge_NotSent(t *testing.T) {
	t.Parallel()
	_, err := newAdapter(t, "http://127.0.0.1:1").Charge(t.Context(), renewal("token"))
	if !errors.Is(err, ports.ErrNotSent) {
		t.Errorf("Charge = %v, want ErrNotSent", err)
	}
}

// While YooKassa works on a payment, the adapter repeats the same request.
func TestCharge_Repeats(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		faults []fake.Fault
		waits  []time.Duration
	}{
		"processing":            {[]fake.Fault{fake.Processing}, []time.Duration{250 * time.Millisecond}},
		"internal error":        {[]fake.Fault{fake.InternalError}, []time.Duration{time.Second}},
		"three internal errors": {[]fake.Fault{fake.InternalError, fake.InternalError, fake.InternalError}, []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}},
		"bad gateway":           {[]fake.Fault{fake.BadGateway}, []time.Duration{time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var waits []time.Duration
			s := newShop(t, func(c *yookassa.Config) {
				c.Wait = func(_ context.Context, d time.Duration) error { waits = append(waits, d); return nil }
			})
			s.Fail(c.faults...)
			r := renewal(s.AddMethod(fake.Method{}))
			if o := mustCharge(t, s, r); o.Status != billing.PaymentSucceeded {
				t.Errorf("Charge = %+v, want a success", o)
			}
			if !slices.Equal(waits, c.waits) {
				t.Errorf("the adapter waited %v, want %v", waits, c.waits)
			}
			if n := charges(t, s, key); n != 1 {
				t.Errorf("the ledger has %d charges, want 1", n)
			}
		})
	}
}

// After an attempt that may have taken money, no error proves that none was taken.
func TestCharge_UnknownStaysUnknown(t *testing.T) {
	t.Parallel()
	for _, second := range []fake.Fault{fake.TooManyRequests, fake.Forbidden, fake.LoseRequest, fake.Redirect} {
		t.Run(string(second), func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			s.Fail(fake.InternalError, second)
			_, err := s.Charge(t.Context(), renewal(s.AddMethod(fake.Method{})))
			expectUnknown(t, err)
			if n := charges(t, s, key); n != 1 {
				t.Errorf("the ledger has %d charges, want 1", n)
			}
		})
	}
}

func expectUnknown(t *testing.T, err error) {
	t.Helper()
	if name := ports.OutcomeName(billing.Outcome{}, err); err == nil || name != ports.OutcomeUnknown {
		t.Errorf("the error is %v (%s), want an unknown outcome", err, name)
	}
}

func TestCharge_EndOfContext(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	ctx, cancel := context.WithCancel(t.Context())
	adapter := newAdapter(t, s.url+"/v3", func(c *yookassa.Config) {
		c.Wait = func(ctx context.Context, _ time.Duration) error { cancel(); return ctx.Err() }
	})
	s.Fail(fake.Processing)
	_, err := adapter.Charge(ctx, renewal(s.AddMethod(fake.Method{})))
	expectUnknown(t, err)
}

// The money is taken, but no outcome arrives. A lookup tells it.
func TestCharge_NoOutcome(t *testing.T) {
	t.Parallel()
	for _, fault := range []fake.Fault{fake.LoseResponse, fake.HalfResponse, fake.OtherPayment} {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			s.Fail(fault)
			_, err := s.Charge(t.Context(), renewal(s.AddMethod(fake.Method{})))
			expectUnknown(t, err)
			if o := mustFind(t, s, ports.ChargeQuery{Key: key}); o.Status != billing.PaymentSucceeded {
				t.Errorf("Find = %+v, want a success", o)
			}
		})
	}
}

func TestCharge_WaitsForCapture(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.Fail(fake.Capture)
	_, err := s.Charge(t.Context(), renewal(s.AddMethod(fake.Method{})))
	expectUnknown(t, err)
	if err == nil || !strings.Contains(err.Error(), "waiting_for_capture") {
		t.Errorf("the error %v does not name the status", err)
	}
}

func TestCharge_PendingWithoutPage(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.Fail(fake.Pending)
	o := mustCharge(t, s, renewal(s.AddMethod(fake.Method{})))
	if want := (billing.Outcome{Status: billing.PaymentPending, ProviderRef: o.ProviderRef}); o != want || o.ProviderRef == "" {
		t.Errorf("Charge = %+v, want pending with a reference", o)
	}
	if o := mustFind(t, s, ports.ChargeQuery{Key: key, ProviderRef: o.ProviderRef}); o.Status != billing.PaymentSucceeded {
		t.Errorf("Find = %+v, want a success", o)
	}
}
