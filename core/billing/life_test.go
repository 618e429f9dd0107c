package billing_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/online-cinema/billing/core/billing"
)

// life is a subscription to which anything may happen, in any order, over many
// periods.
type life struct {
	cal      billing.Calendar
	sub      billing.Subscription
	payments []billing.Payment // all that were ever made, the oldest first
	method   billing.PaymentMethod
	now      time.Time
	history  []billing.Event
	waived   map[billing.PaymentID]bool // paid with a word that periods are waived
}

func TestAnyLifeKeepsTheRules(t *testing.T) {
	t.Parallel()
	zones := someZones(t)
	rapid.Check(t, func(t *rapid.T) {
		l := begin(t, zones)
		l.checkState(t)
		t.Repeat(map[string]func(*rapid.T){
			"time passes": func(t *rapid.T) {
				l.now = l.now.Add(time.Duration(rapid.Int64Range(0, 70*24).Draw(t, "hours")) * time.Hour)
			},
			"a month goes by well": func(t *rapid.T) {
				l.fallDue(t)
				l.bill(t)
				l.settle(t, l.latest(), paid(399_00))
			},
			"a renewal is declined": func(t *rapid.T) {
				l.fallDue(t)
				l.bill(t)
				l.settle(t, l.latest(), softDecline().Draw(t, "outcome"))
			},
			"a renewal is sent": func(t *rapid.T) {
				l.fallDue(t)
				l.bill(t)
			},
			"a run":                         l.bill,
			"the payment system takes it":   func(t *rapid.T) { l.settle(t, l.latest(), paid(399_00)) },
			"it was never sent":             func(t *rapid.T) { l.settle(t, l.latest(), billing.Abandon(billing.NotSent)) },
			"the payment system says a lot": func(t *rapid.T) { l.settle(t, l.latest(), anyOutcome().Draw(t, "outcome")) },
			"news of an old payment":        l.oldNews,
			"cancel":                        l.cancel,
			"resume": func(t *rapid.T) {
				l.comeRound(t)
				l.step(t, l.latest(), func(s billing.Subscription, p billing.Payment) (billing.Subscription, billing.Payment, []billing.Event, error) {
					s, happened, err := s.Resume(l.now)
					return s, p, happened, err
				})
			},
			"come round": l.comeRound,
			"the method is removed": func(t *rapid.T) {
				if l.method.RemovedAt.IsZero() && seldom(t, 10) {
					l.method.RemovedAt = l.now
				}
			},
			"": func(t *rapid.T) {
				l.checkState(t)
				l.checkPayments(t)
				l.checkPaidPeriods(t)
				l.checkHistory(t)
			},
		})
	})
}

func begin(t *rapid.T, zones []*time.Location) *life {
	t.Helper()
	anchor, months := anyAnchor(t)
	o := order()
	o.Plan.IntervalMonths = months
	l := &life{
		cal:    billing.NewCalendar(rapid.SampledFrom(zones).Draw(t, "zone")),
		method: o.Method, now: anchor, waived: map[billing.PaymentID]bool{},
	}
	s, p, err := o.Start(l.now, l.cal)
	if err != nil {
		t.Fatal(err)
	}
	l.sub, l.payments = s, []billing.Payment{p}
	if !seldom(t, 4) {
		l.settle(t, 0, paid(399_00))
	}
	return l
}

// seldom is true once in so many times.
func seldom(t *rapid.T, in int) bool { return rapid.IntRange(1, in).Draw(t, "seldom") == in }

