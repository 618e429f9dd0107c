package billing_test

import (
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/online-cinema/billing/core/billing"
)

// checkAgainst compares the books with what the payment system has just said.
func (l *life) checkAgainst(t *rapid.T, p billing.Payment, o billing.Outcome, waited bool) {
	t.Helper()
	took := o.Status == billing.PaymentSucceeded
	final := declineCodes()[o.DeclineCode] == never && o.Status == billing.PaymentDeclined || o.Advice != billing.NoAdvice
	switch {
	case waited && p.Settled() && p.Status != o.Status:
		t.Fatalf("settled as %s by %+v", p.Status, o)
	case waited && p.Settled() && took && o.Amount != p.Amount:
		t.Fatalf("%s was taken, and %s counts as paid", o.Amount, p.Amount)
	case took && (o.Amount != p.Amount || p.Status != billing.PaymentSucceeded) && p.Contradiction == "":
		t.Fatalf("%s was taken, the payment is %+v, and nobody is told", o.Amount, p)
	case waited && p.Status == billing.PaymentDeclined && final && l.sub.Live():
		t.Fatalf("declined for good by %+v, and it goes on as %+v", o, l.sub)
	case waited && p.Status == billing.PaymentSucceeded && (l.sub.Status != billing.StatusActive || l.sub.Current != p.Period):
		t.Fatalf("paid for %v, and it is %+v", p.Period, l.sub)
	}
}

func (l *life) checkState(t *rapid.T) {
	t.Helper()
	s := l.sub
	running := s.Status == billing.StatusActive || s.Status == billing.StatusPastDue
	late := s.Status == billing.StatusPastDue
	first := l.payments[0]
	until := s.AccessUntil(l.now)
	switch {
	case s.NextChargeAt.IsZero() == running:
		t.Fatalf("%s, but there is something to do at %s", s.Status, s.NextChargeAt)
	case s.PastDueSince.IsZero() == late || s.GraceUntil.IsZero() == late:
		t.Fatalf("%s, but past due since %s until %s", s.Status, s.PastDueSince, s.GraceUntil)
	case s.EndedAt.IsZero() != s.Live():
		t.Fatalf("%s, but ended at %s", s.Status, s.EndedAt)
	case s.StartedAt.IsZero() != (first.Status != billing.PaymentSucceeded):
		t.Fatalf("first payment %s, but started at %s", first.Status, s.StartedAt)
	case (s.Status == billing.StatusIncomplete) != !first.Settled():
		t.Fatalf("%s, but its first payment is %s", s.Status, first.Status)
	case !running && !until.IsZero():
		t.Fatalf("%s, but may be watched until %s", s.Status, until)
	case running && !s.CancelAtPeriodEnd && (until.Before(l.now) || until.Before(s.Current.End) || until.Before(s.GraceUntil)):
		t.Fatalf("at %s it may be watched only until %s: %+v", l.now, until, s)
	}
}

func (l *life) checkPayments(t *rapid.T) {
	t.Helper()
	known := []billing.PaymentStatus{billing.PaymentPending, billing.PaymentSucceeded, billing.PaymentDeclined, billing.PaymentAbandoned}
	var pending []billing.PaymentID
	unpaid := 0 // tries since the last that was paid
	for _, p := range l.payments {
		switch p.Status {
		case billing.PaymentPending:
			pending = append(pending, p.ID)
		case billing.PaymentSucceeded:
			unpaid = 0
		default:
			if p.DeclineCode != billing.NotSent {
				unpaid++
			}
		}
		switch {
		case !slices.Contains(known, p.Status):
			t.Fatalf("a payment of status %q", p.Status)
		case p.SettledAt.IsZero() != !p.Settled():
			t.Fatalf("payment %s, but settled at %s", p.Status, p.SettledAt)
		case p.Settled() && p.ActionURL != "":
			t.Fatalf("payment %s, but the viewer is sent to %s", p.Status, p.ActionURL)
		case p.Amount != money(399_00, "RUB"):
			t.Fatalf("%s is charged", p.Amount)
		}
	}
	last := l.payments[l.latest()].ID
	switch {
	case l.sub.LatestPaymentID != last:
		t.Fatalf("payment %s is the latest, not %s", last, l.sub.LatestPaymentID)
	case l.sub.Charging && !slices.Equal(pending, []billing.PaymentID{last}), !l.sub.Charging && len(pending) > 0:
		t.Fatalf("charging is %v, and what is pending are %v", l.sub.Charging, pending)
	case unpaid > 5 || unpaid == 5 && l.sub.Live(): // the renewal and its four retries
		t.Fatalf("%d tries were not paid, and it is %s", unpaid, l.sub.Status)
	}
}

