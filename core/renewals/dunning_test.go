package renewals_test

import (
	"context"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/billingtest"
	"github.com/online-cinema/billing/core/ports"
)

// due is when the first renewal of all who joined at the beginning is due.
var due = date(4, 1)

// tries is when a declined renewal is tried again, after it was due.
var tries = []time.Duration{24 * time.Hour, 72 * time.Hour, 120 * time.Hour, 168 * time.Hour}

// at moves billing's clock to a time after the first renewal was due.
func (w world) at(after time.Duration) { w.Clock.Advance(due.Add(after).Sub(w.Clock.Now())) }

// declined is a viewer whose first renewal was declined when it was due.
func (w world) declined() {
	w.T.Helper()
	w.MustSubscribe()
	w.Provider.SetFault(billingtest.Decline)
	w.at(0)
	w.expectRun(ports.Summary{Due: 1, Declined: 1})
}

func TestRun_RetriesDeclineOnSchedule(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.declined()
		history := []billing.EventType{billing.EventSubscribed, billing.EventPaymentDeclined}
		for i, after := range tries {
			w.expectGrace(tries[i])
			w.at(after - time.Minute)
			w.expectRun(ports.Summary{})
			w.expectGrace(tries[i])
			w.at(after)
			want := ports.Summary{Due: 1, Declined: 1}
			history = append(history, billing.EventPaymentDeclined)
			if i == len(tries)-1 {
				want.Ended = 1
				history = append(history, billing.EventEnded)
			}
			w.expectRun(want)
			w.expectRun(ports.Summary{})
		}
		w.ExpectHistory(history...)
		s := w.subscriptionOf(billingtest.Viewer)
		if s.Status != billing.StatusEnded || !s.EndedAt.Equal(w.Clock.Now()) || !s.AccessUntil(w.Clock.Now()).IsZero() {
			t.Errorf("afterwards it is %s since %s, with access until %s", s.Status, s.EndedAt, s.AccessUntil(w.Clock.Now()))
		}
		if n := len(w.Provider.Requests()); n != 1+1+len(tries) {
			t.Errorf("the payment system was asked %d times", n)
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

// expectGrace expects access to the end of dunning, and another try then.
func (w world) expectGrace(next time.Duration) {
	w.T.Helper()
	s := w.subscriptionOf(billingtest.Viewer)
	until := s.AccessUntil(w.Clock.Now())
	if s.Status != billing.StatusPastDue || !s.NextChargeAt.Equal(due.Add(next)) || !until.Equal(due.Add(tries[len(tries)-1])) {
		w.T.Errorf("it is %s, is tried again at %s, and can be watched until %s", s.Status, s.NextChargeAt, until)
	}
	e, err := w.Queries().Entitlements(w.T.Context(), billingtest.Viewer)
	if err != nil || len(e.Features) == 0 || !e.Until.Equal(until) {
		w.T.Errorf("the viewer may use %v until %s, %v", e.Features, e.Until, err)
	}
	events := w.history(billingtest.Viewer)
	if last := events[len(events)-1]; last.Type != billing.EventPaymentDeclined || !last.RetryAt.Equal(s.NextChargeAt) || !last.AccessUntil.Equal(until) {
		w.T.Errorf("the history ends with %+v", last)
	}
}

func TestRun_PaidRetryKeepsBillingAnchor(t *testing.T) {
	t.Parallel()
	for _, after := range tries {
		t.Run(after.String(), func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				w.declined()
				for _, earlier := range tries {
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
					w.T.Errorf("it is %s and paid for %v", s.Status, s.Current)
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
				w.declined()
				w.at(time.Hour)
				billingtest.ExpectError(w.T, w.cancel(billingtest.Viewer, at), nil)
				w.Provider.SetFault(billingtest.NoFault)
				for _, after := range append(tries, 60*24*time.Hour) {
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
	t.Run("while a retry is under way that is declined", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(w world) {
			w.declined()
			w.at(tries[0])
			w.Provider.OnCharge = func() { billingtest.ExpectError(w.T, w.cancel(billingtest.Viewer, billing.AtPeriodEnd), nil) }
			w.expectRun(ports.Summary{Due: 1, Declined: 1, Ended: 1})
			w.Provider.SetFault(billingtest.NoFault)
			w.at(tries[1])
			w.expectRun(ports.Summary{})
			w.ExpectCharges(1)
		})
	})
}

// verdicts is a payment system that says the same to every charge of a renewal,
// and nothing when it is asked again.
type verdicts struct {
	ports.Provider
	says billing.Outcome
}

func (v verdicts) Charge(context.Context, ports.ChargeRequest) (billing.Outcome, error) {
	return v.says, nil
}

func TestRun_DeclineDecidesRetry(t *testing.T) {
	t.Parallel()
	type lead struct {
		says  billing.Outcome
		again time.Duration // when it is tried again; 0 for never
	}
	leads := map[string]lead{
		"advice: do not retry":      {billing.Outcome{DeclineCode: billing.InsufficientFunds, Advice: billing.DoNotRetry}, 0},
		"advice: new card":          {billing.Outcome{DeclineCode: billing.DoNotHonor, Advice: billing.NewCardNeeded}, 0},
		"advice: consent is gone":   {billing.Outcome{DeclineCode: billing.GenericDecline, Advice: billing.ConsentWithdrawn}, 0},
		"not before two days":       {billing.Outcome{DeclineCode: billing.InsufficientFunds, RetryAfter: 48 * time.Hour}, 48 * time.Hour},
		"not before an hour":        {billing.Outcome{DeclineCode: billing.InsufficientFunds, RetryAfter: time.Hour}, tries[0]},
		"not before ten days":       {billing.Outcome{DeclineCode: billing.InsufficientFunds, RetryAfter: 240 * time.Hour}, 240 * time.Hour},
		"hard, whatever it advises": {billing.Outcome{DeclineCode: billing.CardExpired, RetryAfter: time.Hour}, 0},
	}
	for _, code := range billing.DeclineCodes() {
		l := lead{says: billing.Outcome{DeclineCode: code}}
		if code.MayRetry() {
			l.again = tries[0]
		}
		leads[string(code)] = l
	}
	for name, l := range leads {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w world) {
				w.MustSubscribe()
				w.at(0)
				l.says.Status = billing.PaymentDeclined
				want := ports.Summary{Due: 1, Declined: 1}
				if l.again == 0 {
					want.Ended = 1
				}
				w.expectRunOf(w.RenewerOver(w.Store, verdicts{w.Provider, l.says}), want, nil)
				if l.again == 0 {
					w.expectAll([]billing.UserID{billingtest.Viewer}, billing.StatusEnded)
					w.at(tries[len(tries)-1])
					w.expectRun(ports.Summary{})
					w.ExpectCharges(1)
					return
				}
				w.expectAll([]billing.UserID{billingtest.Viewer}, billing.StatusPastDue)
				w.at(l.again - time.Minute)
				w.expectRun(ports.Summary{})
				w.at(l.again)
				w.expectRun(ports.Summary{Due: 1, Renewed: 1})
			})
		})
	}
}

func TestRun_LateRunKeepsAllRetries(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w world) {
		w.MustSubscribe()
		w.Provider.SetFault(billingtest.Decline)
		late := 10 * 24 * time.Hour // we were down for so long
		w.at(late)
		w.expectRun(ports.Summary{Due: 1, Declined: 1})
		for i, after := range tries {
			w.at(late + after - time.Minute)
			w.expectRun(ports.Summary{})
			w.at(late + after)
			want := ports.Summary{Due: 1, Declined: 1}
			if i == len(tries)-1 {
				want.Ended = 1
			}
			w.expectRun(want)
		}
	})
}
