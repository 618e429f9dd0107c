package stripe_test

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/online-cinema/billing/adapters/stripe"
	"github.com/online-cinema/billing/adapters/stripe/fake"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// history is a payment that is sent and looked up again and again, while requests fail at
// random, lists lag, and Stripe forgets keys after a day.
type history struct {
	world
	request   ports.ChargeRequest
	firstSent time.Time
	lastSent  time.Time
}

// TestCharge_AtMostOnce checks that the account is charged at most once, and that every
// result is true: a success was charged, and a definite error charged nothing.
func TestCharge_AtMostOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		lag := rapid.SampledFrom([]time.Duration{0, time.Minute}).Draw(rt, "lag")
		h := history{world: newWorld(t, func(_ *stripe.Config, f *fake.Config) { f.Lag = lag })}
		h.request = request(rapid.SampledFrom([]string{"pm_ok", "pm_decline_expired_card", "pm_3ds"}).Draw(rt, "token"))
		if rapid.Bool().Draw(rt, "renewal") {
			h.request.Initiator = billing.MerchantInitiated
		}
		for range rapid.IntRange(1, 20).Draw(rt, "steps") {
			h.addFaults(rt)
			switch rapid.SampledFrom([]string{"charge", "charge", "find", "wait"}).Draw(rt, "step") {
			case "charge":
				h.send(t, rt)
			case "find":
				h.lookUp(t, rt)
			default:
				h.clock.Advance(rapid.SampledFrom([]time.Duration{time.Minute, 10 * time.Minute, 5 * time.Hour, 20 * time.Hour}).Draw(rt, "time"))
			}
		}
	})
}

// addFaults lets at most two of the next requests fail.
func (h *history) addFaults(rt *rapid.T) {
	for range rapid.IntRange(0, 2).Draw(rt, "faults") {
		op := rapid.SampledFrom([]string{
			fake.OpMethod, fake.OpCustomer, fake.OpAttach, fake.OpCreate, fake.OpConfirm, fake.OpIntent, fake.OpIntents,
		}).Draw(rt, "operation")
		h.fake.Next(op, rapid.SampledFrom([]fake.Fault{
			fake.Fail, fake.FailAfter, fake.Unavailable, fake.HTML, fake.HalfBody, fake.Busy, fake.Unauthorized, fake.Quote,
		}).Draw(rt, "fault"))
	}
}

func (h *history) send(t *testing.T, rt *rapid.T) {
	before := h.fake.Charged(string(h.request.Key))
	r := h.request
	r.FirstSent = h.firstSent
	o, err := h.charge(t, r)
	if !errors.Is(err, ports.ErrTooLate) {
		h.lastSent = h.clock.Now()
		if h.firstSent.IsZero() {
			h.firstSent = h.lastSent
		}
	}
	after := h.fake.Charged(string(h.request.Key))
	if after > 1 || o.Status == billing.PaymentSucceeded && after != 1 || o.Status == billing.PaymentDeclined && after != 0 {
		rt.Fatalf("charged %d times after the outcome %+v, %v", after, o, err)
	}
	for _, definite := range []error{ports.ErrNotSent, ports.ErrRefused, ports.ErrCredentials, ports.ErrTokenUnknown, ports.ErrTooLate} {
		if errors.Is(err, definite) && after != before {
			rt.Fatalf("charged %d times before and %d times after %v", before, after, err)
		}
	}
}

// lookUp relies on an absence only after the settling time, as the core does.
func (h *history) lookUp(t *testing.T, rt *rapid.T) {
	o, err := h.find(t, ports.ChargeQuery{Key: h.request.Key, SentFrom: h.firstSent, SentUntil: h.lastSent})
	charged := h.fake.Charged(string(h.request.Key))
	settled := !h.clock.Now().Before(h.lastSent.Add(h.Capabilities().Settling))
	if errors.Is(err, ports.ErrChargeNotFound) && settled && charged != 0 {
		rt.Fatalf("charged %d times, although the lookup found nothing", charged)
	}
	if err == nil && (o.Status == billing.PaymentSucceeded) != (charged == 1) {
		rt.Fatalf("charged %d times, although the lookup found %+v", charged, o)
	}
}
