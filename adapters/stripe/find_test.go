package stripe_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/stripe"
	"github.com/online-cinema/billing/adapters/stripe/fake"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// By reference, and by key in the time in which it was sent.
func TestFind(t *testing.T) {
	t.Parallel()
	for _, token := range []string{"pm_ok", "pm_decline_expired_card", "pm_3ds"} {
		w := newWorld(t)
		r := request(token)
		o, err := w.charge(t, r)
		if err != nil {
			t.Fatal(err)
		}
		byKey := w.query(r)
		w.clock.Advance(10 * time.Hour)
		for _, q := range []ports.ChargeQuery{byKey, {Key: r.Key, ProviderRef: o.ProviderRef}} {
			if found, err := w.find(t, q); err != nil || found != o {
				t.Errorf("%s: Find(%+v) = %+v, %v; want %+v", token, q, found, err, o)
			}
		}
	}
}

// The clock of the store may differ from that of Stripe by a minute.
func TestFind_Window(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		from, until time.Duration
		want        error
	}{
		"the store's clock is ahead":  {time.Minute, 2 * time.Minute, nil},
		"the store's clock is behind": {-2 * time.Minute, -time.Minute, nil},
		"sent later":                  {time.Minute + time.Second, time.Hour, ports.ErrChargeNotFound},
		"sent earlier":                {-time.Hour, -time.Minute - time.Second, ports.ErrChargeNotFound},
	} {
		w := newWorld(t)
		r := request("pm_ok")
		if _, err := w.charge(t, r); err != nil {
			t.Fatal(err)
		}
		now := w.clock.Now()
		_, err := w.find(t, ports.ChargeQuery{Key: r.Key, SentFrom: now.Add(tt.from), SentUntil: now.Add(tt.until)})
		if tt.want == nil && err != nil {
			t.Errorf("%s: Find: %v", name, err)
		} else if tt.want != nil {
			expectError(t, err, tt.want)
		}
	}
}

func TestFind_ReadsAllPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := request("pm_ok")
	if _, err := w.charge(t, first); err != nil {
		t.Fatal(err)
	}
	for i := range 250 {
		r := request("pm_ok")
		r.Key = billing.PaymentID(fmt.Sprintf("other-%d", i))
		if _, err := w.charge(t, r); err != nil {
			t.Fatal(err)
		}
	}
	o, err := w.find(t, w.query(first))
	expectSuccess(t, o, err)
	if n := len(w.fake.Requests(fake.OpIntents)); n != 3 {
		t.Errorf("%d pages were read, want 3", n)
	}
}

func TestFind_Absent(t *testing.T) {
	t.Parallel()
	t.Run("never sent", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		_, err := w.find(t, w.query(request("pm_ok")))
		expectError(t, err, ports.ErrChargeNotFound)
	})
	t.Run("created and not confirmed", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.fake.Next(fake.OpConfirm, fake.Unavailable)
		r := request("pm_ok")
		_, err := w.charge(t, r)
		expectError(t, err, nil)
		_, err = w.find(t, w.query(r))
		expectError(t, err, ports.ErrChargeNotFound)
	})
	t.Run("the list lags", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, func(_ *stripe.Config, f *fake.Config) { f.Lag = time.Minute })
		r := request("pm_ok")
		o, err := w.charge(t, r)
		expectSuccess(t, o, err)
		q := w.query(r)
		_, err = w.find(t, q)
		expectError(t, err, ports.ErrChargeNotFound)
		w.clock.Advance(time.Minute)
		o, err = w.find(t, q)
		expectSuccess(t, o, err)
	})
	t.Run("an invalid key", func(t *testing.T) {
		t.Parallel()
		_, err := newWorld(t).find(t, ports.ChargeQuery{})
		expectError(t, err, ports.ErrChargeNotFound)
	})
}

// Stripe gave the reference itself. If it does not know it, the account or its mode is
// another one, and the charge must not be sent again.
func TestFind_LostReference(t *testing.T) {
	t.Parallel()
	for _, ref := range []string{"pi_missing", "cs_missing"} {
		_, err := newWorld(t).find(t, ports.ChargeQuery{Key: "key-1", ProviderRef: ref})
		expectError(t, err, nil)
	}
}

func TestFind_ReferenceOfAnotherPayment(t *testing.T) {
	t.Parallel()
	for _, token := range []string{"pm_ok", ""} {
		w := newWorld(t)
		o, err := w.charge(t, request(token))
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.find(t, ports.ChargeQuery{Key: "another", ProviderRef: o.ProviderRef})
		expectError(t, err, nil)
	}
}

func TestFind_Faults(t *testing.T) {
	t.Parallel()
	for _, fault := range []fake.Fault{
		fake.Fail, fake.Unavailable, fake.HTML, fake.Redirect, fake.HalfBody, fake.LongBody, fake.Busy, fake.Unauthorized, fake.Quote,
	} {
		for _, op := range []string{fake.OpIntents, fake.OpSessions, fake.OpIntent} {
			w := newWorld(t)
			r := request("pm_ok")
			if op != fake.OpSessions { // the list of pages is read last
				if _, err := w.charge(t, r); err != nil {
					t.Fatal(err)
				}
			}
			w.fake.Next(op, fault)
			if o, err := w.find(t, w.query(r)); err == nil {
				t.Errorf("%s of %s: Find = %+v, want an error", fault, op, o)
			} else if errors.Is(err, ports.ErrChargeNotFound) {
				t.Errorf("%s of %s: Find = %v, although the lookup failed", fault, op, err)
			}
		}
	}
}
