package billing_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/online-cinema/billing/core/billing"
)

// life is a subscription to which anything may happen, in any order.
type life struct {
	sub     billing.Subscription
	pay     billing.Payment
	now     time.Time
	history []billing.Event
}

func TestAnyLifeKeepsTheRules(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := life{now: day(0)}
		var err error
		if l.sub, l.pay, err = order().Start(l.now, utc); err != nil {
			t.Fatal(err)
		}
		l.checkState(t)
		agreed := l.pay
		t.Repeat(map[string]func(*rapid.T){
			"time passes": func(t *rapid.T) {
				l.now = l.now.Add(time.Duration(rapid.Int64Range(0, 20*24).Draw(t, "hours")) * time.Hour)
			},
			"settle": func(t *rapid.T) {
				o := anyOutcome().Draw(t, "outcome")
				waited := !l.pay.Settled()
				l.step(t, func() (s billing.Subscription, p billing.Payment, happened []billing.Event, err error) {
					s, p, happened = l.sub.Settle(l.pay, o, retries, l.now)
					return s, p, happened, nil
				})
				l.checkAgainst(t, o, waited)
			},
			"cancel": func(t *rapid.T) {
				at := rapid.SampledFrom([]billing.CancelAt{billing.AtPeriodEnd, billing.AtOnce}).Draw(t, "at")
				l.comeRound(t)
				l.step(t, func() (billing.Subscription, billing.Payment, []billing.Event, error) {
					s, happened, err := l.sub.Cancel(at, l.now)
					return s, l.pay, happened, err
				})
			},
			"resume": func(t *rapid.T) {
				l.comeRound(t)
				l.step(t, func() (billing.Subscription, billing.Payment, []billing.Event, error) {
					s, happened, err := l.sub.Resume(l.now)
					return s, l.pay, happened, err
				})
			},
			"come round": func(t *rapid.T) { l.comeRound(t) },
			"": func(t *rapid.T) {
				l.checkState(t)
				l.checkHistory(t)
				if l.pay.Amount != agreed.Amount || l.sub.Price != agreed.Amount || l.pay.Period != agreed.Period || l.pay.ID != agreed.ID {
					t.Fatalf("what the viewer agreed to became %+v", l.pay)
				}
			},
		})
	})
}

// anyOutcome is what a payment system may say, sensible or not.
func anyOutcome() *rapid.Generator[billing.Outcome] {
	return rapid.Custom(func(t *rapid.T) billing.Outcome {
		o := billing.Outcome{
			Status: rapid.SampledFrom([]billing.PaymentStatus{
				billing.PaymentPending, billing.PaymentSucceeded, billing.PaymentDeclined, billing.PaymentAbandoned, "", "odd",
			}).Draw(t, "status"),
			ProviderRef: rapid.SampledFrom([]string{"", "ref-1", "ref-2"}).Draw(t, "ref"),
			ActionURL:   rapid.SampledFrom([]string{"", "https://bank.example/3ds"}).Draw(t, "url"),
		}
		switch o.Status {
		case billing.PaymentPending:
		case billing.PaymentSucceeded:
			o.Amount = rapid.SampledFrom([]billing.Money{
				money(399_00, "RUB"), money(399_00, "RUB"), money(399_00, "RUB"), money(400_00, "RUB"), money(399_00, "USD"),
			}).Draw(t, "amount")
		default:
			o.DeclineCode = rapid.SampledFrom(billing.DeclineCodes()).Draw(t, "code")
		}
		return o
	})
}

// checkAgainst compares the books with what the payment system has just said.
func (l *life) checkAgainst(t *rapid.T, o billing.Outcome, waited bool) {
	t.Helper()
	took := o.Status == billing.PaymentSucceeded
	switch {
	case waited && l.pay.Settled() && l.pay.Status != o.Status:
		t.Fatalf("settled as %s by %+v", l.pay.Status, o)
	case waited && l.pay.Settled() && took && o.Amount != l.pay.Amount:
		t.Fatalf("%s was taken, and %s counts as paid", o.Amount, l.pay.Amount)
	case took && (o.Amount != l.pay.Amount || l.pay.Status != billing.PaymentSucceeded) && l.pay.Contradiction == "":
		t.Fatalf("%s was taken, the payment is %+v, and nobody is told", o.Amount, l.pay)
	}
}

// comeRound writes down what time alone has done.
func (l *life) comeRound(t *rapid.T) {
	t.Helper()
	l.step(t, func() (billing.Subscription, billing.Payment, []billing.Event, error) {
		s, happened := l.sub.At(l.now)
		return s, l.pay, happened, nil
	})
}

