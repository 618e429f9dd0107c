package renewals_test

import (
	"context"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
)

// due is the due time of the first renewal of a subscription made at the start.
var due = date(4, 1)

// retries are the times of the retries of a declined renewal, counted from due.
var retries = []time.Duration{24 * time.Hour, 72 * time.Hour, 120 * time.Hour, 168 * time.Hour}

// at moves the billing clock to a time after due.
func (w world) at(after time.Duration) { w.Clock.Advance(due.Add(after).Sub(w.Clock.Now())) }

// declineFirstRenewal subscribes the viewer, and declines the first renewal at its
// due time.
func (w world) declineFirstRenewal() {
	w.T.Helper()
	w.MustSubscribe()
	w.Provider.SetFault(billingtest.Decline)
	w.at(0)
	w.expectRun(ports.Summary{Due: 1, Declined: 1})
}

func TestRun_RetriesDeclineOnSchedule(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.declineFirstRenewal()
		history := []billing.EventType{billing.EventSubscribed, billing.EventPaymentDeclined}
		for i, after := range retries {
			w.expectGrace(retries[i])
			w.at(after - time.Minute)
			w.expectRun(ports.Summary{})
			w.expectGrace(retries[i])
			w.at(after)
			want := ports.Summary{Due: 1, Declined: 1}
			history = append(history, billing.EventPaymentDeclined)
			if i == len(retries)-1 {
				want.Ended = 1
				history = append(history, billing.EventEnded)
			}
			w.expectRun(want)
			w.expectRun(ports.Summary{})
		}
		w.ExpectHistory(history...)
		s := w.subscriptionOf(billingtest.Viewer)
		if s.Status != billing.StatusEnded || !s.EndedAt.Equal(w.Clock.Now()) || !s.AccessUntil(w.Clock.Now(), billingtest.RenewalGrace).IsZero() {
			t.Errorf("after the last retry it is %s since %s, with access until %s", s.Status, s.EndedAt, s.AccessUntil(w.Clock.Now(), billingtest.RenewalGrace))
		}
		if n := len(w.Provider.Requests()); n != 1+1+len(retries) {
			t.Errorf("%d charges were sent, want the first, its renewal and the retries", n)
		}
		w.at(365 * 24 * time.Hour)
		w.expectRun(ports.Summary{})
		w.ExpectCharges(1)

		w.Provider.SetFault(billingtest.NoFault)
		w.MustSubscribe()
		w.ExpectCharges(2)
		w.Clock.Advance(billingtest.Month)
		w.expectRun(ports.Summary{Due: 1, Renewed: 1})
	})
}

// expectGrace expects access until the end of dunning, and the next retry at next.
func (w world) expectGrace(next time.Duration) {
	w.T.Helper()
	s := w.subscriptionOf(billingtest.Viewer)
	until := s.AccessUntil(w.Clock.Now(), billingtest.RenewalGrace)
	if s.Status != billing.StatusPastDue || !s.NextChargeAt.Equal(due.Add(next)) || !until.Equal(due.Add(retries[len(retries)-1])) {
		w.T.Errorf("the subscription is %s, with a retry at %s and access until %s", s.Status, s.NextChargeAt, until)
	}
	e, err := w.Queries().Entitlements(w.T.Context(), billingtest.Viewer)
	if err != nil || len(e.Features) == 0 || !e.Until.Equal(until) {
		w.T.Errorf("entitled to %v until %s, %v", e.Features, e.Until, err)
	}
	events := w.history(billingtest.Viewer)
	if last := events[len(events)-1]; last.Type != billing.EventPaymentDeclined || !last.RetryAt.Equal(s.NextChargeAt) || !last.AccessUntil.Equal(until) {
		w.T.Errorf("the history ends with %+v", last)
	}
}

