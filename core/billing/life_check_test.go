package billing_test

import (
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/online-cinema/billing/core/billing"
)

// checkOutcome compares the payment and the subscription with the outcome that was
// just applied. wasPending is the payment's state before.
func (l *life) checkOutcome(t *rapid.T, p billing.Payment, o billing.Outcome, wasPending bool) {
	t.Helper()
	took := o.Status == billing.PaymentSucceeded
	consentGone := declineCodes()[o.DeclineCode] == ends || o.Advice == billing.ConsentWithdrawn
	final := consentGone && p.Initiator == billing.MerchantInitiated && p.MethodID == l.sub.MethodID
	switch {
	case wasPending && p.Settled() && p.Status != o.Status:
		t.Fatalf("outcome settled the payment as %s: %+v", p.Status, o)
	case wasPending && p.Settled() && took && o.Amount != p.Amount:
		t.Fatalf("the payment system took %s, but %s counts as paid", o.Amount, p.Amount)
	case took && (o.Amount != p.Amount || p.Status != billing.PaymentSucceeded) && p.Contradiction == "":
		t.Fatalf("the payment system took %s, but %+v has no contradiction", o.Amount, p)
	case wasPending && p.Status == billing.PaymentDeclined && final && l.sub.Live():
		t.Fatalf("after the final decline %+v the subscription is live: %+v", o, l.sub)
	case wasPending && p.Status == billing.PaymentSucceeded && (l.sub.Status != billing.StatusActive || l.sub.Current != p.Period):
		t.Fatalf("%v is paid, but the subscription is %+v", p.Period, l.sub)
	}
}

func (l *life) checkState(t *rapid.T) {
	t.Helper()
	s := l.sub
	running := s.Status == billing.StatusActive || s.Status == billing.StatusPastDue
	pastDue := s.Status == billing.StatusPastDue
	first := l.payments[0]
	until := s.AccessUntil(l.now, renewalGrace)
	promised := s.Current.End.Add(renewalGrace)
	switch {
	case pastDue:
		promised = s.GraceUntil
	case s.PlanEnding:
		promised = s.Current.End
	}
	switch {
	case s.NextChargeAt.IsZero() != (!running || s.Hold != ""):
		t.Fatalf("%s, on hold for %q, but NextChargeAt is %s", s.Status, s.Hold, s.NextChargeAt)
	case s.Hold != "" && !pastDue:
		t.Fatalf("%s, but on hold for %q", s.Status, s.Hold)
	case s.PastDueSince.IsZero() == pastDue || s.GraceUntil.IsZero() == pastDue:
		t.Fatalf("%s, but PastDueSince is %s and GraceUntil %s", s.Status, s.PastDueSince, s.GraceUntil)
	case s.EndedAt.IsZero() != s.Live():
		t.Fatalf("%s, but EndedAt is %s", s.Status, s.EndedAt)
	case s.StartedAt.IsZero() != (first.Status != billing.PaymentSucceeded):
		t.Fatalf("first payment %s, but StartedAt is %s", first.Status, s.StartedAt)
	case (s.Status == billing.StatusIncomplete) != !first.Settled():
		t.Fatalf("%s, but the first payment is %s", s.Status, first.Status)
	case !running && !until.IsZero():
		t.Fatalf("%s, but AccessUntil is %s", s.Status, until)
	case running && !s.CancelAtPeriodEnd && l.now.Before(promised) && until != promised:
		t.Fatalf("at %s AccessUntil is only %s: %+v", l.now, until, s)
	}
}

func (l *life) checkPayments(t *rapid.T) {
	t.Helper()
	known := []billing.PaymentStatus{billing.PaymentPending, billing.PaymentSucceeded, billing.PaymentDeclined, billing.PaymentAbandoned}
	var pending []billing.PaymentID
	failures := 0 // failed renewals since the last success
	replaced := slices.ContainsFunc(l.history, func(e billing.Event) bool { return e.Type == billing.EventMethodReplaced })
	for _, p := range l.payments {
		switch p.Status {
		case billing.PaymentPending:
			pending = append(pending, p.ID)
		case billing.PaymentSucceeded:
			failures = 0
		default:
			if p.DeclineCode != billing.NotSent && p.Initiator == billing.MerchantInitiated {
				failures++
			}
		}
		switch {
		case !slices.Contains(known, p.Status):
			t.Fatalf("unknown payment status %q", p.Status)
		case p.SettledAt.IsZero() != !p.Settled():
			t.Fatalf("payment %s, but SettledAt is %s", p.Status, p.SettledAt)
		case p.Settled() && p.ActionURL != "", p.ActionURL == "" && !p.ActionExpiresAt.IsZero():
			t.Fatalf("payment %s, but ActionURL is %q until %s", p.Status, p.ActionURL, p.ActionExpiresAt)
		case p.Amount != money(399_00, "RUB"):
			t.Fatalf("Amount = %s, want the agreed price", p.Amount)
		}
	}
	last := l.payments[l.latest()].ID
	switch {
	case l.sub.LatestPaymentID != last:
		t.Fatalf("the latest payment is %s, but LatestPaymentID is %s", last, l.sub.LatestPaymentID)
	case l.sub.Charging && !slices.Equal(pending, []billing.PaymentID{last}), !l.sub.Charging && len(pending) > 0:
		t.Fatalf("Charging = %v, but the pending payments are %v", l.sub.Charging, pending)
	case !replaced && (failures > 5 || failures == 5 && l.sub.Live()): // a renewal and its four retries
		t.Fatalf("after %d failed payments the subscription is %s", failures, l.sub.Status)
	}
}

