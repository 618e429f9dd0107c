package billing_test

import (
	"errors"
	"testing"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// request is a viewer's request to pay by another method.
func request(id billing.PaymentID, amount int64) billing.PayRequest {
	return billing.PayRequest{Payment: id, Method: otherMethod(), Shown: money(amount, "RUB")}
}

func otherMethod() billing.PaymentMethod {
	m := order().Method
	m.ID, m.PaymentSystem = "method-2", "other"
	return m
}

// onHold returns a subscription that is on hold since day 31, with grace until day 38.
func onHold(t *testing.T, code billing.DeclineCode) billing.Subscription {
	t.Helper()
	s, p := renewing(t)
	s, _, _ = s.Settle(p, declined(code), retries, utc, day(31))
	return s
}

// paying returns a subscription on hold whose viewer pays on day 33 by another method.
func paying(t *testing.T) (billing.Subscription, billing.Payment) {
	t.Helper()
	s, p, _, err := onHold(t, billing.CardExpired).Pay(request("pay-3", 399_00), utc, day(33))
	if err != nil {
		t.Fatal(err)
	}
	return s, p
}

func TestPay(t *testing.T) {
	t.Parallel()
	before := onHold(t, billing.CardExpired)
	s, p := paying(t)
	want := before
	want.Charging, want.LatestPaymentID = true, "pay-3"
	expectSame(t, s, want)
	expectSame(t, p, billing.Payment{
		ID: "pay-3", UserID: "user-1", SubscriptionID: "sub-1", MethodID: "method-2", PaymentSystem: "other",
		Initiator: billing.CustomerInitiated, Amount: money(399_00, "RUB"), Period: billing.Period{Start: day(31), End: day(61)},
		Status: billing.PaymentPending, CreatedAt: day(33),
	})

	s, _, events := s.Settle(p, paid(399_00), retries, utc, day(33))
	want.Status, want.Charging, want.Hold, want.NextChargeAt = billing.StatusActive, false, "", day(61)
	want.MethodID, want.PaymentSystem = "method-2", "other"
	want.Current = billing.Period{Start: day(31), End: day(61)}
	want.PastDueSince, want.GraceUntil = time.Time{}, time.Time{}
	expectSame(t, s, want)
	expectSame(t, events, []billing.Event{renewalEvent(billing.EventRenewed, "pay-3", day(33), day(61), "")})
}

// The consent to another method is the payment's until it succeeds.
func TestPay_ConsentMovesWithSuccess(t *testing.T) {
	t.Parallel()
	s, p := paying(t)
	s.ConsentMAC, p.ConsentMAC = "old", "new"
	declinedSub, _, _ := s.Settle(p, declined(billing.DoNotHonor), retries, utc, day(33))
	expectSame(t, declinedSub.ConsentMAC, billing.ConsentMAC("old"))
	paidSub, _, _ := s.Settle(p, paid(399_00), retries, utc, day(33))
	expectSame(t, paidSub.ConsentMAC, billing.ConsentMAC("new"))

	same, _, _, err := onHold(t, billing.NotPermitted).Pay(billing.PayRequest{Payment: "pay-3", Method: order().Method, Shown: money(399_00, "RUB")}, utc, day(33))
	if err != nil {
		t.Fatal(err)
	}
	same.ConsentMAC, p.MethodID, p.PaymentSystem, p.ConsentMAC = "old", same.MethodID, same.PaymentSystem, ""
	paidSub, _, _ = same.Settle(p, paid(399_00), retries, utc, day(33))
	expectSame(t, paidSub.ConsentMAC, billing.ConsentMAC("old"))
}

func TestPay_FailureChangesNothing(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]billing.Outcome{
		"declined":                 declined(billing.InsufficientFunds),
		"declined, consent gone":   declined(billing.MandateRevoked),
		"declined, needs a person": declined(billing.CardExpired),
		"never sent":               billing.Abandon(billing.NotSent),
		"token unknown":            billing.Abandon(billing.TokenUnknown),
		"page left":                declined(billing.ActionExpired),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, p := paying(t)
			s, p, events := s.Settle(p, o, retries, utc, day(34))
			want := onHold(t, billing.CardExpired)
			want.LatestPaymentID = "pay-3"
			expectSame(t, s, want)
			kind := billing.EventPaymentDeclined
			if o.Status == billing.PaymentAbandoned {
				kind = billing.EventPaymentAbandoned
			}
			expectSame(t, events, []billing.Event{renewalEvent(kind, p.ID, day(34), day(38), o.DeclineCode)})
		})
	}
}

