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

// refundHistory is a refund that is sent and looked up again and again, while requests fail
// at random, lists lag, and Stripe forgets keys after a day.
type refundHistory struct {
	world
	request   ports.RefundRequest
	firstSent time.Time
	lastSent  time.Time
}

// TestRefund_AtMostOnce checks that the money is paid back at most once, and that every
// result is true: a success was paid back, and a definite error paid nothing back.
func TestRefund_AtMostOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		lag := rapid.SampledFrom([]time.Duration{0, time.Minute}).Draw(rt, "lag")
		h := refundHistory{world: newWorld(t, func(_ *stripe.Config, f *fake.Config) { f.Lag = lag })}
		h.request = h.paid(t, "pm_ok")
		h.request.Amount = rubles(rapid.SampledFrom([]int64{100, 29900, 29901}).Draw(rt, "amount"))
		h.fake.SetRefundStatus(rapid.SampledFrom([]string{"succeeded", "pending"}).Draw(rt, "status"))
		for range rapid.IntRange(1, 15).Draw(rt, "steps") {
			h.addFaults(rt)
			switch rapid.SampledFrom([]string{"refund", "refund", "find", "settle", "wait"}).Draw(rt, "step") {
			case "refund":
				h.send(t, rt)
			case "find":
				h.lookUp(t, rt)
			case "settle":
				h.fake.MoveRefunds("pending", "succeeded", "")
			default:
				h.clock.Advance(rapid.SampledFrom([]time.Duration{time.Minute, 10 * time.Minute, 5 * time.Hour, 20 * time.Hour}).Draw(rt, "time"))
			}
		}
	})
}

// addFaults lets at most two of the next requests fail.
func (h *refundHistory) addFaults(rt *rapid.T) {
	for range rapid.IntRange(0, 2).Draw(rt, "faults") {
		op := rapid.SampledFrom([]string{fake.OpIntent, fake.OpRefund, fake.OpRefunds, fake.OpReadRefund}).Draw(rt, "operation")
		h.fake.Next(op, rapid.SampledFrom([]fake.Fault{
			fake.Fail, fake.FailAfter, fake.Unavailable, fake.HTML, fake.HalfBody, fake.Busy, fake.Unauthorized, fake.Quote,
		}).Draw(rt, "fault"))
	}
}

func (h *refundHistory) send(t *testing.T, rt *rapid.T) {
	before, _ := h.fake.Refunded(string(h.request.Key))
	r := h.request
	r.FirstSent = h.firstSent
	o, err := h.refund(t, r)
	if !errors.Is(err, ports.ErrTooLate) {
		h.lastSent = h.clock.Now()
		if h.firstSent.IsZero() {
			h.firstSent = h.lastSent
		}
	}
	after, sum := h.fake.Refunded(string(h.request.Key))
	if after > 1 || after == 1 && sum != r.Amount.Amount || err == nil && after != 1 || err == nil && o.Status == billing.PaymentDeclined {
		rt.Fatalf("refunded %d times after the outcome %+v, %v", after, o, err)
	}
	for _, definite := range []error{ports.ErrNotSent, ports.ErrCredentials, ports.ErrTooLate} {
		if errors.Is(err, definite) && after != before {
			rt.Fatalf("refunded %d times before and %d times after %v", before, after, err)
		}
	}
	if errors.Is(err, ports.ErrKeyConflict) {
		rt.Fatalf("the same request is a conflict: %v", err)
	}
	if errors.Is(err, ports.ErrRefused) && after != before {
		rt.Fatalf("refunded %d times, although the refund was refused: %v", after, err)
	}
}

// lookUp relies on an absence only after the settling time, as the core does.
func (h *refundHistory) lookUp(t *testing.T, rt *rapid.T) {
	o, err := h.findRefund(t, refundQuery(h.request))
	n, _ := h.fake.Refunded(string(h.request.Key))
	settled := !h.clock.Now().Before(h.lastSent.Add(h.Capabilities().Settling))
	if errors.Is(err, ports.ErrRefundNotFound) && settled && n != 0 {
		rt.Fatalf("refunded %d times, although the lookup found nothing", n)
	}
	if err == nil && n != 1 {
		rt.Fatalf("refunded %d times, although the lookup found %+v", n, o)
	}
}
