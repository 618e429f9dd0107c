package yookassa_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/adapters/yookassa/fake"
	"github.com/online-cinema/billing/core/ports"
)

func TestCharges_Window(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	token := s.AddMethod(fake.Method{})
	mustCharge(t, s, numbered(s.AddMethod(fake.Method{Reason: "card_expired"}), 9)) // not in the ledger
	var all []ports.LedgerEntry
	for n := range 3 {
		mustCharge(t, s, numbered(token, n))
		s.Advance(time.Hour)
	}
	list := func(from, to time.Time) (entries []ports.LedgerEntry) {
		err := s.Charges(t.Context(), from, to, func(e ports.LedgerEntry) error { entries = append(entries, e); return nil })
		if err != nil {
			t.Fatal(err)
		}
		return entries
	}
	all = list(time.Time{}, time.Time{})
	if len(all) != 3 || all[1].Key != numbered(token, 1).Key || all[1].Amount != rubles(39900) {
		t.Fatalf("the ledger is %+v, want the three successful charges", all)
	}
	middle := all[1].At
	for name, c := range map[string]struct {
		from, to time.Time
		want     []ports.LedgerEntry
	}{
		"from its time":           {middle, time.Time{}, all[:2]},
		"from a nanosecond later": {middle.Add(1), time.Time{}, all[:1]},
		"to its time":             {time.Time{}, middle, all[2:]},
		"to a nanosecond later":   {time.Time{}, middle.Add(1), all[1:]},
		"in another time zone":    {middle.In(time.FixedZone("", 3*3600)), middle.Add(1).In(time.FixedZone("", -9*3600)), all[1:2]},
		"empty":                   {middle, middle, nil},
	} {
		if diff := cmp.Diff(c.want, list(c.from, c.to)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Other programs may use the same shop.
func TestCharges_SkipsOtherPrograms(t *testing.T) {
	t.Parallel()
	for name, members := range map[string]string{
		"no metadata":       `"metadata":{"payment_id":""}`,
		"other ids":         `"metadata":{"payment_id":"order 7"}`,
		"others, no amount": `"metadata":{"payment_id":"7"},"amount":{"value":"0.00"}`,
	} {
		y := serve(t, 200, `{"type":"list","items":[`+paymentJSON(`"captured_at":"2026-11-29T10:00:00.000Z",`+members)+`]}`)
		err := y.Charges(t.Context(), time.Time{}, time.Time{}, func(e ports.LedgerEntry) error {
			t.Errorf("%s: the ledger has %+v", name, e)
			return nil
		})
		if err != nil {
			t.Errorf("%s: Charges = %v, want none", name, err)
		}
	}
}

func TestCharges_Invalid(t *testing.T) {
	t.Parallel()
	for name, members := range map[string]string{
		"no time":   `"status":"succeeded"`,
		"no amount": `"captured_at":"2026-11-29T10:00:00.000Z","amount":{"value":"x"}`,
		"pending":   `"captured_at":"2026-11-29T10:00:00.000Z","status":"pending"`,
	} {
		y := serve(t, 200, `{"type":"list","items":[`+paymentJSON(members)+`]}`)
		err := y.Charges(t.Context(), time.Time{}, time.Time{}, func(ports.LedgerEntry) error { return nil })
		if err == nil {
			t.Errorf("%s: Charges has no error", name)
		}
	}
}

// The API filters by milliseconds. The request must not be narrower than the window.
func TestCharges_Request(t *testing.T) {
	t.Parallel()
	var query string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query = r.URL.RawQuery
		_, _ = w.Write([]byte(`{"type":"list","items":[]}`))
	}))
	defer server.Close()
	from := time.Date(2026, 11, 29, 12, 0, 0, 999_999, time.FixedZone("", 3600))
	err := newAdapter(t, server.URL+"/v3").Charges(t.Context(), from, from.Add(time.Hour), func(ports.LedgerEntry) error { return nil })
	want := "captured_at.gte=2026-11-29T11%3A00%3A00.000Z&captured_at.lt=2026-11-29T12%3A00%3A00.001Z&limit=100&status=succeeded"
	if err != nil || query != want {
		t.Errorf("the query is %s, %v; want %s", query, err, want)
	}
}
