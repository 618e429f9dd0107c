package billing_test

import (
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

func paid(amount int64) billing.Outcome {
	return billing.Outcome{Status: billing.PaymentSucceeded, Amount: money(amount, "RUB"), ProviderRef: "ref-1"}
}

func declined(code billing.DeclineCode) billing.Outcome {
	return billing.Outcome{Status: billing.PaymentDeclined, DeclineCode: code, ProviderRef: "ref-1"}
}

func waiting(url string) billing.Outcome {
	return billing.Outcome{Status: billing.PaymentPending, ProviderRef: "ref-1", ActionURL: url}
}

func waitingUntil(url string, end time.Time) billing.Outcome {
	o := waiting(url)
	o.ActionExpiresAt = end
	return o
}

func paymentEvent(kind billing.EventType, at, access time.Time, code billing.DeclineCode) billing.Event {
	e := event(kind, at, access)
	e.PaymentID, e.Amount, e.DeclineCode = "pay-1", money(399_00, "RUB"), code
	return e
}

func TestSettle_PendingPayment(t *testing.T) {
	t.Parallel()
	ended := func(s *billing.Subscription) { s.Status, s.Charging, s.EndedAt = billing.StatusEnded, false, day(1) }
	tests := []struct {
		name    string
		outcome billing.Outcome
		sub     func(*billing.Subscription)
		pay     func(*billing.Payment)
		events  []billing.Event
	}{
		{
			"paid a day later", paid(399_00),
			func(s *billing.Subscription) {
				s.Status, s.Charging, s.AnchorAt, s.StartedAt, s.NextChargeAt = billing.StatusActive, false, day(1), day(1), day(32)
				s.Current = billing.Period{Start: day(1), End: day(32)}
			},
			func(p *billing.Payment) {
				p.Status, p.ProviderRef, p.SettledAt = billing.PaymentSucceeded, "ref-1", day(1)
				p.Period = billing.Period{Start: day(1), End: day(32)}
			},
			[]billing.Event{paymentEvent(billing.EventSubscribed, day(1), day(32), "")},
		},
		{
			"declined", declined(billing.InsufficientFunds), ended,
			func(p *billing.Payment) {
				p.Status, p.DeclineCode = billing.PaymentDeclined, billing.InsufficientFunds
				p.ProviderRef, p.SettledAt = "ref-1", day(1)
			},
			[]billing.Event{paymentEvent(billing.EventPaymentDeclined, day(1), time.Time{}, billing.InsufficientFunds)},
		},
		{
			"abandoned", billing.Abandon(billing.NotSent), ended,
			func(p *billing.Payment) {
				p.Status, p.DeclineCode, p.SettledAt = billing.PaymentAbandoned, billing.NotSent, day(1)
			},
			[]billing.Event{paymentEvent(billing.EventPaymentAbandoned, day(1), time.Time{}, billing.NotSent)},
		},
		{
			"waiting for the viewer's confirmation", waiting("https://bank.example/3ds"), unchanged,
			func(p *billing.Payment) { p.ProviderRef, p.ActionURL = "ref-1", "https://bank.example/3ds" },
			nil,
		},
		{
			"waiting for a day", waitingUntil("https://bank.example/3ds", day(2)), unchanged,
			func(p *billing.Payment) {
				p.ProviderRef, p.ActionURL, p.ActionExpiresAt = "ref-1", "https://bank.example/3ds", day(2)
			},
			nil,
		},
		{
			"pending without a reason", billing.Outcome{Status: billing.PaymentPending}, unchanged,
			func(*billing.Payment) {}, nil,
		},
		{
			"empty status", billing.Outcome{}, unchanged,
			func(*billing.Payment) {}, nil,
		},
		{
			"unknown status", billing.Outcome{Status: "refunded"}, unchanged,
			func(*billing.Payment) {}, nil,
		},
		{
			"another amount", paid(400_00), unchanged,
			func(p *billing.Payment) {
				p.Contradiction = "the payment system took 400.00 RUB instead of 399.00 RUB"
			},
			[]billing.Event{paymentEvent(billing.EventPaymentContradicted, day(1), time.Time{}, "")},
		},
		{
			"another currency", billing.Outcome{Status: billing.PaymentSucceeded, Amount: money(399_00, "USD")}, unchanged,
			func(p *billing.Payment) {
				p.Contradiction = "the payment system took 399.00 USD instead of 399.00 RUB"
			},
			[]billing.Event{paymentEvent(billing.EventPaymentContradicted, day(1), time.Time{}, "")},
		},
		{
			"paid, amount missing", billing.Outcome{Status: billing.PaymentSucceeded}, unchanged,
			func(p *billing.Payment) { p.Contradiction = "the payment system took 0 instead of 399.00 RUB" },
			[]billing.Event{paymentEvent(billing.EventPaymentContradicted, day(1), time.Time{}, "")},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, p := started(t)
			wantSub, wantPay := s, p
			tt.sub(&wantSub)
			tt.pay(&wantPay)
			gotSub, gotPay, events := s.Settle(p, tt.outcome, retries, utc, day(1))
			expectSame(t, gotSub, wantSub)
			expectSame(t, gotPay, wantPay)
			expectSame(t, events, tt.events)

			repeatedSub, repeatedPay, events := gotSub.Settle(gotPay, tt.outcome, retries, utc, day(2))
			expectSame(t, repeatedSub, wantSub)
			expectSame(t, repeatedPay, wantPay)
			expectSame(t, events, []billing.Event(nil))
		})
	}
}

