package stripe_test

import (
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/stripe/fake"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// Every fault of every step has its error, and one more call of Charge brings the outcome.
// Faults before the confirmation mean that nothing was charged.
func TestCharge_Faults(t *testing.T) {
	t.Parallel()
	before := map[fake.Fault]error{
		fake.Fail: ports.ErrNotSent, fake.Unavailable: ports.ErrNotSent, fake.HTML: ports.ErrNotSent,
		fake.Redirect: ports.ErrNotSent, fake.HalfBody: ports.ErrNotSent, fake.LongBody: ports.ErrNotSent,
		fake.LoseRequest: ports.ErrNotSent, fake.LoseResponse: ports.ErrNotSent, fake.Busy: ports.ErrNotSent,
		fake.ProxyRefusal: ports.ErrNotSent, fake.ProxyMissing: ports.ErrNotSent,
		fake.Unauthorized: ports.ErrCredentials, fake.Forbidden: ports.ErrCredentials, fake.Quote: ports.ErrRefused,
	}
	saving := maps.Clone(before)
	saving[fake.Quote] = ports.ErrTokenUnknown
	confirm := map[fake.Fault]error{
		fake.Fail: nil, fake.Unavailable: nil, fake.HTML: nil, fake.Redirect: nil, fake.HalfBody: nil, fake.LongBody: nil,
		fake.LoseRequest: nil, fake.LoseResponse: nil, fake.Busy: ports.ErrNotSent,
		fake.ProxyRefusal: nil, fake.ProxyMissing: nil,
		fake.Unauthorized: ports.ErrCredentials, fake.Forbidden: ports.ErrCredentials, fake.Quote: ports.ErrRefused,
	}
	for op, faults := range map[string]map[fake.Fault]error{
		fake.OpMethod: before, fake.OpCustomer: before, fake.OpAttach: saving, fake.OpCreate: before, fake.OpConfirm: confirm,
	} {
		for fault, want := range faults {
			t.Run(op+" "+string(fault), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.fake.Next(op, fault)
				r := request("pm_ok")
				if op == fake.OpAttach {
					r = renewal("pm_ok")
				}
				_, err := w.charge(t, r)
				expectError(t, err, want)
				if want != nil {
					w.expectCharged(t, r.Key, 0)
				}
				if fault == fake.Fail && op != fake.OpMethod {
					return // recorded for a day: see TestCharge_RecordedFailure
				}
				o, err := w.charge(t, r)
				expectSuccess(t, o, err)
				w.expectCharged(t, r.Key, 1)
			})
		}
	}
}

// A renewal whose PaymentIntent may exist does not count as unsent: see afterCreate. Stripe
// has definitely created none if the request for it was refused.
func TestCharge_FaultsOfRenewal(t *testing.T) {
	t.Parallel()
	for op, faults := range map[string]map[fake.Fault]error{
		fake.OpCreate: {
			fake.FailEarly: nil, fake.Unavailable: nil, fake.HTML: nil, fake.HalfBody: nil, fake.LoseResponse: nil,
			fake.Busy: ports.ErrNotSent, fake.Unauthorized: ports.ErrCredentials,
		},
		fake.OpConfirm: {fake.Busy: nil, fake.Unauthorized: nil, fake.Forbidden: nil, fake.Quote: ports.ErrRefused},
	} {
		for fault, want := range faults {
			t.Run(op+" "+string(fault), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.fake.Attach("pm_ok", string(payer))
				w.fake.Next(op, fault)
				_, err := w.charge(t, renewal("pm_ok"))
				expectError(t, err, want)
				w.expectCharged(t, renewal("").Key, 0)
			})
		}
	}
}

func TestCharge_Busy(t *testing.T) {
	t.Parallel()
	for op, fault := range map[string]fake.Fault{fake.OpCreate: fake.BusyFor7s, fake.OpConfirm: fake.Busy} {
		w := newWorld(t)
		w.fake.Next(op, fault)
		_, err := w.charge(t, request("pm_ok"))
		busy := (*ports.BusyError)(nil)
		want := map[fake.Fault]time.Duration{fake.BusyFor7s: 7 * time.Second}[fault]
		if !errors.As(err, &busy) || busy.After != want {
			t.Errorf("%s: Charge = %v, want a BusyError with %s", op, err, want)
		}
	}
}

