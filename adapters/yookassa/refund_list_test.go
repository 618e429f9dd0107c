package yookassa_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/adapters/yookassa"
	"github.com/online-cinema/billing/adapters/yookassa/fake"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

func listRefunds(t *testing.T, y *yookassa.YooKassa, from time.Time) (entries []ports.RefundEntry) {
	t.Helper()
	err := y.Refunds(t.Context(), from, func(e ports.RefundEntry) error {
		entries = append(entries, e)
		return nil
	})
	if err != nil {
		t.Fatalf("Refunds: %v", err)
	}
	return entries
}

func TestRefunds(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	r := s.paid(t, fake.Method{})
	made, err := s.Refund(t.Context(), r)
	expectRefund(t, made, err, billing.PaymentSucceeded, "")
	s.Advance(time.Hour)
	byHand := s.RefundByHand(r.PaymentRef, "1.00")
	all := listRefunds(t, s.YooKassa, time.Time{})
	if len(all) != 2 || all[0].At.Location() != time.UTC {
		t.Fatalf("the list has %+v, want two refunds", all)
	}
	want := []ports.RefundEntry{
		{Ref: byHand, Payment: r.Payment, PaymentRef: r.PaymentRef, Amount: rubles(100), Status: billing.PaymentSucceeded, At: all[0].At},
		{Key: r.Key, Ref: made.ProviderRef, Payment: r.Payment, PaymentRef: r.PaymentRef, Amount: r.Amount, Status: billing.PaymentSucceeded, At: all[1].At},
	}
	for name, c := range map[string]struct {
		from time.Time
		want []ports.RefundEntry
	}{
		"all":                     {time.Time{}, want},
		"from its time":           {all[1].At, want},
		"from a nanosecond later": {all[1].At.Add(1), want[:1]},
		"in another time zone":    {all[1].At.In(time.FixedZone("", 3*3600)), want},
		"from later":              {all[0].At.Add(time.Hour), nil},
	} {
		if diff := cmp.Diff(c.want, listRefunds(t, s.YooKassa, c.from)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	// The core looks a refund that it did not make up by its reference.
	o, err := s.FindRefund(t.Context(), ports.RefundQuery{Key: "an-id-of-ours", ProviderRef: byHand, Payment: r.Payment, PaymentRef: r.PaymentRef})
	expectRefund(t, o, err, billing.PaymentSucceeded, "")

	s.HidePayments()
	if entries := listRefunds(t, s.YooKassa, time.Time{}); len(entries) != 1 || entries[0].Key != r.Key {
		t.Errorf("the list has %+v, want only the refund with our metadata", entries)
	}
	stop := errors.New("enough")
	if err := s.Refunds(t.Context(), time.Time{}, func(ports.RefundEntry) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("Refunds = %v, want the callback's error", err)
	}
}

func TestRefunds_AllPages(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	r := s.paid(t, fake.Method{})
	r.Amount = rubles(100)
	for n := range 101 {
		r.Key = billing.RefundID(fmt.Sprintf("01890000-0000-7000-8000-%012d", n))
		o, err := s.Refund(t.Context(), r)
		expectRefund(t, o, err, billing.PaymentSucceeded, "")
	}
	if n := len(listRefunds(t, s.YooKassa, time.Time{})); n != 101 {
		t.Errorf("the list has %d refunds, want 101", n)
	}
	r.Key = "01890000-0000-7000-8000-000000000000"
	o, err := s.FindRefund(t.Context(), refundQuery(r))
	expectRefund(t, o, err, billing.PaymentSucceeded, "")
}

func TestRefunds_Invalid(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"no list":        `{}`,
		"unknown status": `{"type":"list","items":[` + refundJSON(`"status":"new"`) + `]}`,
		"no amount":      `{"type":"list","items":[` + refundJSON(`"amount":{"value":"x"}`) + `]}`,
		"no reference":   `{"type":"list","items":[` + refundJSON(`"id":""`) + `]}`,
	} {
		err := serve(t, 200, body).Refunds(t.Context(), time.Time{}, func(ports.RefundEntry) error { return nil })
		if expectNoLeak(t, err); err == nil {
			t.Errorf("%s: Refunds has no error", name)
		}
	}
}

func TestRefunds_WrongCredentials(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	r := s.paid(t, fake.Method{})
	y := newAdapter(t, s.url+"/v3", func(c *yookassa.Config) { c.SecretKey = billing.NewSecret("test_other") })
	o, err := y.Refund(t.Context(), r)
	expectRefundError(t, o, err, "credentials")
	o, err = y.FindRefund(t.Context(), refundQuery(r))
	expectRefundError(t, o, err, "credentials")
	if err := y.Refunds(t.Context(), time.Time{}, func(ports.RefundEntry) error { return nil }); !errors.Is(err, ports.ErrCredentials) {
		t.Errorf("Refunds = %v, want ErrCredentials", err)
	}
}

// The table must have every reason of the description, and no other.
func TestRefundDeclines_Golden(t *testing.T) {
	t.Parallel()
	reasons := slices.Sorted(maps.Keys(yookassa.RefundDeclines()))
	var b strings.Builder
	for _, reason := range reasons {
		code := yookassa.RefundDecline(reason)
		if !slices.Contains(billing.DeclineCodes(), code) {
			t.Errorf("%s becomes %q, which is not a decline code", reason, code)
		}
		fmt.Fprintf(&b, "%-32s %s\n", reason, code)
	}
	golden(t, "refund_reasons.golden", b.String())

	var want []string
	for _, reason := range needSpec(t).Components.Schemas["RefundCancellationDetails"].Value.Properties["reason"].Value.Enum {
		want = append(want, reason.(string))
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, reasons); diff != "" {
		t.Errorf("the reasons differ (-description +adapter):\n%s", diff)
	}
}

// The fake sends a notification that the adapter understands. The lookup has the outcome.
func TestNotification_Refund(t *testing.T) {
	t.Parallel()
	var body []byte
	f := fake.New(fake.Config{ShopID: shopID, SecretKey: secretKey, Notify: func(_ context.Context, b []byte) { body = b }})
	server := httptest.NewServer(checked(t, f))
	defer server.Close()
	s := shop{newAdapter(t, server.URL+"/v3"), f, server.URL}
	r := s.paid(t, fake.Method{})
	s.HoldRefunds()
	o, err := s.Refund(t.Context(), r)
	expectRefund(t, o, err, billing.PaymentPending, "")
	s.SettleRefunds(t.Context(), "")
	got, err := s.ReadNotification(ports.Notification{Body: body, From: netip.MustParseAddr("185.71.76.1")})
	if want := (ports.Notice{RefundRef: o.ProviderRef}); err != nil || got != want {
		t.Errorf("ReadNotification = %+v, %v; want %+v", got, err, want)
	}
	if _, err := s.ReadNotification(ports.Notification{Body: body, From: netip.MustParseAddr("192.0.2.1")}); !errors.Is(err, ports.ErrForged) {
		t.Errorf("ReadNotification from a stranger = %v, want ErrForged", err)
	}
}

// The check against the description must notice a wrong refund.
func TestSpec_CatchesRefundFaults(t *testing.T) {
	t.Parallel()
	s := needSpec(t)
	file, err := os.ReadFile("testdata/refund.golden")
	if err != nil {
		t.Fatal(err)
	}
	request := string(file[bytes.LastIndex(file, []byte("\n\n"))+2:])
	response := strings.NewReplacer("re-1", "1ddd77af-0bd7-500d-895b-c475c55fdefc", "ref-1", "2f0d3a1c-000f-5000-8000-18db351245c7").
		Replace(refundJSON(`"status":"canceled","cancellation_details":{"party":"yoo_money","reason":"general_decline"}`))
	for name, c := range map[string]struct{ old, replacement string }{
		"nothing":                {},
		"no payment":             {`"payment_id":"2f0d`, `"payment":"2f0d`},
		"amount as a number":     {`"99.00"`, `99.00`},
		"other currency":         {`"RUB"`, `"JPY"`},
		"long description":       {`"Refund of`, `"` + strings.Repeat("a", 250)},
		"metadata with a number": {`"refund_id":"` + string(refundKey) + `"`, `"refund_id":1`},
		"response, no time":      {`"created_at"`, `"created"`},
		"response, other reason": {`general_decline`, `unknown_reason`},
		"response, other status": {`"status":"canceled"`, `"status":"failed"`},
		"response, other id":     {`"id":"1ddd`, `"id":"1`},
	} {
		q, w := strings.Replace(request, c.old, c.replacement, 1), strings.Replace(response, c.old, c.replacement, 1)
		if c.old != "" && q == request && w == response {
			t.Fatalf("neither the request nor the response has %s", c.old)
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v3/refunds", nil)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotence-Key", string(refundKey))
		copied := &recorder{ResponseWriter: httptest.NewRecorder(), status: http.StatusOK}
		copied.Header().Set("Content-Type", "application/json")
		copied.body.WriteString(w)
		if err := s.check(r, []byte(q), copied); (err == nil) != (c.old == "") {
			t.Errorf("%s: check = %v", name, err)
		}
	}
}