func TestSettle_SettledPayment(t *testing.T) {
	t.Parallel()
	const (
		paidAfterDecline = "settled as declined, but the payment system says succeeded"
		paidAfterAbandon = "settled as abandoned, but the payment system says succeeded"
		declineAfterPaid = "settled as succeeded, but the payment system says declined"
		tookOther        = "the payment system took 400.00 RUB instead of 399.00 RUB"
	)
	other := paid(399_00)
	other.ProviderRef = "ref-2"
	tests := []struct {
		name         string
		first, later billing.Outcome
		want         string // the contradiction; empty if the later outcome is ignored
	}{
		{"paid, then another reference", paid(399_00), other, ""},
		{"paid, then another amount", paid(399_00), paid(400_00), tookOther},
		{"paid, then declined", paid(399_00), declined(billing.DoNotHonor), declineAfterPaid},
		{"paid, then a late pending report", paid(399_00), waiting("https://bank.example/3ds"), ""},
		{"paid, then abandoned", paid(399_00), billing.Abandon(billing.NotSent), ""},
		{"declined, then paid", declined(billing.DoNotHonor), paid(399_00), paidAfterDecline},
		{"declined, then another amount paid", declined(billing.DoNotHonor), paid(400_00), tookOther},
		{"declined, then declined for another reason", declined(billing.DoNotHonor), declined(billing.CardExpired), ""},
		{"declined, then a late pending report", declined(billing.DoNotHonor), waiting("https://bank.example/3ds"), ""},
		{"declined, then abandoned", declined(billing.DoNotHonor), billing.Abandon(billing.NotSent), ""},
		{"abandoned, then paid", billing.Abandon(billing.NotSent), paid(399_00), paidAfterAbandon},
		{"abandoned, then declined", billing.Abandon(billing.NotSent), declined(billing.DoNotHonor), ""},
		{"abandoned, then a late pending report", billing.Abandon(billing.NotSent), waiting("https://bank.example/3ds"), ""},
		{"abandoned, then abandoned for another reason", billing.Abandon(billing.NotSent), billing.Abandon(billing.Refused), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, p := started(t)
			s, p, _ = s.Settle(p, tt.first, retries, utc, day(1))
			wantPay := p
			wantPay.Contradiction = tt.want
			if tt.want == paidAfterDecline || tt.want == paidAfterAbandon {
				wantPay.ChargedLateAt, wantPay.ProviderRef = day(2), tt.later.ProviderRef
			}
			for n, when := range []time.Time{day(2), day(3)} {
				gotSub, gotPay, events := s.Settle(p, tt.later, retries, utc, when)
				expectSame(t, gotSub, s)
				expectSame(t, gotPay, wantPay)
				var wantEvents []billing.Event
				if tt.want != "" && n == 0 {
					wantEvents = []billing.Event{paymentEvent(billing.EventPaymentContradicted, when, accessEnd(s), p.DeclineCode)}
				}
				expectSame(t, events, wantEvents)
				s, p = gotSub, gotPay
			}
		})
	}
}