// fallDue lets time pass until the next charge, and some minutes.
func (l *life) fallDue(t *rapid.T) {
	if l.sub.NextChargeAt.After(l.now) {
		l.now = l.sub.NextChargeAt.Add(time.Duration(rapid.Int64Range(0, 100).Draw(t, "minutes")) * time.Minute)
	}
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
		case billing.PaymentAbandoned:
			o.DeclineCode = rapid.SampledFrom([]billing.DeclineCode{billing.NotSent, billing.Refused}).Draw(t, "code")
		default:
			o.DeclineCode = rapid.SampledFrom(billing.DeclineCodes()).Draw(t, "code")
			o.Advice = rapid.SampledFrom([]billing.Advice{
				billing.NoAdvice, billing.NoAdvice, billing.NoAdvice, billing.DoNotRetry, billing.ConsentWithdrawn,
			}).Draw(t, "advice")
		}
		return o
	})
}

// softDecline is one that is tried again, at least once.
func softDecline() *rapid.Generator[billing.Outcome] {
	return rapid.Custom(func(t *rapid.T) billing.Outcome {
		o := declined(rapid.SampledFrom([]billing.DeclineCode{
			billing.InsufficientFunds, billing.DoNotHonor, billing.LimitExceeded, billing.UnknownDecline,
		}).Draw(t, "code"))
		o.RetryAfter = time.Duration(rapid.SampledFrom([]int{0, 0, 1, 30, 100, 240}).Draw(t, "wait")) * time.Hour
		return o
	})
}

func (l *life) latest() int { return len(l.payments) - 1 }

// bill makes the payment that is due, and checks that there is one exactly when
// there should be.
func (l *life) bill(t *rapid.T) {
	t.Helper()
	before := l.sub
	id := billing.PaymentID(fmt.Sprintf("pay-%d", len(l.payments)+1))
	s, p, happened, due := l.sub.Bill(id, l.method, l.cal, l.now)
	again, _, _, twice := s.Bill(id+"-again", l.method, l.cal, l.now)
	renews := before.Status == billing.StatusActive || before.Status == billing.StatusPastDue
	want := renews && !before.Charging && !before.CancelAtPeriodEnd &&
		!before.NextChargeAt.After(l.now) && l.method.RemovedAt.IsZero()
	switch {
	case due != want:
		t.Fatalf("at %s billed is %v: %+v", l.now, due, before)
	case twice || again != s:
		t.Fatalf("billed twice at %s: %+v", l.now, again)
	case !due && p != billing.Payment{}:
		t.Fatalf("not billed, but there is payment %+v", p)
	case due && (p.ID != id || p.Initiator != billing.MerchantInitiated || p.Settled() || !p.CreatedAt.Equal(l.now)):
		t.Fatalf("billed as %+v", p)
	case due && (p.Period.Start.After(l.now) || !p.Period.End.After(l.now)):
		t.Fatalf("at %s billed for %v", l.now, p.Period)
	case !due && !l.method.RemovedAt.IsZero() && before.Live() && renews && !before.Charging && !before.NextChargeAt.After(l.now) && s.Live():
		t.Fatalf("the method was removed, and it lives on: %+v", s)
	}
	if due {
		l.payments = append(l.payments, p)
		want := before
		want.Charging, want.LatestPaymentID, want.NextChargeAt = true, id, p.Period.End
		if s != want {
			t.Fatalf("billing made it %+v", s)
		}
		l.sub = s
		l.record(t, p, happened)
		return
	}
	l.step(t, l.latest(), func(_ billing.Subscription, p billing.Payment) (billing.Subscription, billing.Payment, []billing.Event, error) {
		return s, p, happened, nil
	})
}

func (l *life) settle(t *rapid.T, n int, o billing.Outcome) {
	t.Helper()
	waited := !l.payments[n].Settled()
	l.step(t, n, func(s billing.Subscription, p billing.Payment) (billing.Subscription, billing.Payment, []billing.Event, error) {
		s, p, happened := s.Settle(p, o, retries, l.now)
		if slices.ContainsFunc(happened, func(e billing.Event) bool { return e.Type == billing.EventPeriodsWaived }) {
			l.waived[p.ID] = true
		}
		return s, p, happened, nil
	})
	l.checkAgainst(t, l.payments[n], o, waited)
	if again, _, happened := l.sub.Settle(l.payments[n], o, retries, l.now); again != l.sub || len(happened) > 0 {
		t.Fatalf("the same said twice makes it %+v, %v", again, happened)
	}
}

