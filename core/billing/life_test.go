package billing_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/online-cinema/billing/core/billing"
)

// life is a subscription under random transitions, in any order, over many
// periods.
type life struct {
	cal      billing.Calendar
	sub      billing.Subscription
	payments []billing.Payment // oldest first
	grants   []billing.Grant   // oldest first
	method   billing.PaymentMethod
	now      time.Time
	history  []billing.Event
	waived   map[billing.PaymentID]bool // payments that waived the periods before them
}

func TestSubscription_AnyLifeCycleKeepsInvariants(t *testing.T) {
	t.Parallel()
	zones := testZones(t)
	rapid.Check(t, func(t *rapid.T) {
		l := begin(t, zones)
		l.checkState(t)
		t.Repeat(map[string]func(*rapid.T){
			"time passes": func(t *rapid.T) {
				l.now = l.now.Add(time.Duration(rapid.Int64Range(0, 70*24).Draw(t, "hours")) * time.Hour)
			},
			"renewal paid": func(t *rapid.T) {
				l.advanceToDue(t)
				l.bill(t)
				l.settle(t, l.latest(), paid(399_00))
			},
			"renewal declined": func(t *rapid.T) {
				l.advanceToDue(t)
				l.bill(t)
				l.settle(t, l.latest(), softDecline().Draw(t, "outcome"))
			},
			"renewal pending": func(t *rapid.T) {
				l.advanceToDue(t)
				l.bill(t)
			},
			"bill":                        l.bill,
			"paid":                        func(t *rapid.T) { l.settle(t, l.latest(), paid(399_00)) },
			"never sent":                  func(t *rapid.T) { l.settle(t, l.latest(), billing.Abandon(billing.NotSent)) },
			"any outcome":                 func(t *rapid.T) { l.settle(t, l.latest(), anyOutcome().Draw(t, "outcome")) },
			"outcome of an older payment": l.settleOlder,
			"cancel":                      l.cancel,
			"resume": func(t *rapid.T) {
				l.applyTime(t)
				l.step(t, l.latest(), func(s billing.Subscription, p billing.Payment) (billing.Subscription, billing.Payment, []billing.Event, error) {
					s, events, err := s.Resume(l.method, l.now)
					return s, p, events, err
				})
			},
			"pay":        l.pay,
			"give":       l.give,
			"replace":    l.replace,
			"apply time": l.applyTime,
			"method removed": func(t *rapid.T) {
				if l.method.RemovedAt.IsZero() && oneIn(t, 10) {
					l.method.RemovedAt = l.now
					if oneIn(t, 2) { // otherwise Bill ends the subscription
						l.stopRenewal(t, billing.MethodRemoved)
					}
				}
			},
			"plan ended": func(t *rapid.T) {
				if !l.sub.PlanEnding && oneIn(t, 10) {
					l.sub.PlanEnding = true
					if oneIn(t, 2) { // otherwise Bill ends the subscription
						l.stopRenewal(t, billing.PlanEnded)
					}
				}
			},
			"plan restored": func(*rapid.T) { l.sub.PlanEnding = false },
			"": func(t *rapid.T) {
				l.checkState(t)
				l.checkPayments(t)
				l.checkPaidPeriods(t)
				l.checkHistory(t)
				l.checkAgreements(t)
			},
		})
	})
}

func begin(t *rapid.T, zones []*time.Location) *life {
	t.Helper()
	anchor, months := randomAnchor(t)
	o := order()
	o.Plan.IntervalMonths = months
	l := &life{
		cal:    billing.NewCalendar(rapid.SampledFrom(zones).Draw(t, "zone")),
		method: o.Method, now: anchor, waived: map[billing.PaymentID]bool{},
	}
	s, p, events, err := o.Start(l.now, l.cal)
	if err != nil {
		t.Fatal(err)
	}
	l.sub, l.payments, l.history = s, []billing.Payment{p}, events
	if !oneIn(t, 4) {
		l.settle(t, 0, paid(399_00))
	}
	return l
}

// oneIn is true in one of n draws.
func oneIn(t *rapid.T, n int) bool { return rapid.IntRange(1, n).Draw(t, "one in") == n }

// advanceToDue moves the time to the next charge or some minutes after it.
func (l *life) advanceToDue(t *rapid.T) {
	if l.sub.NextChargeAt.After(l.now) {
		l.now = l.sub.NextChargeAt.Add(time.Duration(rapid.Int64Range(0, 100).Draw(t, "minutes")) * time.Minute)
	}
}