func TestSettle_AfterConfirmation(t *testing.T) {
	t.Parallel()
	for name, outcome := range map[string]billing.Outcome{
		"paid": {Status: billing.PaymentSucceeded, Amount: money(399_00, "RUB")}, "declined": {Status: billing.PaymentDeclined},
		"abandoned": billing.Abandon(billing.ActionExpired),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, p := started(t)
			s, p, _ = s.Settle(p, waitingUntil("https://bank.example/3ds", day(2)), retries, utc, day(0))
			outcome.ActionURL, outcome.ActionExpiresAt = "https://bank.example/done", day(3)
			_, p, _ = s.Settle(p, outcome, retries, utc, day(1))
			if p.ActionURL != "" || !p.ActionExpiresAt.IsZero() || p.ProviderRef != "ref-1" || p.Status != outcome.Status {
				t.Errorf("got %+v, want it settled, without a page and with ProviderRef", p)
			}
		})
	}
}

// The period of a first payment begins when the payment settles. Each period is paid
// once, however late that is.
func TestSettle_LateFirstPayment(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ late, begins time.Duration }{
		"at once":       {0, 0},
		"within slack":  {time.Minute, 0},
		"minutes later": {time.Minute + time.Second, time.Minute + time.Second},
		"3 days later":  {3 * 24 * time.Hour, 3 * 24 * time.Hour},
		"35 days later": {35 * 24 * time.Hour, 35 * 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, p := started(t)
			now := day(0).Add(tt.late)
			s, p, events := s.Settle(p, paid(399_00), retries, utc, now)
			want := utc.Period(day(0).Add(tt.begins), 0, 1)
			expectSame(t, s.Current, want)
			expectSame(t, p.Period, want)
			expectSame(t, s.AnchorAt, want.Start)
			expectSame(t, s.StartedAt, want.Start)
			expectSame(t, s.NextChargeAt, want.End)
			expectSame(t, events, []billing.Event{paymentEvent(billing.EventSubscribed, now, want.End, "")})
			if _, _, _, due := s.Bill("pay-2", order().Method, utc, now); due {
				t.Error("a second period is due at once")
			}
		})
	}
}

func TestSettle_ClearsContradiction(t *testing.T) {
	t.Parallel()
	s, p := started(t)
	s, p, _ = s.Settle(p, paid(400_00), retries, utc, day(1))
	s, p, events := s.Settle(p, paid(399_00), retries, utc, day(2))
	if p.Status != billing.PaymentSucceeded || p.Contradiction != "" || s.Status != billing.StatusActive || len(events) != 1 {
		t.Errorf("got subscription %+v, payment %+v, events %v", s, p, events)
	}
}

func TestSettle_CancelledSubscription(t *testing.T) {
	t.Parallel()
	s, p := started(t)
	s, _, err := s.Cancel(billing.AtPeriodEnd, day(0))
	if err != nil {
		t.Fatal(err)
	}
	s, _, _ = s.Settle(p, paid(399_00), retries, utc, day(0))
	if s.Status != billing.StatusActive || !s.CancelAtPeriodEnd {
		t.Errorf("got %+v, want it active and cancelled at the period's end", s)
	}
	s, events := s.At(day(31))
	if s.Live() {
		t.Error("the subscription is live after its period")
	}
	expectSame(t, events, []billing.Event{event(billing.EventEnded, day(31), time.Time{})})
}