func TestRun_PaidRetryKeepsBillingAnchor(t *testing.T) {
	t.Parallel()
	for _, after := range retries {
		t.Run(after.String(), func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				w.declineFirstRenewal()
				for _, earlier := range retries {
					if earlier < after {
						w.at(earlier)
						w.expectRun(ports.Summary{Due: 1, Declined: 1})
					}
				}
				w.at(after + time.Minute)
				w.Provider.SetFault(billingtest.NoFault)
				w.expectRun(ports.Summary{Due: 1, Renewed: 1})
				s := w.subscriptionOf(billingtest.Viewer)
				if s.Status != billing.StatusActive || s.Current != (billing.Period{Start: due, End: date(5, 1)}) {
					w.T.Errorf("the subscription is %s for %v, want active from %s", s.Status, s.Current, due)
				}
				w.Clock.Advance(date(5, 1).Sub(w.Clock.Now()) - time.Minute)
				w.expectRun(ports.Summary{})
				w.Clock.Advance(time.Minute)
				w.expectRun(ports.Summary{Due: 1, Renewed: 1})
				w.expectPaid([]billing.UserID{billingtest.Viewer}, 3)
			})
		})
	}
}

func TestRun_CancelDuringDunning(t *testing.T) {
	t.Parallel()
	for _, at := range []billing.CancelAt{billing.AtPeriodEnd, billing.AtOnce} {
		t.Run(string(at), func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				w.declineFirstRenewal()
				w.at(time.Hour)
				billingtest.ExpectError(w.T, w.cancel(billingtest.Viewer, at), nil)
				w.Provider.SetFault(billingtest.NoFault)
				for _, after := range append(retries, 60*24*time.Hour) {
					w.at(after)
					w.expectRun(ports.Summary{})
				}
				w.ExpectHistory(billing.EventSubscribed, billing.EventPaymentDeclined, billing.EventCancelRequested, billing.EventEnded)
				w.ExpectCharges(1)
				w.MustSubscribe()
				w.ExpectCharges(2)
			})
		})
	}
	t.Run("during a retry that is declined", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(w world) {
			w.declineFirstRenewal()
			w.at(retries[0])
			w.Provider.OnCharge = func() { billingtest.ExpectError(w.T, w.cancel(billingtest.Viewer, billing.AtPeriodEnd), nil) }
			w.expectRun(ports.Summary{Due: 1, Declined: 1, Ended: 1})
			w.Provider.SetFault(billingtest.NoFault)
			w.at(retries[1])
			w.expectRun(ports.Summary{})
			w.ExpectCharges(1)
		})
	})
}

// fixedOutcome is a payment system that returns one outcome for all charges.
type fixedOutcome struct {
	ports.Provider
	outcome billing.Outcome
}

func (p fixedOutcome) Charge(context.Context, ports.ChargeRequest) (billing.Outcome, error) {
	return p.outcome, nil
}

// held is the time of the retry of a renewal that is on hold: there is none.
const held = time.Duration(-1)