// Stripe repeats a recorded 500 for a day. The PaymentIntent itself tells the truth.
func TestCharge_RecordedFailure(t *testing.T) {
	t.Parallel()
	for name, op := range map[string]string{"the intent was created": fake.OpCreate, "the confirmation succeeded": fake.OpConfirm} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.fake.Next(op, fake.FailAfter)
			r := request("pm_ok")
			for range 2 {
				o, err := w.charge(t, r)
				expectSuccess(t, o, err)
			}
			w.expectCharged(t, r.Key, 1)
		})
	}
	for name, change := range map[string]func(world, *ports.ChargeRequest){
		"amount":   func(_ world, r *ports.ChargeRequest) { r.Amount.Amount++ },
		"currency": func(_ world, r *ports.ChargeRequest) { r.Amount.Currency = "EUR" },
		"customer": func(w world, _ *ports.ChargeRequest) { w.fake.Attach("pm_ok", string(payer)) },
	} {
		t.Run("the intent was created with another "+name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.fake.Attach("pm_ok", string(payer))
			w.fake.Next(fake.OpConfirm, fake.Unavailable)
			r := renewal("pm_ok")
			_, err := w.charge(t, r)
			expectError(t, err, nil)
			w.fake.ForgetKeys()
			w.fake.Next(fake.OpCreate, fake.Fail)
			change(w, &r)
			_, err = w.charge(t, r)
			expectError(t, err, ports.ErrKeyConflict)
			w.expectCharged(t, r.Key, 0)
		})
	}
	t.Run("the intent has succeeded", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.fake.Attach("pm_ok", string(payer))
		r := renewal("pm_ok")
		for range 2 {
			o, err := w.charge(t, r)
			expectSuccess(t, o, err)
			w.fake.ForgetKeys()
			w.fake.Next(fake.OpCreate, fake.Fail)
		}
		w.expectCharged(t, r.Key, 1)
		if n := len(w.fake.Requests(fake.OpConfirm)); n != 1 {
			t.Errorf("%d confirmations were sent, want one", n)
		}
	})
	t.Run("the intent was not created", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.fake.Next(fake.OpCreate, fake.Fail)
		r := request("pm_ok")
		for range 2 {
			_, err := w.charge(t, r)
			expectError(t, err, ports.ErrNotSent)
		}
	})
	t.Run("the confirmation failed", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.fake.Next(fake.OpConfirm, fake.Fail)
		r := request("pm_ok")
		for range 2 {
			_, err := w.charge(t, r)
			expectError(t, err, nil)
		}
		w.expectCharged(t, r.Key, 0)
	})
}

// After a decline or a replay the adapter reads the PaymentIntent. If that fails, nothing is
// known, although the failed request itself was not sent.
func TestCharge_LastReadFails(t *testing.T) {
	t.Parallel()
	for _, fault := range []fake.Fault{fake.Busy, fake.Unauthorized, fake.Quote, fake.HTML} {
		w := newWorld(t)
		w.fake.Next(fake.OpIntent, fault)
		r := request("pm_decline_expired_card")
		_, err := w.charge(t, r)
		expectError(t, err, nil)
		o, err := w.charge(t, r)
		if err != nil || o.DeclineCode != billing.CardExpired {
			t.Errorf("second Charge = %+v, %v; want declined: %s", o, err, billing.CardExpired)
		}
	}
}

// An intent that exists is confirmed again after Stripe has forgotten the keys: it
// succeeds at most once.
func TestCharge_ForgottenKeysDoNotChargeTwiceWithinTheList(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fake.Next(fake.OpConfirm, fake.LoseResponse)
	r := request("pm_ok")
	_, err := w.charge(t, r)
	expectError(t, err, nil)
	o, err := w.find(t, w.query(r))
	expectSuccess(t, o, err)
	w.clock.Advance(25 * time.Hour)
	r.FirstSent = w.clock.Now().Add(-25 * time.Hour)
	_, err = w.charge(t, r)
	expectError(t, err, ports.ErrTooLate)
	w.expectCharged(t, r.Key, 1)
}