func TestPay_KeepsRetries(t *testing.T) {
	t.Parallel()
	before := pastDue(t)
	s, p, _, err := before.Pay(request("pay-3", 399_00), utc, day(31))
	if err != nil {
		t.Fatal(err)
	}
	s, _, _ = s.Settle(p, declined(billing.DoNotHonor), retries, utc, day(31))
	want := before
	want.LatestPaymentID = "pay-3"
	expectSame(t, s, want)
	_, p = bill(t, s, "pay-4", day(32))
	expectSame(t, p.MethodID, order().Method.ID)
}

// A page that stays open does not extend the grace. Money that arrives later still
// pays for the period.
func TestPay_PageOpenAfterGrace(t *testing.T) {
	t.Parallel()
	s, p := paying(t)
	s, p, _ = s.Settle(p, waiting("https://bank.example/3ds"), retries, utc, day(33))
	if until := s.AccessUntil(day(38), renewalGrace); !until.IsZero() {
		t.Errorf("the grace has ended, but AccessUntil is %s", until)
	}
	if now, events := s.At(day(39)); now != s || len(events) > 0 {
		t.Errorf("At = %+v, %v, want it live while the payment is open", now, events)
	}
	late, _, _ := s.Settle(p, paid(399_00), retries, utc, day(40))
	expectSame(t, late.Status, billing.StatusActive)
	expectSame(t, late.Current, billing.Period{Start: day(31), End: day(61)})

	s, _, events := s.Settle(p, declined(billing.ActionExpired), retries, utc, day(40))
	expectSame(t, s.Status, billing.StatusEnded)
	expectSame(t, s.EndedAt, day(38))
	if len(events) != 2 || events[1].Type != billing.EventEnded || events[1].DeclineCode != billing.CardExpired {
		t.Errorf("events are %v, want the decline and the end", events)
	}
}

func TestPay_Refuses(t *testing.T) {
	t.Parallel()
	incomplete, _ := started(t)
	retry, _ := retrying(t)
	open, _ := paying(t)
	year := request("pay-9", 399_00)
	year.ShownMonths = 12
	for name, c := range map[string]struct {
		sub   billing.Subscription
		shown billing.PayRequest
		want  error
	}{
		"incomplete":         {incomplete, request("pay-9", 399_00), billing.ErrNothingDue},
		"active":             {active(t), request("pay-9", 399_00), billing.ErrNothingDue},
		"ended":              {subscription(t, billing.StatusEnded, false), request("pay-9", 399_00), billing.ErrNothingDue},
		"a retry is pending": {retry, request("pay-9", 399_00), billing.ErrPaymentOpen},
		"another is pending": {open, request("pay-9", 399_00), billing.ErrPaymentOpen},
		"another price":      {pastDue(t), request("pay-9", 499_00), billing.ErrPriceChanged},
		"another interval":   {pastDue(t), year, billing.ErrPriceChanged},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, p, events, err := c.sub.Pay(c.shown, utc, day(33))
			if !errors.Is(err, c.want) || s != c.sub || p != (billing.Payment{}) || len(events) > 0 {
				t.Errorf("Pay = %+v, %+v, %v, %v, want nothing and %v", s, p, events, err, c.want)
			}
		})
	}
}