// checkPaidPeriods checks that the paid and given periods follow each other, except for
// the periods that were waived.
func (l *life) checkPaidPeriods(t *rapid.T) {
	t.Helper()
	var paid []billing.Payment
	for _, p := range l.payments {
		if p.Status == billing.PaymentSucceeded {
			paid = append(paid, p)
		}
	}
	if len(paid) == 0 {
		return
	}
	anchor, k := paid[0].Period.Start, 0
	end, grants := anchor, l.grants
	skipGrants := func() {
		for ; len(grants) > 0 && grants[0].Period.Start.Equal(end); grants = grants[1:] {
			given := grants[0].Period
			if whole := l.cal.Period(anchor, k, l.sub.IntervalMonths); given == whole {
				k++
			} else {
				anchor, k = given.End, 0
			}
			end = given.End
		}
	}
	for _, p := range paid {
		skipGrants()
		for period := l.cal.Period(anchor, k, l.sub.IntervalMonths); period != p.Period; k++ {
			if period.Start.After(p.Period.Start) {
				t.Fatalf("%v is paid, but no period after %s equals it", p.Period, end)
			}
			period = l.cal.Period(anchor, k+1, l.sub.IntervalMonths)
		}
		if p.Period.Start != end && !l.waived[p.ID] {
			t.Fatalf("%v is paid after %s, but the gap was not waived", p.Period, end)
		}
		k, end = k+1, p.Period.End
	}
	skipGrants()
	if len(grants) > 0 || l.sub.Current.End != end || !l.sub.AnchorAt.Equal(anchor) {
		t.Fatalf("paid or given until %s, counted from %s, without %v; but the subscription is %+v", end, anchor, grants, l.sub)
	}
}

func (l *life) checkHistory(t *rapid.T) {
	t.Helper()
	events := map[billing.EventType]int{}
	var retryAt time.Time // the announced time; zero once a hold or another method has replaced it
	announced := false
	for _, e := range l.history {
		events[e.Type]++
		switch {
		case !e.RetryAt.IsZero():
			retryAt, announced = e.RetryAt, true
		case e.Type == billing.EventMethodReplaced || e.Type == billing.EventPaymentActionRequired:
			retryAt, announced = time.Time{}, true
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
	openCancels := events[billing.EventCancelRequested] - events[billing.EventCancelRevoked]
	switch {
	case events[billing.EventSubscribed] != started || events[billing.EventSubscribed]+events[billing.EventRenewed] != payments[billing.PaymentSucceeded]:
		t.Fatalf("the payments are %v, but the events are %v", payments, events)
	case events[billing.EventPaymentDeclined] != payments[billing.PaymentDeclined] ||
		events[billing.EventPaymentAbandoned] != payments[billing.PaymentAbandoned]:
		t.Fatalf("the payments are %v, but the events are %v", payments, events)
	case events[billing.EventPaymentContradicted] < contradicted:
		t.Fatalf("%d payments are contradicted, but the events are %v", contradicted, events)
	case events[billing.EventEnded] != ended:
		t.Fatalf("%s, but the events are %v", l.sub.Status, events)
	case l.sub.Live() && openCancels != cancelled:
		t.Fatalf("CancelAtPeriodEnd = %v, but the events are %v", l.sub.CancelAtPeriodEnd, events)
	case l.sub.Status == billing.StatusPastDue && !announced:
		t.Fatalf("past due, but no event announced a retry or a hold: %v", events)
	case l.sub.Status == billing.StatusPastDue && !l.sub.Charging && l.sub.Hold == "" && l.sub.NextChargeAt.Before(retryAt):
		t.Fatalf("the last event has RetryAt %s, but NextChargeAt is %s", retryAt, l.sub.NextChargeAt)
	}
}

// checkAgreements checks that the viewer agreed to each payment of their own, and that no
// payment is above the latest agreement before it.
func (l *life) checkAgreements(t *rapid.T) {
	t.Helper()
	var agreements []billing.Event
	for _, e := range l.history {
		if e.Type == billing.EventAgreed {
			agreements = append(agreements, e)
		}
	}
	n := 0 // agreements up to the payment
	for _, p := range l.payments {
		own := p.Initiator == billing.CustomerInitiated
		if own {
			n++
		}
		if n == 0 || n > len(agreements) {
			t.Fatalf("%d agreements for the payments %+v", len(agreements), l.payments)
		}
		e := agreements[n-1]
		switch a := e.Agreement; {
		case own && (p.Amount != a.DueNow || !p.CreatedAt.Equal(e.At)):
			t.Fatalf("the viewer agreed to %+v, but pays by %+v", e, p)
		case p.Amount != a.Price || a.IntervalMonths != l.sub.IntervalMonths:
			t.Fatalf("the viewer agreed to %+v, but the payment is %+v", e, p)
		}
	}
	if n != len(agreements) {
		t.Fatalf("%d agreements for %d payments by the viewer", len(agreements), n)
	}
}
