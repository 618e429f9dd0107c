package random

import (
	"context"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/stripe/fake"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/viewers"
)

const viewer = billing.UserID("01890000-0000-7000-9000-000000000000")

// inShop runs f in a world without random faults, whose viewer has a subscription and a
// renewal that is due.
func inShop(t *testing.T, create newSystem, f func(w *world)) {
	t.Helper()
	inWorldWith(t, create, rand.New(rand.NewPCG(0, 0)), 0, func(w *world) {
		w.viewers = []billing.UserID{viewer}
		w.buy(t, w.immortal())
		time.Sleep(31 * 24 * time.Hour)
		f(w)
	})
}

// buy subscribes the viewer in a process: at Stripe with a token, at YooKassa on a page.
func (w *world) buy(t *testing.T, p *process) {
	t.Helper()
	cmd := viewers.Subscribe{
		User: viewer, Plan: "basic", Price: w.prices["basic"], PaymentSystem: w.system.code(), ReturnURL: "https://cinema.example/paid",
	}
	if w.system.code() == "stripe" {
		cmd.Token = billing.NewSecret("pm_ok")
	}
	w.in(p, func(p *process) {
		v, err := p.subscriber().Subscribe(context.Background(), cmd)
		if err != nil && !p.dead {
			t.Fatal(err)
		}
		if v.Latest.ActionURL != "" {
			w.system.reply(v.Latest.ActionURL, true)
			time.Sleep(time.Minute)
			p.sweep()
		}
	})
}

func (w *world) run(p *process) {
	w.in(p, func(p *process) { _, _ = p.renewer().Run(context.Background()) })
}

// resolve sweeps before and after the settling time.
func (w *world) resolve() {
	for range 2 {
		w.in(w.immortal(), (*process).sweep)
		time.Sleep(10 * time.Minute)
	}
	w.in(w.immortal(), (*process).sweep)
}

// expect compares the latest payment, and the number of its charges, and finds no violation.
func (w *world) expect(t *testing.T, status billing.PaymentStatus, waits bool, charges int) billing.Payment {
	t.Helper()
	p := w.payments()[0]
	if n := len(w.system.taken()[p.ID]); p.Status != status || p.NeedsReview() != waits || n != charges {
		t.Errorf("the payment is %s (waits for a person: %t) and was charged %d times; want %s (%t) and %d", p.Status, p.NeedsReview(), n, status, waits, charges)
	}
	for _, v := range w.check() {
		t.Error(w.report(v))
	}
	return p
}

// intents returns the statuses of the PaymentIntents of a payment. At YooKassa it has none.
func (w *world) intents(p billing.Payment) []string {
	if s, ok := w.system.(*stripeShop); ok {
		return s.account.Intents(string(p.ID))
	}
	return nil
}

// A run dies before or after a request of a renewal. Sweeps finish the same charge within the
// horizon. Afterwards they only look it up: a clock that is 25 hours later sends nothing.
func TestKilledRun_ChargesOnce(t *testing.T) {
	t.Parallel()
	for name, create := range systems() {
		last := map[string]string{"stripe": "after confirm", "yookassa": "after create"}[name]
		for _, step := range map[string][]string{
			"stripe":   {"before create", "after create", "before confirm", last},
			"yookassa": {"before create", last},
		}[name] {
			for when, pass := range map[string]func(*world){
				"soon":                         func(*world) {},
				"after 25 hours":               func(*world) { time.Sleep(25 * time.Hour) },
				"with the billing clock moved": func(w *world) { w.ahead += 25 * time.Hour },
			} {
				t.Run(name+"/"+step+"/"+when, func(t *testing.T) {
					t.Parallel()
					inShop(t, create, func(w *world) {
						p := w.newProcess(func(s string) bool { return s == step })
						if w.run(p); !p.dead {
							t.Fatalf("the run did not reach the step %q", step)
						}
						pass(w)
						w.resolve()
						late := when == "after 25 hours" && step != last
						status, charges := billing.PaymentSucceeded, 1
						if late {
							status, charges = billing.PaymentPending, 0
						}
						renewal := w.expect(t, status, late, charges)
						if paid := w.intents(renewal); len(paid) > 1 || slices.Contains(paid, "succeeded") != (charges == 1 && name == "stripe") {
							t.Errorf("the PaymentIntents are %q, want one", paid)
						}
					})
				})
			}
		}
	}
}

// A viewer's own charge that was not confirmed took no money. The viewer pays another one.
func TestKilledSubscribe_NeverConfirmed(t *testing.T) {
	t.Parallel()
	inWorldWith(t, newStripe, rand.New(rand.NewPCG(0, 0)), 0, func(w *world) {
		w.viewers = []billing.UserID{viewer}
		w.buy(t, w.newProcess(func(s string) bool { return s == "after create" }))
		time.Sleep(time.Minute)
		w.resolve()
		first := w.expect(t, billing.PaymentAbandoned, false, 0)
		w.buy(t, w.immortal())
		second := w.expect(t, billing.PaymentSucceeded, false, 1)
		if a, b := w.intents(first), w.intents(second); !slices.Equal(a, []string{"requires_confirmation"}) || !slices.Equal(b, []string{"succeeded"}) {
			t.Errorf("the PaymentIntents are %q and %q, want only the second paid", a, b)
		}
	})
}

// Stripe refuses the confirmation of a renewal, and its response is lost an hour later. A
// lookup must find the charge, although the PaymentIntent is older than that confirmation.
// The viewer has cancelled, so the renewal is not sent again.
func TestStripe_ConfirmedLongAfterCreated(t *testing.T) {
	t.Parallel()
	for _, refusal := range []fault{busy, fault(fake.Unauthorized), loseResponse} {
		t.Run(string(refusal), func(t *testing.T) {
			t.Parallel()
			inShop(t, newStripe, func(w *world) {
				step, next := "confirm", refusal
				if refusal == loseResponse {
					step = "create"
				}
				w.script = func(r *http.Request) fault {
					if w.system.name(r) == step {
						return next
					}
					return noFault
				}
				w.run(w.immortal())
				time.Sleep(time.Hour)
				step, next = "confirm", loseResponse
				w.in(w.immortal(), (*process).sweep)
				w.in(w.immortal(), func(p *process) {
					cmd := viewers.Cancel{User: viewer, Ref: "basic", At: billing.AtPeriodEnd}
					if _, err := p.subscriber().Cancel(context.Background(), cmd); err != nil && !strings.Contains(err.Error(), "cancelled, but") {
						t.Fatal(err)
					}
				})
				w.script = nil
				time.Sleep(time.Hour)
				w.resolve()
				w.expect(t, billing.PaymentSucceeded, false, 1)
			})
		})
	}
}