// step applies one transition and checks what it may change.
func (l *life) step(t *rapid.T, transition func() (billing.Subscription, billing.Payment, []billing.Event, error)) {
	t.Helper()
	sub, pay, happened, err := transition()
	changed := sub != l.sub || pay != l.pay
	switch {
	case err != nil && (changed || len(happened) > 0):
		t.Fatalf("refused (%v), but something changed: %+v, %v", err, sub, happened)
	case !changed && len(happened) > 0:
		t.Fatalf("nothing changed, but events say %v", happened)
	case sub != l.sub && len(happened) == 0:
		t.Fatalf("the subscription became %+v, and no event says so", sub)
	case !l.sub.Live() && sub != l.sub:
		t.Fatalf("ended, and yet it changed: %+v", sub)
	case l.pay.Settled() && (pay.Status != l.pay.Status || pay.DeclineCode != l.pay.DeclineCode || pay.SettledAt != l.pay.SettledAt):
		t.Fatalf("settled as %+v, and then as %+v", l.pay, pay)
	}
	for _, e := range happened {
		if e.At.After(l.now) || e.UserID != sub.UserID || e.SubscriptionID != sub.ID || e.PlanCode != sub.PlanCode || e.ID != "" {
			t.Fatalf("at %s an event says %+v", l.now, e)
		}
		if e.PaymentID != "" && (e.PaymentID != pay.ID || e.Amount != pay.Amount) {
			t.Fatalf("an event of payment %+v says %+v", pay, e)
		}
	}
	l.sub, l.pay, l.history = sub, pay, append(l.history, happened...)
}

func (l *life) checkState(t *rapid.T) {
	t.Helper()
	s, p := l.sub, l.pay
	running := s.Status == billing.Active || s.Status == billing.PastDue
	known := []billing.PaymentStatus{billing.PaymentPending, billing.PaymentSucceeded, billing.PaymentDeclined, billing.PaymentAbandoned}
	switch {
	case s.NextChargeAt.IsZero() == running:
		t.Fatalf("%s, but there is something to do at %s", s.Status, s.NextChargeAt)
	case s.EndedAt.IsZero() != s.Live():
		t.Fatalf("%s, but ended at %s", s.Status, s.EndedAt)
	case s.StartedAt.IsZero() != (p.Status != billing.PaymentSucceeded):
		t.Fatalf("payment %s, but started at %s", p.Status, s.StartedAt)
	case (s.Status == billing.Incomplete) != !p.Settled():
		t.Fatalf("%s, but its only payment is %s", s.Status, p.Status)
	case p.SettledAt.IsZero() != !p.Settled():
		t.Fatalf("payment %s, but settled at %s", p.Status, p.SettledAt)
	case !slices.Contains(known, p.Status):
		t.Fatalf("a payment of status %q", p.Status)
	case p.Settled() && p.ActionURL != "":
		t.Fatalf("payment %s, but the viewer is sent to %s", p.Status, p.ActionURL)
	case !running && !s.AccessUntil(l.now).IsZero():
		t.Fatalf("%s, but may be watched until %s", s.Status, s.AccessUntil(l.now))
	}
}

func (l *life) checkHistory(t *rapid.T) {
	t.Helper()
	count := map[billing.EventType]int{}
	for _, e := range l.history {
		count[e.Type]++
	}
	settled := count[billing.Subscribed] + count[billing.PaymentWasDeclined] + count[billing.PaymentWasAbandoned]
	paid, cancelled := 0, 0
	if l.pay.Status == billing.PaymentSucceeded {
		paid = 1
	}
	if l.sub.CancelAtPeriodEnd {
		cancelled = 1
	}
	switch {
	case count[billing.Subscribed] != paid:
		t.Fatalf("payment %s, and %d events say subscribed", l.pay.Status, count[billing.Subscribed])
	case settled > 1 || (settled == 1) != l.pay.Settled():
		t.Fatalf("payment %s, and %d events say how it ended", l.pay.Status, settled)
	case count[billing.Ended] > 1 || (count[billing.Ended] == 1 && l.sub.Live()):
		t.Fatalf("%s, and %d events say ended", l.sub.Status, count[billing.Ended])
	case l.sub.Live() && count[billing.CancelRequested]-count[billing.CancelRevoked] != cancelled:
		t.Fatalf("the history says %v, but cancelled is %v", count, l.sub.CancelAtPeriodEnd)
	case l.pay.Contradiction != "" && count[billing.PaymentContradicted] == 0:
		t.Fatalf("nothing in the history says %q", l.pay.Contradiction)
	}
}
