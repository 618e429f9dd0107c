package yookassa_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/yookassa/fake"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

const refundKey = billing.RefundID("01890000-0000-7000-8000-0000000000f1")

// paid charges with a method, and returns a request to refund 99.00 of the payment.
func (s shop) paid(t *testing.T, m fake.Method) ports.RefundRequest {
	t.Helper()
	o := mustCharge(t, s, renewal(s.AddMethod(m)))
	return ports.RefundRequest{Key: refundKey, Payment: key, PaymentRef: o.ProviderRef, Amount: rubles(9900)}
}

func refundQuery(r ports.RefundRequest) ports.RefundQuery {
	return ports.RefundQuery{Key: r.Key, Payment: r.Payment, PaymentRef: r.PaymentRef}
}

// expectRefund expects an outcome with this status and decline code.
func expectRefund(t *testing.T, o billing.RefundOutcome, err error, status billing.PaymentStatus, code billing.DeclineCode) {
	t.Helper()
	if err != nil || o.Status != status || o.DeclineCode != code || o.ProviderRef == "" {
		t.Fatalf("the outcome is %+v, %v; want %s %s with a reference", o, err, status, code)
	}
}

// expectRefundError expects an error with this name: see [ports.RefundOutcomeName].
func expectRefundError(t *testing.T, o billing.RefundOutcome, err error, want string) {
	t.Helper()
	expectNoLeak(t, err)
	if got := ports.RefundOutcomeName(o, err); got != want || err == nil || o != (billing.RefundOutcome{}) {
		t.Errorf("the result is %+v, %v: %s; want the error %s", o, err, got, want)
	}
}

// YooKassa refuses a known key with another body, so the body must not change between two
// releases.
func TestRefund_RequestGolden(t *testing.T) {
	t.Parallel()
	var sent strings.Builder
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(&sent, "%s %s\nIdempotence-Key: %s\n\n%s\n", r.Method, r.URL, r.Header.Get("Idempotence-Key"), body)
		switch {
		case r.Method == http.MethodPost:
			w.WriteHeader(http.StatusBadRequest)
		case strings.HasPrefix(r.URL.Path, "/v3/payments/"):
			_, _ = w.Write([]byte(paymentJSON(`"id":"2f0d3a1c-000f-5000-8000-18db351245c7"`)))
		default:
			_, _ = w.Write([]byte(`{"type":"list","items":[]}`))
		}
	}))
	defer server.Close()
	_, _ = newAdapter(t, server.URL+"/v3").Refund(t.Context(), ports.RefundRequest{
		Key: refundKey, Payment: key, PaymentRef: "2f0d3a1c-000f-5000-8000-18db351245c7", Amount: rubles(9900),
	})
	golden(t, "refund.golden", sent.String())
}

func TestRefund_Statuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		reason string
		want   billing.PaymentStatus
		code   billing.DeclineCode
	}{
		"succeeded":       {"", billing.PaymentSucceeded, ""},
		"canceled":        {"insufficient_funds", billing.PaymentDeclined, billing.InsufficientFunds},
		"an article":      {"payment_tru_code_not_found", billing.PaymentDeclined, billing.UnknownDecline},
		"by the payee":    {"rejected_by_payee", billing.PaymentDeclined, billing.DoNotHonor},
		"account closed":  {"yoo_money_account_closed", billing.PaymentDeclined, billing.NotPermitted},
		"the wallet late": {"rejected_by_timeout", billing.PaymentDeclined, billing.ActionExpired},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			r := s.paid(t, fake.Method{})
			s.HoldRefunds()
			pending, err := s.Refund(t.Context(), r)
			expectRefund(t, pending, err, billing.PaymentPending, "")
			s.SettleRefunds(t.Context(), c.reason)
			byRef := refundQuery(r)
			byRef.ProviderRef = pending.ProviderRef
			for _, q := range []ports.RefundQuery{refundQuery(r), byRef} {
				o, err := s.FindRefund(t.Context(), q)
				expectRefund(t, o, err, c.want, c.code)
			}
			o, err := s.Refund(t.Context(), r) // a canceled refund is not made again
			expectRefund(t, o, err, c.want, c.code)
			if e := listRefunds(t, s.YooKassa, time.Time{}); len(e) != 1 || e[0].Status != c.want {
				t.Errorf("the list has %+v, want one refund, %s", e, c.want)
			}
		})
	}
}

func TestRefund_RefusedBeforeSending(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*ports.RefundRequest){
		"no key":             func(r *ports.RefundRequest) { r.Key = "" },
		"a key with a space": func(r *ports.RefundRequest) { r.Key = "a b" },
		"a long key":         func(r *ports.RefundRequest) { r.Key = billing.RefundID(strings.Repeat("k", 65)) },
		"no payment":         func(r *ports.RefundRequest) { r.Payment = "" },
		"nothing":            func(r *ports.RefundRequest) { r.Amount.Amount = 0 },
		"unknown currency":   func(r *ports.RefundRequest) { r.Amount.Currency = "JPY" },
	} {
		r := ports.RefundRequest{Key: refundKey, Payment: key, PaymentRef: "ref-1", Amount: rubles(9900)}
		spoil(&r)
		o, err := newAdapter(t, "http://127.0.0.1:1").Refund(t.Context(), r)
		if expectRefundError(t, o, err, "refused"); t.Failed() {
			t.Fatal(name)
		}
	}
}

