package stripe_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/stripe"
	"github.com/online-cinema/billing/adapters/stripe/fake"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

func TestRefund_Request(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.paid(t, "pm_ok")
	o, err := w.refund(t, r)
	expectRefundStatus(t, o, err, billing.PaymentSucceeded, "")
	expectRequest(t, w, fake.OpRefund, map[string]string{
		"payment_intent": r.PaymentRef, "amount": "9900", "metadata[refund_id]": string(r.Key), "metadata[payment_id]": string(r.Payment),
		"currency": "", "charge": "", "reason": "",
	})
	sent := w.fake.Requests(fake.OpRefund)[0]
	if got, want := sent.Header.Get("Idempotency-Key"), string(r.Key)+":refund"; got != want || len(sent.Form) != 4 {
		t.Errorf("the key is %q with %d parameters, want %q and 4", got, len(sent.Form), want)
	}
}

// Stripe's minor units differ from ours, also in refunds.
func TestRefund_MinorUnits(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		paid, refund billing.Money
		sent         string
	}{
		{billing.Money{Amount: 1200, Currency: "JPY"}, billing.Money{Amount: 200, Currency: "JPY"}, "200"},
		{billing.Money{Amount: 1200, Currency: "ISK"}, billing.Money{Amount: 200, Currency: "ISK"}, "20000"},
		{billing.Money{Amount: 120000, Currency: "MGA"}, billing.Money{Amount: 20000, Currency: "MGA"}, "200"},
		{billing.Money{Amount: 12340, Currency: "KWD"}, billing.Money{Amount: 230, Currency: "KWD"}, "230"},
	} {
		w := newWorld(t)
		charge := request("pm_ok")
		charge.Amount = tt.paid
		o, err := w.charge(t, charge)
		if err != nil {
			t.Fatal(err)
		}
		r := ports.RefundRequest{Key: refundKey, Payment: charge.Key, PaymentRef: o.ProviderRef, Amount: tt.refund}
		made, err := w.refund(t, r)
		expectRefundStatus(t, made, err, billing.PaymentSucceeded, "")
		expectRequest(t, w, fake.OpRefund, map[string]string{"amount": tt.sent})
		if entries := w.refunds(t, time.Time{}); len(entries) != 1 || entries[0].Amount != tt.refund {
			t.Errorf("the list has %+v, want a refund of %s", entries, tt.refund)
		}
	}
}

func TestRefund_RefusedBeforeSending(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*ports.RefundRequest){
		"no key":                      func(r *ports.RefundRequest) { r.Key = "" },
		"a key with a space":          func(r *ports.RefundRequest) { r.Key = "a b" },
		"a long key":                  func(r *ports.RefundRequest) { r.Key = billing.RefundID(strings.Repeat("k", 201)) },
		"no payment":                  func(r *ports.RefundRequest) { r.Payment = "" },
		"nothing":                     func(r *ports.RefundRequest) { r.Amount.Amount = 0 },
		"an amount that Stripe lacks": func(r *ports.RefundRequest) { r.Amount = billing.Money{Amount: 1234, Currency: "KWD"} },
		"another currency":            func(r *ports.RefundRequest) { r.Amount.Currency = "EUR" },
	} {
		w := newWorld(t)
		r := w.paid(t, "pm_ok")
		spoil(&r)
		_, err := w.refund(t, r)
		expectError(t, err, ports.ErrRefused)
		if n := len(w.fake.Requests(fake.OpRefund)); n != 0 {
			t.Errorf("%s: %d refunds were sent, want none", name, n)
		}
	}
}

func TestRefund_TooLate(t *testing.T) {
	t.Parallel()
	for age, late := range map[time.Duration]bool{23*time.Hour - time.Second: false, 23 * time.Hour: true, 1000 * time.Hour: true} {
		w := newWorld(t)
		r := w.paid(t, "pm_ok")
		r.FirstSent = w.clock.Now().Add(-age)
		o, err := w.refund(t, r)
		if !late {
			expectRefundStatus(t, o, err, billing.PaymentSucceeded, "")
			continue
		}
		expectError(t, err, ports.ErrTooLate)
		w.expectRefunded(t, r.Key, 0)
		if n := len(w.fake.Requests(fake.OpRefunds)); n != 0 {
			t.Errorf("%s: %d requests were sent, want none", age, n)
		}
	}
}

// A database that was restored does not know when the key was first sent, and Stripe has
// forgotten the key. The list of refunds still has it.
func TestRefund_ForgottenKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.paid(t, "pm_ok")
	first, err := w.refund(t, r)
	expectRefundStatus(t, first, err, billing.PaymentSucceeded, "")
	w.clock.Advance(1000 * time.Hour)
	w.fake.ForgetKeys()
	if o, err := w.refund(t, r); err != nil || o != first {
		t.Errorf("Refund = %+v, %v; want %+v", o, err, first)
	}
	w.expectRefunded(t, r.Key, 1)
	r.Amount.Amount++
	_, err = w.refund(t, r)
	expectError(t, err, ports.ErrKeyConflict)
}