// anyOutcome generates outcomes, including invalid ones.
func anyOutcome() *rapid.Generator[billing.Outcome] {
	return rapid.Custom(func(t *rapid.T) billing.Outcome {
		o := billing.Outcome{
			Status: rapid.SampledFrom([]billing.PaymentStatus{
				billing.PaymentPending, billing.PaymentSucceeded, billing.PaymentDeclined, billing.PaymentAbandoned, "", "odd",
			}).Draw(t, "status"),
			ProviderRef: rapid.SampledFrom([]string{"", "ref-1", "ref-2"}).Draw(t, "ref"),
			ActionURL:   rapid.SampledFrom([]string{"", "https://bank.example/3ds"}).Draw(t, "url"),
		}
		if o.ActionURL != "" {
			o.ActionExpiresAt = rapid.SampledFrom([]time.Time{{}, day(1), day(2)}).Draw(t, "expires")
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

// softDecline generates declines that are retried at least once.
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

// bill bills the subscription and checks that a payment is due exactly when it
// should be.
func (l *life) bill(t *rapid.T) {
	t.Helper()
	before := l.sub
	id := billing.PaymentID(fmt.Sprintf("pay-%d", len(l.payments)+1))
	s, p, events, due := l.sub.Bill(id, l.method, l.cal, l.now)
	repeated, _, _, dueAgain := s.Bill(id+"-repeated", l.method, l.cal, l.now)
	renews := before.Status == billing.StatusActive || before.Status == billing.StatusPastDue
	want := renews && !before.Charging && !before.CancelAtPeriodEnd && before.Hold == "" &&
		!before.NextChargeAt.After(l.now) && l.method.RemovedAt.IsZero() && !before.PlanEnding
	within := l.now
	if before.Status == billing.StatusPastDue {
		within = before.PastDueSince
	}
	switch {
	case due != want:
		t.Fatalf("at %s due = %v: %+v", l.now, due, before)
	case dueAgain || repeated != s:
		t.Fatalf("billed twice at %s: %+v", l.now, repeated)
	case !due && p != billing.Payment{}:
		t.Fatalf("not due, but Bill returned %+v", p)
	case due && (p.ID != id || p.Initiator != billing.MerchantInitiated || p.Settled() || !p.CreatedAt.Equal(l.now)):
		t.Fatalf("billed as %+v", p)
	case due && (p.Period.Start.After(within) || !p.Period.End.After(within)):
		t.Fatalf("at %s billed for %v", l.now, p.Period)
	case !due && (!l.method.RemovedAt.IsZero() || before.PlanEnding) && before.Live() && renews && !before.Charging && before.Hold == "" && !before.NextChargeAt.After(l.now) && s.Live():
		t.Fatalf("nothing can renew the subscription, but it is live: %+v", s)
	}
	if due {
		l.payments = append(l.payments, p)
		want := before
		want.Charging, want.LatestPaymentID, want.NextChargeAt = true, id, p.Period.End
		if s != want {
			t.Fatalf("Bill returned the subscription %+v", s)
		}
		l.sub = s
		l.record(t, p, events)
		return
	}
	l.step(t, l.latest(), func(_ billing.Subscription, p billing.Payment) (billing.Subscription, billing.Payment, []billing.Event, error) {
		return s, p, events, nil
	})
}

// pay lets the viewer pay by a random method, at the agreed price or another one.
func (l *life) pay(t *rapid.T) {
	l.applyTime(t)
	id := billing.PaymentID(fmt.Sprintf("pay-%d", len(l.payments)+1))
	r := billing.PayRequest{Payment: id, Method: l.randomMethod(t), Shown: l.sub.Price}
	if oneIn(t, 5) {
		r.Shown.Amount++
	}
	m := r.Method
	s, p, events, err := l.sub.Pay(r, l.cal, l.now)
	if may := l.sub.Status == billing.StatusPastDue && !l.sub.Charging && !l.sub.PlanEnding && r.Shown == l.sub.Price; may != (err == nil) {
		t.Fatalf("at %s Pay returned %v: %+v", l.now, err, l.sub)
	}
	if err != nil {
		return
	}
	want := l.sub
	want.Charging, want.LatestPaymentID = true, id
	if s != want || p.Initiator != billing.CustomerInitiated || p.MethodID != m.ID || p.Period.Start.After(l.sub.PastDueSince) || !p.Period.End.After(l.sub.PastDueSince) {
		t.Fatalf("Pay returned %+v, %+v", s, p)
	}
	l.sub, l.payments, l.history = s, append(l.payments, p), append(l.history, events...)
}

// give gives days or a period, and checks that no announced date comes earlier.
func (l *life) give(t *rapid.T) {
	if !oneIn(t, 3) {
		return
	}
	l.applyTime(t)
	before := l.sub
	r := grantRequest(rapid.SampledFrom([]int{0, 1, 3, 40}).Draw(t, "days"))
	var given billing.Grant
	l.step(t, l.latest(), func(s billing.Subscription, p billing.Payment) (billing.Subscription, billing.Payment, []billing.Event, error) {
		s, g, events, err := s.Give(r, l.cal, l.now)
		if err == nil {
			given = g
			l.grants = append(l.grants, g)
		}
		return s, p, events, err
	})
	running := before.Status == billing.StatusActive || before.Status == billing.StatusPastDue
	switch {
	case (given != billing.Grant{}) != (running && !before.Charging):
		t.Fatalf("%+v is given to %+v", given, before)
	case given == billing.Grant{}:
		return
	case given.Period.Start != before.Current.End || l.sub.Current.End != given.Period.End || !given.Period.End.After(given.Period.Start):
		t.Fatalf("%v is given after %v, and Current is %v", given.Period, before.Current, l.sub.Current)
	case l.sub.GraceUntil.Before(before.GraceUntil) || l.sub.NextChargeAt.Before(before.NextChargeAt):
		t.Fatalf("%+v moved a date to an earlier time: %+v", given, l.sub)
	case before.AccessUntil(l.now, renewalGrace).After(l.sub.AccessUntil(l.now, renewalGrace)):
		t.Fatalf("%+v shortened the access: %+v", given, l.sub)
	}
}

func (l *life) replace(t *rapid.T) {
	l.applyTime(t)
	m := l.randomMethod(t)
	l.step(t, l.latest(), func(s billing.Subscription, p billing.Payment) (billing.Subscription, billing.Payment, []billing.Event, error) {
		s, events, err := s.Replace(m, l.now)
		if err == nil {
			l.method = m
		}
		return s, p, events, err
	})
}

func (l *life) randomMethod(t *rapid.T) billing.PaymentMethod {
	m := order().Method
	m.ID = rapid.SampledFrom([]billing.PaymentMethodID{"method-1", "method-2", "method-3"}).Draw(t, "method")
	return m
}

func (l *life) settle(t *rapid.T, n int, o billing.Outcome) {
	t.Helper()
	wasPending := !l.payments[n].Settled()
	l.step(t, n, func(s billing.Subscription, p billing.Payment) (billing.Subscription, billing.Payment, []billing.Event, error) {
		s, p, events := s.Settle(p, o, retries, l.cal, l.now)
		if slices.ContainsFunc(events, func(e billing.Event) bool { return e.Type == billing.EventPeriodsWaived }) {
			l.waived[p.ID] = true
		}
		return s, p, events, nil
	})
	l.checkOutcome(t, l.payments[n], o, wasPending)
	if repeated, _, events := l.sub.Settle(l.payments[n], o, retries, l.cal, l.now); repeated != l.sub || len(events) > 0 {
		t.Fatalf("the same outcome again changed something: %+v, %v", repeated, events)
	}
}

// settleOlder applies an outcome to any payment. If that was already settled, the
// subscription must not change.
func (l *life) settleOlder(t *rapid.T) {
	n := rapid.IntRange(0, l.latest()).Draw(t, "payment")
	before, settled := l.sub, l.payments[n].Settled()
	l.settle(t, n, anyOutcome().Draw(t, "outcome"))
	if settled && l.sub != before {
		t.Fatalf("an outcome of the settled payment %s changed the subscription: %+v", l.payments[n].ID, l.sub)
	}
}

func (l *life) cancel(t *rapid.T) {
	if !oneIn(t, 3) {
		return
	}
	at := billing.AtPeriodEnd
	if oneIn(t, 6) {
		at = billing.AtOnce
	}
	l.applyTime(t)
	l.step(t, l.latest(), func(s billing.Subscription, p billing.Payment) (billing.Subscription, billing.Payment, []billing.Event, error) {
		s, events, err := s.Cancel(at, l.now)
		return s, p, events, err
	})
}

func (l *life) stopRenewal(t *rapid.T, reason billing.DeclineCode) {
	t.Helper()
	l.step(t, l.latest(), func(s billing.Subscription, p billing.Payment) (billing.Subscription, billing.Payment, []billing.Event, error) {
		s, events := s.StopRenewal(reason, l.now)
		return s, p, events, nil
	})
	if l.sub.Live() && !l.sub.CancelAtPeriodEnd {
		t.Fatalf("after %s the subscription renews: %+v", reason, l.sub)
	}
}

// applyTime ends the subscription if it was cancelled and its period is over.
func (l *life) applyTime(t *rapid.T) {
	t.Helper()
	l.step(t, l.latest(), func(s billing.Subscription, p billing.Payment) (billing.Subscription, billing.Payment, []billing.Event, error) {
		s, events := s.At(l.now)
		return s, p, events, nil
	})
}

type transition func(billing.Subscription, billing.Payment) (billing.Subscription, billing.Payment, []billing.Event, error)

// step applies a transition to the subscription and its n-th payment, and checks
// which fields it changed.
func (l *life) step(t *rapid.T, n int, f transition) {
	t.Helper()
	before := l.payments[n]
	sub, pay, events, err := f(l.sub, before)
	changed := sub != l.sub || pay != before
	switch {
	case err != nil && (changed || len(events) > 0):
		t.Fatalf("error %v, but something changed: %+v, %v", err, sub, events)
	case !changed && len(events) > 0:
		t.Fatalf("nothing changed, but the events are %v", events)
	case sub != l.sub && len(events) == 0:
		t.Fatalf("the subscription changed without an event: %+v", sub)
	case !l.sub.Live() && sub != l.sub:
		t.Fatalf("the ended subscription changed: %+v", sub)
	case before.Settled() && (pay.Status != before.Status || pay.DeclineCode != before.DeclineCode || pay.SettledAt != before.SettledAt):
		t.Fatalf("the settled payment %+v became %+v", before, pay)
	case pay.Amount != before.Amount || pay.ID != before.ID || pay.Period != before.Period && !l.startsLate(sub, pay):
		t.Fatalf("the terms of payment %+v became %+v", before, pay)
	case sub.Price != l.sub.Price || sub.IntervalMonths != l.sub.IntervalMonths || sub.AnchorAt != l.sub.AnchorAt && !l.startsLate(sub, pay) && !daysGiven(sub, events):
		t.Fatalf("the terms of the subscription became %+v", sub)
	}
	l.sub, l.payments[n] = sub, pay
	l.record(t, pay, events)
}

// startsLate reports whether the first payment has just settled, and its period begins
// now.
func (l *life) startsLate(s billing.Subscription, p billing.Payment) bool {
	return l.sub.Status == billing.StatusIncomplete && s.Status == billing.StatusActive && s.AnchorAt.Equal(l.now) &&
		p.Period == l.cal.Period(l.now, 0, s.IntervalMonths) && s.Current == p.Period
}

func (l *life) record(t *rapid.T, p billing.Payment, events []billing.Event) {
	t.Helper()
	for _, e := range events {
		s := l.sub
		if e.At.After(l.now) || e.UserID != s.UserID || e.SubscriptionID != s.ID || e.PlanCode != s.PlanCode || e.ID != "" {
			t.Fatalf("at %s: unexpected event %+v", l.now, e)
		}
		if e.PaymentID != "" && (e.PaymentID != p.ID || e.Amount != p.Amount) {
			t.Fatalf("payment %+v has the event %+v", p, e)
		}
		if !e.RetryAt.IsZero() && (!e.RetryAt.After(l.now) || e.RetryAt.After(e.AccessUntil)) {
			t.Fatalf("at %s: unexpected event %+v", l.now, e)
		}
	}
	l.history = append(l.history, events...)
}

// daysGiven reports whether the events moved the anchor to the end of the period.
func daysGiven(s billing.Subscription, events []billing.Event) bool {
	return len(events) == 1 && events[0].Type == billing.EventPeriodGiven && s.AnchorAt.Equal(s.Current.End)
}
