package e2e

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// monthlyDue returns the time at which the n-th renewal of a subscription of 31 January
// 2026 is due.
func monthlyDue(n int) time.Time {
	return time.Date(2026, time.Month(2+n), 0, 12, 0, 0, 0, time.UTC)
}

// In a year, a card expires, a bank asks for a confirmation, and a viewer removes a card.
// Each viewer keeps the subscription, its billing date and its price.
func TestRecovery_OverAYear(t *testing.T) {
	t.Parallel()
	w := newWorld(t, onTestClock...)
	w.setTime(t, monthlyDue(0))
	a := w.api(t, "billing-api")
	expires, confirms, removes := a.at(w.viewer(t, "expires")), a.at(w.viewer(t, "confirms")), a.at(w.viewer(t, "removes"))
	card := removes.addCard(t, "4242424242424242")
	for _, got := range []response{
		expires.call(t, http.MethodPost, "/v1/subscriptions", "", subscribeBody("tok_ok~expires")),
		confirms.call(t, http.MethodPost, "/v1/subscriptions", "", subscribeBody("tok_ok~confirms")),
		removes.pay(t, card, "123"),
	} {
		if got.status != http.StatusCreated {
			t.Fatalf("subscribe: %d %s", got.status, got.text)
		}
	}
	for month := 1; month <= 12; month++ {
		w.setTime(t, monthlyDue(month))
		want := counts{Due: 3, Renewed: 3}
		if month == 3 || month == 5 {
			want = counts{Due: 3, Renewed: 2, Declined: 1, Held: 1}
		}
		w.checkRun(t, 0, want)
		switch month {
		case 1:
			expires.replaceMethod(t, "tok_ok_then_card_expired~expires") // it can be charged once
		case 3:
			expires.checkHeld(t, month, "replace_payment_method")
			w.replaceExpired(t, expires, month)
		case 4:
			confirms.replaceMethod(t, "tok_3ds~confirms")
		case 5:
			confirms.checkHeld(t, month, "confirm_payment")
			confirms.payAndConfirm(t)
		case 6:
			removes.removeAndKeep(t, card)
		}
		for _, v := range []viewer{expires, confirms, removes} {
			v.checkRenewed(t, month)
		}
	}
	w.checkLedger(t, 3*13)
	for _, c := range []struct {
		v    viewer
		want map[string]int
	}{
		{expires, map[string]int{"subscribed": 1, "renewed": 12, "payment_method_added": 2, "method_replaced": 2, "payment_declined": 1, "payment_action_required": 1}},
		{confirms, map[string]int{"subscribed": 1, "renewed": 12, "payment_method_added": 1, "method_replaced": 1, "payment_declined": 1, "payment_action_required": 1}},
		{removes, map[string]int{
			"card_added": 1, "subscribed": 1, "renewed": 12, "card_removed": 1, "cancel_requested": 1,
			"payment_method_added": 1, "method_replaced": 1, "cancel_revoked": 1,
		}},
	} {
		got := map[string]int{}
		for _, e := range c.v.eventTypes(t) {
			got[e]++
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("history (-want +got):\n%s", diff)
		}
	}
}

// setTime freezes the test clock.
func (w world) setTime(t *testing.T, at time.Time) {
	t.Helper()
	w.clock(t, "set", at.Format(time.RFC3339))
}

// checkRenewed fails the test unless the subscription is active and paid for the period
// of the month, at the agreed price.
func (v viewer) checkRenewed(t *testing.T, month int) {
	t.Helper()
	got := v.get(t, "/v1/subscriptions/premium")
	if s := got.body; s.Status != "active" || s.NextAction.Type != "" || !s.CurrentPeriod.Start.Equal(monthlyDue(month)) ||
		s.Price.Amount != 39900 || s.CancelAtPeriodEnd {
		t.Errorf("month %d: the subscription is %s", month, got.text)
	}
}

// checkHeld fails the test unless the subscription waits for the viewer and gives access
// for seven days.
func (v viewer) checkHeld(t *testing.T, month int, action string) {
	t.Helper()
	got := v.get(t, "/v1/subscriptions/premium")
	if got.body.Status != "past_due" || got.body.NextAction.Type != action {
		t.Errorf("month %d: the subscription is %s, want past_due and %s", month, got.text, action)
	}
	if e := v.get(t, "/v1/entitlements"); !e.body.Until.Equal(monthlyDue(month).AddDate(0, 0, 7)) {
		t.Errorf("month %d: the viewer may use %s, want access for seven days", month, e.text)
	}
}

// replaceMethod replaces the payment method by a token.
func (v viewer) replaceMethod(t *testing.T, token string) {
	t.Helper()
	body := fmt.Sprintf(`{"payment_system":"simulator","payment_token":%q}`, token)
	if got := v.call(t, http.MethodPut, "/v1/subscriptions/premium/payment-method", "", body); got.status != http.StatusOK {
		t.Fatalf("replace: %d %s", got.status, got.text)
	}
}

// replaceExpired replaces the method two days later. The next run charges it.
func (w world) replaceExpired(t *testing.T, v viewer, month int) {
	t.Helper()
	w.setTime(t, monthlyDue(month).AddDate(0, 0, 2))
	w.checkRun(t, 0, counts{})
	v.replaceMethod(t, "tok_ok~replaced")
	w.checkRun(t, 0, counts{Due: 1, Renewed: 1})
}

// payAndConfirm pays with the method of the subscription, and confirms the payment on the
// page of the payment system.
func (v viewer) payAndConfirm(t *testing.T) {
	t.Helper()
	got := v.call(t, http.MethodPost, "/v1/subscriptions/premium/pay", "", `{"price":{"amount":39900,"currency":"RUB"}}`)
	if got.status != http.StatusAccepted || got.body.NextAction.Type != "redirect" {
		t.Fatalf("pay: %d %s, want 202 and a page", got.status, got.text)
	}
	approve(t, got.body.NextAction.URL)
	eventually(t, "the payment is settled", func() bool {
		return v.get(t, "/v1/subscriptions/premium").body.Status == "active"
	})
}

// removeAndKeep removes the card, which cancels the subscription, and keeps the
// subscription with another method.
func (v viewer) removeAndKeep(t *testing.T, card string) {
	t.Helper()
	if got := v.call(t, http.MethodDelete, "/v1/cards/"+card, "", ""); got.status != http.StatusNoContent {
		t.Fatalf("remove the card: %d %s", got.status, got.text)
	}
	if got := v.get(t, "/v1/subscriptions/premium"); got.body.Status != "active" || !got.body.CancelAtPeriodEnd {
		t.Errorf("after the removal the subscription is %s, want active and cancelled", got.text)
	}
	const resume = "/v1/subscriptions/premium/resume"
	if got := v.call(t, http.MethodPost, resume, "", ""); got.status != http.StatusConflict || got.body.Code != "invalid_transition" {
		t.Errorf("resume without a method: %d %s, want 409", got.status, got.text)
	}
	v.replaceMethod(t, "tok_ok~kept")
	if got := v.call(t, http.MethodPost, resume, "", ""); got.status != http.StatusOK {
		t.Errorf("resume with another method: %d %s", got.status, got.text)
	}
}