// The list does not show the refund yet, so Stripe itself recognizes the key.
func TestRefund_ListLags(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(_ *stripe.Config, f *fake.Config) { f.Lag = time.Minute })
	r := w.paid(t, "pm_ok")
	w.fake.SetRefundStatus("pending")
	first, err := w.refund(t, r)
	expectRefundStatus(t, first, err, billing.PaymentPending, "")
	w.fake.MoveRefunds("pending", "succeeded", "")
	again, err := w.refund(t, r)
	expectRefundStatus(t, again, err, billing.PaymentSucceeded, "") // not the recorded response
	_, err = w.findRefund(t, refundQuery(r))
	expectError(t, err, ports.ErrRefundNotFound)
	other := r
	other.Amount.Amount++
	_, err = w.refund(t, other)
	expectError(t, err, ports.ErrKeyConflict)
	w.clock.Advance(time.Minute)
	found, err := w.findRefund(t, refundQuery(r))
	expectRefundStatus(t, found, err, billing.PaymentSucceeded, "")
	w.expectRefunded(t, r.Key, 1)
}

// A bank may need days, and may refuse weeks later.
func TestRefund_Statuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status, reason string
		want           billing.PaymentStatus
		code           billing.DeclineCode
	}{
		{"pending", "", billing.PaymentPending, ""},
		{"requires_action", "", billing.PaymentPending, ""},
		{"succeeded", "", billing.PaymentSucceeded, ""},
		{"failed", "expired_or_canceled_card", billing.PaymentDeclined, billing.CardExpired},
		{"failed", "", billing.PaymentDeclined, billing.UnknownDecline},
		{"failed", "a_new_reason", billing.PaymentDeclined, billing.UnknownDecline},
		{"canceled", "", billing.PaymentDeclined, billing.GenericDecline},
		{"canceled", "merchant_request", billing.PaymentDeclined, billing.GenericDecline},
	} {
		w := newWorld(t)
		r := w.paid(t, "pm_ok")
		made, err := w.refund(t, r)
		expectRefundStatus(t, made, err, billing.PaymentSucceeded, "")
		w.clock.Advance(30 * 24 * time.Hour)
		w.fake.MoveRefunds("succeeded", tt.status, tt.reason)
		byRef := refundQuery(r)
		byRef.ProviderRef = made.ProviderRef
		for _, q := range []ports.RefundQuery{refundQuery(r), byRef} {
			o, err := w.findRefund(t, q)
			expectRefundStatus(t, o, err, tt.want, tt.code)
		}
		o, err := w.refund(t, r) // a failed refund is not made again
		expectRefundStatus(t, o, err, tt.want, tt.code)
		if e := w.refunds(t, time.Time{}); len(e) != 1 || e[0].Status != tt.want {
			t.Errorf("%s: the list has %+v, want one refund, %s", tt.status, e, tt.want)
		}
	}
	w := newWorld(t)
	r := w.paid(t, "pm_ok")
	w.fake.SetRefundStatus("a_new_status")
	_, err := w.refund(t, r)
	expectError(t, err, nil)
	if err := w.Refunds(t.Context(), time.Time{}, func(ports.RefundEntry) error { return nil }); err == nil {
		t.Error("Refunds hides a refund with an unknown status")
	}
}

// A failed refund gives its amount back, and another key can refund it.
func TestRefund_AfterFailure(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.paid(t, "pm_ok")
	r.Amount = rubles(29900)
	w.fake.SetRefundStatus("failed")
	o, err := w.refund(t, r)
	expectRefundStatus(t, o, err, billing.PaymentDeclined, billing.UnknownDecline)
	w.fake.SetRefundStatus("")
	other := r
	other.Key = "another"
	o, err = w.refund(t, other)
	expectRefundStatus(t, o, err, billing.PaymentSucceeded, "")
	_, err = w.refund(t, ports.RefundRequest{Key: "third", Payment: r.Payment, PaymentRef: r.PaymentRef, Amount: rubles(100)})
	expectError(t, err, ports.ErrRefused)
	if !strings.Contains(err.Error(), "charge_already_refunded") {
		t.Errorf("the error is %v, want the code charge_already_refunded", err)
	}
}

// uuid7 returns an id that the service creates at a time.
func uuid7(at time.Time) billing.PaymentID {
	ms := at.UnixMilli()
	return billing.PaymentID(fmt.Sprintf("%08x-%04x-7000-8000-000000000001", ms>>16, ms&0xffff))
}