// oldNews is told about a payment before the latest; no subscription changes.
func (l *life) oldNews(t *rapid.T) {
	n := rapid.IntRange(0, l.latest()).Draw(t, "payment")
	before, settled := l.sub, l.payments[n].Settled()
	l.settle(t, n, anyOutcome().Draw(t, "outcome"))
	if settled && l.sub != before {
		t.Fatalf("news of settled payment %s made it %+v", l.payments[n].ID, l.sub)
	}
}

func (l *life) cancel(t *rapid.T) {
	if !seldom(t, 3) {
		return
	}
	at := billing.AtPeriodEnd
	if seldom(t, 6) {
		at = billing.AtOnce
	}
	l.comeRound(t)
	l.step(t, l.latest(), func(s billing.Subscription, p billing.Payment) (billing.Subscription, billing.Payment, []billing.Event, error) {
		s, happened, err := s.Cancel(at, l.now)
		return s, p, happened, err
	})
}

// comeRound writes down what time alone has done.
func (l *life) comeRound(t *rapid.T) {
	t.Helper()
	l.step(t, l.latest(), func(s billing.Subscription, p billing.Payment) (billing.Subscription, billing.Payment, []billing.Event, error) {
		s, happened := s.At(l.now)
		return s, p, happened, nil
	})
}

type change func(billing.Subscription, billing.Payment) (billing.Subscription, billing.Payment, []billing.Event, error)

// step applies one transition to the subscription and its n-th payment, and
// checks what it may change.
func (l *life) step(t *rapid.T, n int, transition change) {
	t.Helper()
	before := l.payments[n]
	sub, pay, happened, err := transition(l.sub, before)
	changed := sub != l.sub || pay != before
	switch {
	case err != nil && (changed || len(happened) > 0):
		t.Fatalf("refused (%v), but something changed: %+v, %v", err, sub, happened)
	case !changed && len(happened) > 0:
		t.Fatalf("nothing changed, but events say %v", happened)
	case sub != l.sub && len(happened) == 0:
		t.Fatalf("the subscription became %+v, and no event says so", sub)
	case !l.sub.Live() && sub != l.sub:
		t.Fatalf("ended, and yet it changed: %+v", sub)
	case before.Settled() && (pay.Status != before.Status || pay.DeclineCode != before.DeclineCode || pay.SettledAt != before.SettledAt):
		t.Fatalf("settled as %+v, and then as %+v", before, pay)
	case pay.Amount != before.Amount || pay.Period != before.Period || pay.ID != before.ID:
		t.Fatalf("what was agreed to in %+v became %+v", before, pay)
	case sub.Price != l.sub.Price || sub.AnchorAt != l.sub.AnchorAt || sub.IntervalMonths != l.sub.IntervalMonths:
		t.Fatalf("what the viewer agreed to became %+v", sub)
	}
	l.sub, l.payments[n] = sub, pay
	l.record(t, pay, happened)
}

func (l *life) record(t *rapid.T, p billing.Payment, happened []billing.Event) {
	t.Helper()
	for _, e := range happened {
		s := l.sub
		if e.At.After(l.now) || e.UserID != s.UserID || e.SubscriptionID != s.ID || e.PlanCode != s.PlanCode || e.ID != "" {
			t.Fatalf("at %s an event says %+v", l.now, e)
		}
		if e.PaymentID != "" && (e.PaymentID != p.ID || e.Amount != p.Amount) {
			t.Fatalf("an event of payment %+v says %+v", p, e)
		}
		if !e.RetryAt.IsZero() && (!e.RetryAt.After(l.now) || e.RetryAt.After(e.AccessUntil)) {
			t.Fatalf("at %s an event says %+v", l.now, e)
		}
	}
	l.history = append(l.history, happened...)
}