func TestRun_DeclineDecidesRetry(t *testing.T) {
	t.Parallel()
	type decline struct {
		outcome billing.Outcome
		retry   time.Duration // after due; held, or 0 if the subscription ends
	}
	declines := map[string]decline{
		"advice: do not retry":           {billing.Outcome{DeclineCode: billing.InsufficientFunds, Advice: billing.DoNotRetry}, held},
		"advice: new card":               {billing.Outcome{DeclineCode: billing.DoNotHonor, Advice: billing.NewCardNeeded}, held},
		"advice: consent withdrawn":      {billing.Outcome{DeclineCode: billing.GenericDecline, Advice: billing.ConsentWithdrawn}, 0},
		"not before two days":            {billing.Outcome{DeclineCode: billing.InsufficientFunds, RetryAfter: 48 * time.Hour}, 48 * time.Hour},
		"not before an hour":             {billing.Outcome{DeclineCode: billing.InsufficientFunds, RetryAfter: time.Hour}, retries[0]},
		"not before ten days":            {billing.Outcome{DeclineCode: billing.InsufficientFunds, RetryAfter: 240 * time.Hour}, 240 * time.Hour},
		"hard decline with retry advice": {billing.Outcome{DeclineCode: billing.CardExpired, RetryAfter: time.Hour}, held},
	}
	for _, code := range billing.DeclineCodes() {
		d := decline{billing.Outcome{DeclineCode: code}, held}
		switch code {
		case billing.MandateRevoked, billing.SuspectedFraud:
			d.retry = 0
		case billing.InsufficientFunds, billing.DoNotHonor, billing.GenericDecline, billing.LimitExceeded, billing.IssuerUnavailable,
			billing.ProcessingError, billing.BlockedByProvider, billing.DuplicateTransaction, billing.UnknownDecline:
			d.retry = retries[0]
		}
		declines[string(code)] = d
	}
	for name, d := range declines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				w.MustSubscribe()
				w.at(0)
				d.outcome.Status = billing.PaymentDeclined
				want := ports.Summary{Due: 1, Declined: 1}
				switch d.retry {
				case 0:
					want.Ended = 1
				case held:
					want.Held = 1
				}
				w.expectRunOf(w.RenewerOver(w.Store, fixedOutcome{w.Provider, d.outcome}), want, nil)
				switch d.retry {
				case 0:
					w.expectAll([]billing.UserID{billingtest.Viewer}, billing.StatusEnded)
					w.at(retries[len(retries)-1])
					w.expectRun(ports.Summary{})
					w.ExpectCharges(1)
				case held:
					w.expectHeld(d.outcome.DeclineCode)
				default:
					w.expectAll([]billing.UserID{billingtest.Viewer}, billing.StatusPastDue)
					w.at(d.retry - time.Minute)
					w.expectRun(ports.Summary{})
					w.at(d.retry)
					w.expectRun(ports.Summary{Due: 1, Renewed: 1})
				}
			})
		})
	}
}

// expectHeld expects that nothing is charged until the grace ends, with access until
// then, and that the next run ends the subscription.
func (w world) expectHeld(reason billing.DeclineCode) {
	w.T.Helper()
	end := retries[len(retries)-1]
	for after := time.Duration(0); after < end; after += 6 * time.Hour {
		w.at(after)
		w.expectRun(ports.Summary{})
		e, err := w.Queries().Entitlements(w.T.Context(), billingtest.Viewer)
		if s := w.subscriptionOf(billingtest.Viewer); s.Hold != reason || !s.NextChargeAt.IsZero() || err != nil || !e.Until.Equal(due.Add(end)) {
			w.T.Fatalf("%s after due: on hold for %q, charged at %s, entitled until %s, %v", after, s.Hold, s.NextChargeAt, e.Until, err)
		}
	}
	w.at(end)
	if e, err := w.Queries().Entitlements(w.T.Context(), billingtest.Viewer); len(e.Features) > 0 || err != nil {
		w.T.Errorf("after the grace the viewer may use %v, %v", e.Features, err)
	}
	w.expectRun(ports.Summary{Ended: 1})
	if s := w.subscriptionOf(billingtest.Viewer); s.Status != billing.StatusEnded || !s.EndedAt.Equal(due.Add(end)) {
		w.T.Errorf("after the grace it is %s since %s", s.Status, s.EndedAt)
	}
	w.ExpectHistory(billing.EventSubscribed, billing.EventPaymentDeclined, billing.EventPaymentActionRequired, billing.EventEnded)
	w.ExpectCharges(1)
}

func TestRun_LateRunKeepsAllRetries(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.MustSubscribe()
		w.Provider.SetFault(billingtest.Decline)
		late := 10 * 24 * time.Hour // no run was made for so long
		w.at(late)
		w.expectRun(ports.Summary{Due: 1, Declined: 1})
		for i, after := range retries {
			w.at(late + after - time.Minute)
			w.expectRun(ports.Summary{})
			w.at(late + after)
			want := ports.Summary{Due: 1, Declined: 1}
			if i == len(retries)-1 {
				want.Ended = 1
			}
			w.expectRun(want)
		}
	})
}