// The core knows a PaymentIntent, or the page of a payment that a person settled, or
// nothing of it.
func TestRefund_References(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	charge := request("")
	charge.Key = uuid7(w.clock.Now())
	page, err := w.charge(t, charge)
	if err != nil {
		t.Fatal(err)
	}
	r := ports.RefundRequest{Key: refundKey, Payment: charge.Key, PaymentRef: page.ProviderRef, Amount: rubles(9900)}
	_, err = w.refund(t, r)
	expectError(t, err, ports.ErrRefused) // nothing was paid on the page yet
	_, err = w.findRefund(t, refundQuery(r))
	expectError(t, err, ports.ErrRefundNotFound)
	w.clock.Advance(23 * time.Hour)
	if err := reply(t.Context(), page.ActionURL, true); err != nil {
		t.Fatal(err)
	}
	o, err := w.find(t, ports.ChargeQuery{Key: charge.Key, ProviderRef: page.ProviderRef})
	expectSuccess(t, o, err)
	w.clock.Advance(1000 * time.Hour)
	var first billing.RefundOutcome
	for _, ref := range []string{page.ProviderRef, o.ProviderRef, ""} {
		r.PaymentRef = ref
		made, err := w.refund(t, r)
		expectRefundStatus(t, made, err, billing.PaymentSucceeded, "")
		found, err := w.findRefund(t, refundQuery(r))
		if err != nil || found != made || first.ProviderRef != "" && made != first {
			t.Errorf("%q: Refund = %+v, FindRefund = %+v, %v; want %+v", ref, made, found, err, first)
		}
		first = made
	}
	w.expectRefunded(t, r.Key, 1)
	query := w.fake.Requests(fake.OpIntents)[0].Form
	if query.Get("created[gte]") == "" || query.Get("created[lte]") == "" {
		t.Errorf("the list of PaymentIntents is read with %v, want a window", query)
	}
}

// The reference is lost if the account or its mode is another one. The refund may have been
// made in the former one, so it must not count as refused or absent.
func TestRefund_LostReferences(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.paid(t, "pm_ok")
	for _, ref := range []string{"pi_missing", "cs_missing"} {
		lost := r
		lost.PaymentRef = ref
		_, err := w.refund(t, lost)
		expectError(t, err, nil)
		_, err = w.findRefund(t, refundQuery(lost))
		expectError(t, err, nil)
	}
	missing := r
	missing.Payment, missing.PaymentRef = "another", ""
	_, err := w.refund(t, missing)
	expectError(t, err, nil)
	_, err = w.findRefund(t, refundQuery(missing))
	expectError(t, err, ports.ErrRefundNotFound)
	q := refundQuery(r)
	q.ProviderRef = "re_missing"
	_, err = w.findRefund(t, q)
	expectError(t, err, nil)
	if n := len(w.fake.Requests(fake.OpRefund)); n != 0 {
		t.Errorf("%d refunds were sent, want none", n)
	}
}

// A wrong reference must not pay another viewer.
func TestRefund_ReferenceOfAnotherPayment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.paid(t, "pm_ok")
	made, err := w.refund(t, r)
	expectRefundStatus(t, made, err, billing.PaymentSucceeded, "")
	other := r
	other.Key = "another"
	other.Payment = "another-payment"
	_, err = w.refund(t, other)
	expectError(t, err, nil)
	w.expectRefunded(t, other.Key, 0)
	_, err = w.findRefund(t, refundQuery(other))
	expectError(t, err, nil)
	_, err = w.findRefund(t, ports.RefundQuery{Key: "another", ProviderRef: made.ProviderRef, Payment: "another-payment", PaymentRef: "pi_other"})
	expectError(t, err, nil)
	_, err = w.findRefund(t, ports.RefundQuery{})
	expectError(t, err, ports.ErrRefundNotFound)
}

// Two keys of one payment do not mix.
func TestFindRefund_TwoKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.paid(t, "pm_ok")
	_, err := w.refund(t, r)
	if err != nil {
		t.Fatal(err)
	}
	other := r
	other.Key = "another"
	w.fake.SetRefundStatus("pending")
	second, err := w.refund(t, other)
	expectRefundStatus(t, second, err, billing.PaymentPending, "")
	found, err := w.findRefund(t, refundQuery(other))
	if err != nil || found != second {
		t.Errorf("FindRefund = %+v, %v; want %+v", found, err, second)
	}
	if _, err := w.findRefund(t, ports.RefundQuery{Key: "third", Payment: r.Payment, PaymentRef: r.PaymentRef}); !errors.Is(err, ports.ErrRefundNotFound) {
		t.Errorf("FindRefund = %v, want ErrRefundNotFound", err)
	}
}
