package stripe_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-go/v85/webhook"

	"github.com/online-cinema/billing/adapters/stripe"
	"github.com/online-cinema/billing/adapters/stripe/fake"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

func TestRefunds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.paid(t, "pm_ok")
	made, err := w.refund(t, r)
	expectRefundStatus(t, made, err, billing.PaymentSucceeded, "")
	at := w.clock.Now()
	w.clock.Advance(time.Hour)
	byHand := w.fake.RefundByHand(string(r.Payment), 100)
	want := []ports.RefundEntry{
		{Ref: byHand, Payment: r.Payment, PaymentRef: r.PaymentRef, Amount: rubles(100), Status: billing.PaymentSucceeded, At: at.Add(time.Hour)},
		{Key: r.Key, Ref: made.ProviderRef, Payment: r.Payment, PaymentRef: r.PaymentRef, Amount: r.Amount, Status: billing.PaymentSucceeded, At: at},
	}
	for name, tt := range map[string]struct {
		from time.Time
		want []ports.RefundEntry
	}{
		"all":                   {time.Time{}, want},
		"from the first":        {at, want},
		"from a microsecond on": {at.Add(time.Microsecond), want[:1]},
		"from later":            {at.Add(2 * time.Hour), nil},
	} {
		if diff := cmp.Diff(tt.want, w.refunds(t, tt.from)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	// The core looks a refund that it did not make up by its reference.
	found, err := w.findRefund(t, ports.RefundQuery{Key: "an-id-of-ours", ProviderRef: byHand, Payment: r.Payment})
	expectRefundStatus(t, found, err, billing.PaymentSucceeded, "")
	found, err = w.findRefund(t, ports.RefundQuery{Key: "an-id-of-ours", ProviderRef: byHand, PaymentRef: r.PaymentRef})
	expectRefundStatus(t, found, err, billing.PaymentSucceeded, "")
}

func TestRefunds_SkipsOtherPrograms(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.paid(t, "pm_ok")
	if _, err := w.refund(t, r); err != nil {
		t.Fatal(err)
	}
	w.fake.HidePayments()
	if entries := w.refunds(t, time.Time{}); len(entries) != 1 || entries[0].Payment != r.Payment {
		t.Errorf("the list has %+v, want the refund with our metadata", entries)
	}
	w.fake.HideRefunds()
	if entries := w.refunds(t, time.Time{}); len(entries) != 0 {
		t.Errorf("the list has %+v, want none", entries)
	}
}

func TestRefunds_AllPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.paid(t, "pm_ok")
	r.Amount = rubles(100)
	for i := range 45 {
		r.Key = billing.RefundID(fmt.Sprintf("refund-%d", i))
		if _, err := w.refund(t, r); err != nil {
			t.Fatal(err)
		}
	}
	before := len(w.fake.Requests(fake.OpRefunds))
	if n := len(w.refunds(t, time.Time{})); n != 45 {
		t.Errorf("the list has %d refunds, want 45", n)
	}
	if n := len(w.fake.Requests(fake.OpRefunds)) - before; n != 3 {
		t.Errorf("%d pages were read, want 3", n)
	}
	r.Key = "refund-0"
	found, err := w.findRefund(t, refundQuery(r))
	expectRefundStatus(t, found, err, billing.PaymentSucceeded, "")
}

func TestRefunds_Faults(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.refund(t, w.paid(t, "pm_ok")); err != nil {
		t.Fatal(err)
	}
	for fault, want := range map[fake.Fault]error{
		fake.Fail: nil, fake.HTML: nil, fake.HalfBody: nil, fake.LongBody: nil, fake.Busy: ports.ErrNotSent, fake.Unauthorized: ports.ErrCredentials,
	} {
		w.fake.Next(fake.OpRefunds, fault)
		err := w.Refunds(t.Context(), time.Time{}, func(ports.RefundEntry) error { return nil })
		expectNoSecret(t, err)
		expectError(t, err, want)
	}
	stop := errors.New("enough")
	if err := w.Refunds(t.Context(), time.Time{}, func(ports.RefundEntry) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("Refunds = %v, want the callback's error", err)
	}
}