func TestReplace(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]billing.Subscription{
		"active":    active(t),
		"past due":  pastDue(t),
		"on hold":   onHold(t, billing.CardExpired),
		"cancelled": subscription(t, billing.StatusActive, true),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, events, err := before.Replace(otherMethod(), day(33))
			if err != nil {
				t.Fatal(err)
			}
			want := before
			want.MethodID, want.PaymentSystem, want.ConsentMAC = "method-2", "other", ""
			if before.Status == billing.StatusPastDue {
				want.Hold, want.NextChargeAt = "", day(33)
			}
			expectSame(t, s, want)
			expectSame(t, events, []billing.Event{event(billing.EventMethodReplaced, day(33), accessEnd(before))})
			if again, events, err := s.Replace(otherMethod(), day(34)); again != s || len(events) > 0 || err != nil {
				t.Errorf("the same method again: %+v, %v, %v", again, events, err)
			}
		})
	}
}

func TestReplace_SameMethodEndsHold(t *testing.T) {
	t.Parallel()
	before := onHold(t, billing.NotPermitted)
	s, events, err := before.Replace(order().Method, day(33))
	want := before
	want.Hold, want.NextChargeAt = "", day(33)
	expectSame(t, s, want)
	if err != nil || len(events) != 1 {
		t.Errorf("Replace = %v, %v", events, err)
	}
}

func TestReplace_Refuses(t *testing.T) {
	t.Parallel()
	incomplete, _ := started(t)
	renewal, _ := renewing(t)
	open, _ := paying(t)
	for name, c := range map[string]struct {
		sub  billing.Subscription
		want error
	}{
		"incomplete":                      {incomplete, billing.ErrInvalidTransition},
		"ended":                           {subscription(t, billing.StatusEnded, false), billing.ErrInvalidTransition},
		"renewal pending":                 {renewal, billing.ErrPaymentOpen},
		"the viewer's payment is pending": {open, billing.ErrPaymentOpen},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if s, events, err := c.sub.Replace(otherMethod(), day(33)); !errors.Is(err, c.want) || s != c.sub || len(events) > 0 {
				t.Errorf("Replace = %+v, %v, %v, want %v", s, events, err, c.want)
			}
		})
	}
}

func TestNextAction(t *testing.T) {
	t.Parallel()
	for code, want := range map[billing.DeclineCode]billing.NextAction{
		billing.CardExpired: billing.ReplacePaymentMethod, billing.TokenInvalid: billing.ReplacePaymentMethod,
		billing.AuthenticationRequired: billing.ConfirmPayment, billing.ActionExpired: billing.ConfirmPayment,
	} {
		expectSame(t, onHold(t, code).NextAction(), want)
	}
	expectSame(t, pastDue(t).NextAction(), billing.NoAction)
}

func TestRecovers(t *testing.T) {
	t.Parallel()
	incomplete, first := started(t)
	late, settledLate, _ := incomplete.Settle(first, paid(399_00), retries, utc, day(3))
	failed, refused, _ := incomplete.Settle(first, declined(billing.DoNotHonor), retries, utc, day(0))
	due, renewal := renewing(t)
	open, own := paying(t)
	renewed, paidOwn, _ := open.Settle(own, paid(399_00), retries, utc, day(33))
	over, unpaid, _ := open.Settle(own, declined(billing.DoNotHonor), retries, utc, day(40))
	for name, c := range map[string]struct {
		sub  billing.Subscription
		pay  billing.Payment
		want bool
	}{
		"first, pending":       {incomplete, first, false},
		"first, settled late":  {late, settledLate, false},
		"first, declined":      {failed, refused, false},
		"first, after the own": {renewed, first, false},
		"renewal":              {due, renewal, false},
		"own, pending":         {open, own, true},
		"own, succeeded":       {renewed, paidOwn, true},
		"own, declined":        {over, unpaid, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			expectSame(t, c.sub.Recovers(c.pay), c.want)
		})
	}
}