// checkPaidPeriods checks that what was paid for is one whole period after the
// other, but for those that were waived.
func (l *life) checkPaidPeriods(t *rapid.T) {
	t.Helper()
	k, end := 0, l.sub.AnchorAt
	for _, p := range l.payments {
		if p.Status != billing.PaymentSucceeded {
			continue
		}
		for period := l.cal.Period(l.sub.AnchorAt, k, l.sub.IntervalMonths); period != p.Period; k++ {
			if period.Start.After(p.Period.Start) {
				t.Fatalf("%v is paid for, which is no period after %s", p.Period, end)
			}
			period = l.cal.Period(l.sub.AnchorAt, k+1, l.sub.IntervalMonths)
		}
		if p.Period.Start != end && !l.waived[p.ID] {
			t.Fatalf("%v is paid for after %s, and nobody says what was in between", p.Period, end)
		}
		k, end = k+1, p.Period.End
	}
	if end != l.sub.AnchorAt && l.sub.Current.End != end {
		t.Fatalf("paid until %s, but the books say %v", end, l.sub.Current)
	}
}

func (l *life) checkHistory(t *rapid.T) {
	t.Helper()
	events := map[billing.EventType]int{}
	var retryAt time.Time
	for _, e := range l.history {
		events[e.Type]++
		if !e.RetryAt.IsZero() {
			retryAt = e.RetryAt
		}
	}
	payments, contradicted := map[billing.PaymentStatus]int{}, 0
	for _, p := range l.payments {
		payments[p.Status]++
		if p.Contradiction != "" {
			contradicted++
		}
	}
	started, ended := 0, 0
	if !l.sub.StartedAt.IsZero() {
		started = 1
		if !l.sub.Live() {
			ended = 1
		}
	}
	cancelled := 0
	if l.sub.CancelAtPeriodEnd {
		cancelled = 1
	}
	revocable := events[billing.EventCancelRequested] - events[billing.EventCancelRevoked]
	switch {
	case events[billing.EventSubscribed] != started || events[billing.EventSubscribed]+events[billing.EventRenewed] != payments[billing.PaymentSucceeded]:
		t.Fatalf("the payments are %v, but the history says %v", payments, events)
	case events[billing.EventPaymentDeclined] != payments[billing.PaymentDeclined] ||
		events[billing.EventPaymentAbandoned] != payments[billing.PaymentAbandoned]:
		t.Fatalf("the payments are %v, but the history says %v", payments, events)
	case events[billing.EventPaymentContradicted] < contradicted:
		t.Fatalf("%d payments are contradicted, but the history says %v", contradicted, events)
	case events[billing.EventEnded] != ended:
		t.Fatalf("%s, but the history says %v", l.sub.Status, events)
	case l.sub.Live() && revocable != cancelled:
		t.Fatalf("cancelled is %v, but the history says %v", l.sub.CancelAtPeriodEnd, events)
	case l.sub.Status == billing.StatusPastDue && retryAt.IsZero():
		t.Fatalf("past due, and the history says nothing about another try: %v", events)
	case l.sub.Status == billing.StatusPastDue && !l.sub.Charging && l.sub.NextChargeAt.Before(retryAt):
		t.Fatalf("the history says that it is tried at %s, not at %s", retryAt, l.sub.NextChargeAt)
	}
}