// Stripe had forgotten the key when the refund was sent again. The refund that moved money
// counts.
func TestFindRefund_KeyTwice(t *testing.T) {
	t.Parallel()
	refund := func(id, status string) string {
		return `{"id":"` + id + `","status":"` + status + `","metadata":{"refund_id":"refund-1"}}`
	}
	for want, list := range map[string][]string{
		"re_old":     {refund("re_new", "failed"), refund("re_old", "succeeded"), refund("re_oldest", "pending")},
		"re_pending": {refund("re_new", "canceled"), refund("re_pending", "requires_action"), refund("re_old", "failed")},
		"re_new":     {refund("re_new", "failed"), refund("re_old", "canceled")},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/v1/refunds" {
				_, _ = w.Write([]byte(`{"data":[` + strings.Join(list, ",") + `],"has_more":false}`))
				return
			}
			_, _ = w.Write([]byte(`{"id":"pi_1","metadata":{"payment_id":"key-1"}}`))
		}))
		s, err := stripe.New(stripe.Config{SecretKey: billing.NewSecret(secretKey), BaseURL: server.URL, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		o, err := s.FindRefund(t.Context(), ports.RefundQuery{Key: "refund-1", Payment: "key-1", PaymentRef: "pi_1"})
		if err != nil || o.ProviderRef != want {
			t.Errorf("FindRefund = %+v, %v; want %s", o, err, want)
		}
		server.Close()
	}
}

// Stripe's own library signs these bodies.
func TestReadNotification_Refund(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const ours = `{"id":"re_1","object":"refund","metadata":{"refund_id":"refund-1","payment_id":"key-1"}}`
	both, ref := ports.Notice{Refund: "refund-1", RefundRef: "re_1"}, ports.Notice{RefundRef: "re_1"}
	for name, tt := range map[string]struct {
		kind, object string
		want         ports.Notice
	}{
		"created":                    {"refund.created", ours, both},
		"updated":                    {"refund.updated", ours, both},
		"failed":                     {"refund.failed", ours, both},
		"of an older endpoint":       {"charge.refund.updated", ours, both},
		"made in the Dashboard":      {"refund.created", `{"id":"re_1","object":"refund","metadata":{}}`, ref},
		"without metadata":           {"refund.failed", `{"id":"re_1","object":"refund"}`, ref},
		"the charge with its refund": {"charge.refunded", `{"id":"ch_1","metadata":{"payment_id":"key-1"},"refunds":{"data":[` + ours + `]}}`, both},
		"the charge alone":           {"charge.refunded", `{"id":"ch_1","metadata":{"payment_id":"key-1"}}`, ports.Notice{}},
		"a charge without a list":    {"charge.refunded", `{"id":"ch_1","refunds":null}`, ports.Notice{}},
		"no id":                      {"refund.updated", `{"metadata":{"refund_id":"refund-1"}}`, ports.Notice{}},
		"an id that is no id":        {"refund.updated", `{"id":"../x"}`, ports.Notice{}},
		"another object":             {"refund.unknown", ours, ports.Notice{}},
	} {
		body := `{"type":"` + tt.kind + `","data":{"object":` + tt.object + `}}`
		signed := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{
			Payload: []byte(body), Secret: webhookSecret, Timestamp: time.Unix(signedAt, 0),
		})
		got, err := w.ReadNotification(notification(signed.Header, body, 0))
		if irrelevant := tt.want == (ports.Notice{}); got != tt.want || irrelevant != errors.Is(err, ports.ErrIrrelevant) || !irrelevant && err != nil {
			t.Errorf("%s: ReadNotification = %+v, %v; want %+v", name, got, err, tt.want)
		}
		if _, err := w.ReadNotification(notification(signed.Header, body+" ", 0)); !errors.Is(err, ports.ErrForged) {
			t.Errorf("%s: ReadNotification of a changed body = %v, want ErrForged", name, err)
		}
	}
}