func TestRefund_TooLate(t *testing.T) {
	t.Parallel()
	for age, late := range map[time.Duration]bool{23*time.Hour - time.Second: false, 23 * time.Hour: true, 1000 * time.Hour: true} {
		s := newShop(t)
		r := s.paid(t, fake.Method{})
		r.FirstSent = s.Now().Add(-age)
		o, err := s.Refund(t.Context(), r)
		if !late {
			expectRefund(t, o, err, billing.PaymentSucceeded, "")
			continue
		}
		expectRefundError(t, o, err, "too_late")
		if n, _ := s.Refunded(string(r.Key)); n != 0 {
			t.Errorf("%s: %d refunds were made, want none", age, n)
		}
	}
}

func TestRefund_OldPayment(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	r := s.paid(t, fake.Method{})
	s.Advance(3 * 365 * 24 * time.Hour)
	o, err := s.Refund(t.Context(), r)
	expectRefundError(t, o, err, "refused")
}

// A database that was restored does not know when the key was first sent, and YooKassa has
// forgotten the key. The list of refunds still has it.
func TestRefund_ForgottenKey(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	r := s.paid(t, fake.Method{})
	first, err := s.Refund(t.Context(), r)
	expectRefund(t, first, err, billing.PaymentSucceeded, "")
	s.Advance(1000 * time.Hour)
	if o, err := s.Refund(t.Context(), r); err != nil || o != first {
		t.Errorf("Refund = %+v, %v; want %+v", o, err, first)
	}
	if n, _ := s.Refunded(string(r.Key)); n != 1 {
		t.Errorf("%d refunds were made, want one", n)
	}
	r.Amount.Amount++
	o, err := s.Refund(t.Context(), r)
	expectRefundError(t, o, err, "key_conflict")
}

// The list may lag. YooKassa itself recognizes the key then.
func TestRefund_ListLags(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	lag := s.Capabilities().Settling
	r := s.paid(t, fake.Method{})
	s.SetListLag(lag)
	first, err := s.Refund(t.Context(), r)
	expectRefund(t, first, err, billing.PaymentSucceeded, "")
	again, err := s.Refund(t.Context(), r)
	if err != nil || again != first {
		t.Errorf("Refund = %+v, %v; want %+v", again, err, first)
	}
	o, err := s.FindRefund(t.Context(), refundQuery(r))
	expectRefundError(t, o, err, "not_found")
	other := r
	other.Amount.Amount++
	o, err = s.Refund(t.Context(), other)
	expectRefundError(t, o, err, "key_conflict")
	s.Advance(lag)
	found, err := s.FindRefund(t.Context(), refundQuery(r))
	if err != nil || found != first {
		t.Errorf("FindRefund = %+v, %v; want %+v", found, err, first)
	}
}

// The payment was settled by a person, so its reference is not known.
func TestRefund_WithoutReference(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for n := range 3 { // payments before the window of the id
		mustCharge(t, s, numbered(s.AddMethod(fake.Method{}), 100+n))
		s.Advance(time.Hour)
	}
	charge := renewal(s.AddMethod(fake.Method{}))
	ms := s.Now().UnixMilli()
	charge.Key = billing.PaymentID(fmt.Sprintf("%08x-%04x-7000-8000-000000000001", ms>>16, ms&0xffff))
	s.Advance(22 * time.Hour)
	mustCharge(t, s, charge)
	s.Advance(1000 * time.Hour)
	y, lists := counted(t, s)
	r := ports.RefundRequest{Key: refundKey, Payment: charge.Key, Amount: rubles(9900)}
	made, err := y.Refund(t.Context(), r)
	expectRefund(t, made, err, billing.PaymentSucceeded, "")
	if n := lists.Load(); n != 8 {
		t.Errorf("%d lists were read, want the 8 parts of a window", n)
	}
	found, err := s.FindRefund(t.Context(), refundQuery(r))
	if err != nil || found != made {
		t.Errorf("FindRefund = %+v, %v; want %+v", found, err, made)
	}
	r.Payment = key
	o, err := s.Refund(t.Context(), r)
	expectRefundError(t, o, err, "unknown")
	o, err = s.FindRefund(t.Context(), refundQuery(r))
	expectRefundError(t, o, err, "not_found")
}

// A reference that YooKassa does not know may be from another shop, and a wrong one must not
// pay another viewer.
func TestRefund_WrongReferences(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	r := s.paid(t, fake.Method{})
	made, err := s.Refund(t.Context(), r)
	expectRefund(t, made, err, billing.PaymentSucceeded, "")
	lost, other := r, r
	lost.Key, lost.PaymentRef = "01890000-0000-7000-8000-0000000000f2", "2f0d3a1c-000f-5000-8000-18db351245c7"
	other.Key, other.Payment = lost.Key, "01890000-0000-7000-8000-0000000000a2"
	for _, r := range []ports.RefundRequest{lost, other} {
		o, err := s.Refund(t.Context(), r)
		expectRefundError(t, o, err, "unknown")
		o, err = s.FindRefund(t.Context(), refundQuery(r))
		expectRefundError(t, o, err, "unknown")
		if n, _ := s.Refunded(string(r.Key)); n != 0 {
			t.Errorf("%d refunds were made, want none", n)
		}
	}
	q := refundQuery(other)
	q.ProviderRef, q.PaymentRef = made.ProviderRef, lost.PaymentRef
	o, err := s.FindRefund(t.Context(), q)
	expectRefundError(t, o, err, "unknown") // the refund of another payment
	q.ProviderRef = "2f0d3a1c-000f-5000-8000-18db351245c7"
	o, err = s.FindRefund(t.Context(), q)
	expectRefundError(t, o, err, "unknown") // a refund of another shop
	o, err = s.FindRefund(t.Context(), ports.RefundQuery{})
	expectRefundError(t, o, err, "not_found")
}
