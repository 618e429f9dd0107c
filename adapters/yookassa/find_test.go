package yookassa_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/yookassa"
	"github.com/online-cinema/billing/adapters/yookassa/fake"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

// numbered returns a renewal with the nth key.
func numbered(token string, n int) ports.ChargeRequest {
	r := renewal(token)
	r.Key = billing.PaymentID(fmt.Sprintf("01890000-0000-7000-8000-%012d", n))
	return r
}

// The payment is on the last of three pages, because lists have the newest first.
func TestFind_AllPages(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	token := s.AddMethod(fake.Method{})
	for n := range 201 {
		mustCharge(t, s, numbered(token, n))
	}
	first := numbered(token, 0)
	o := mustFind(t, s, ports.ChargeQuery{Key: first.Key, SentFrom: s.Now().Add(-time.Minute), SentUntil: s.Now()})
	if o.Status != billing.PaymentSucceeded {
		t.Errorf("Find = %+v, want a success", o)
	}
	_, err := s.Find(t.Context(), ports.ChargeQuery{Key: numbered(token, 201).Key})
	if !errors.Is(err, ports.ErrChargeNotFound) {
		t.Errorf("Find = %v, want ErrChargeNotFound", err)
	}
	entries := 0
	err = s.Charges(t.Context(), time.Time{}, time.Time{}, func(ports.LedgerEntry) error { entries++; return nil })
	if err != nil || entries != 201 {
		t.Errorf("Charges has %d entries, %v; want 201", entries, err)
	}
}

// The clocks differ by a minute at most, and a request arrives within five minutes.
func TestFind_Window(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		from, until time.Duration // before the creation, after the creation
		found       bool
	}{
		"in the window":        {time.Second, time.Second, true},
		"clock of YooKassa":    {-59 * time.Second, time.Hour, true},
		"late arrival":         {time.Hour, -299 * time.Second, true},
		"long before it":       {-61 * time.Second, time.Hour, false},
		"long after it":        {time.Hour, -301 * time.Second, false},
		"no limits, all found": {0, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			at := s.Now()
			mustCharge(t, s, renewal(s.AddMethod(fake.Method{})))
			q := ports.ChargeQuery{Key: key}
			if c.from != 0 {
				q.SentFrom, q.SentUntil = at.Add(-c.from), at.Add(c.until)
			}
			_, err := s.Find(t.Context(), q)
			if found := err == nil; found != c.found || !found && !errors.Is(err, ports.ErrChargeNotFound) {
				t.Errorf("Find = %v, want found: %t", err, c.found)
			}
		})
	}
}

// A list may lag. The service waits for the settling time before it believes an absence.
func TestFind_ListLags(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	lag := s.Capabilities().Settling
	s.SetListLag(lag)
	o := mustCharge(t, s, renewal(s.AddMethod(fake.Method{})))
	if _, err := s.Find(t.Context(), ports.ChargeQuery{Key: key}); !errors.Is(err, ports.ErrChargeNotFound) {
		t.Errorf("Find = %v, want ErrChargeNotFound", err)
	}
	if byRef := mustFind(t, s, ports.ChargeQuery{Key: key, ProviderRef: o.ProviderRef}); byRef != o {
		t.Errorf("Find by reference = %+v, want %+v", byRef, o)
	}
	s.Advance(lag)
	if later := mustFind(t, s, ports.ChargeQuery{Key: key}); later != o {
		t.Errorf("Find after the lag = %+v, want %+v", later, o)
	}
}

func TestFind_ByReference(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	token := s.AddMethod(fake.Method{})
	first, second := mustCharge(t, s, numbered(token, 1)), mustCharge(t, s, numbered(token, 2))
	if o := mustFind(t, s, ports.ChargeQuery{Key: numbered(token, 1).Key, ProviderRef: first.ProviderRef}); o != first {
		t.Errorf("Find = %+v, want %+v", o, first)
	}
	_, err := s.Find(t.Context(), ports.ChargeQuery{Key: numbered(token, 1).Key, ProviderRef: second.ProviderRef})
	expectUnknown(t, err) // the reference of another payment
}

// YooKassa does not know a reference that it has reported, perhaps because the credentials
// are those of another shop. That must not look like an absence.
func TestFind_UnknownReference(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for _, ref := range []string{"2f0d3a1c-000f-5000-8000-18db351245c7", "../me" + strings.Repeat("0", 29), "a/b?c=d" + strings.Repeat("0", 25)} {
		_, err := s.Find(t.Context(), ports.ChargeQuery{Key: key, ProviderRef: ref})
		expectUnknown(t, err)
	}
}

func TestFind_NoKey(t *testing.T) {
	t.Parallel()
	y := serve(t, 200, `{"type":"list","items":[{"id":"1","status":"succeeded","amount":{"value":"1.00","currency":"RUB"}}]}`)
	if _, err := y.Find(t.Context(), ports.ChargeQuery{}); !errors.Is(err, ports.ErrChargeNotFound) {
		t.Errorf("Find = %v, want ErrChargeNotFound", err)
	}
}

// Only a whole list without the payment proves that it is absent.
func TestFind_Failures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"server error":        {500, apiError("internal_server_error", ""), "unknown"},
		"processing":          {202, `{"type":"processing"}`, "unknown"},
		"bad request":         {400, apiError("invalid_request", "created_at"), "unknown"},
		"not found":           {404, apiError("not_found", ""), "unknown"},
		"page of a proxy":     {404, "<html>", "unknown"},
		"key of the shop":     {401, apiError("invalid_credentials", ""), "credentials"},
		"rights of the shop":  {403, apiError("forbidden", ""), "credentials"},
		"no list":             {200, `{}`, "unknown"},
		"null":                {200, `null`, "unknown"},
		"cut off":             {200, `{"type":"list","items":[`, "unknown"},
		"list never advances": {200, `{"type":"list","items":[],"next_cursor":"1"}`, "unknown"},
		"empty list":          {200, `{"type":"list","items":[]}`, "not_found"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, err := serve(t, c.status, c.body).Find(t.Context(), ports.ChargeQuery{Key: key})
			if got := ports.OutcomeName(o, err); got != c.want {
				t.Errorf("Find = %+v, %v: %s; want %s", o, err, got, c.want)
			}
			expectNoLeak(t, err)
		})
	}
}

// The second page is lost, so nothing is known about the payment.
func TestFind_LostPage(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("cursor") != "" {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		_, _ = w.Write([]byte(`{"type":"list","items":[],"next_cursor":"1"}`))
	}))
	defer server.Close()
	_, err := newAdapter(t, server.URL+"/v3").Find(t.Context(), ports.ChargeQuery{Key: key})
	expectUnknown(t, err)
}

func TestCalls_WrongCredentials(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	y := newAdapter(t, s.url+"/v3", func(c *yookassa.Config) { c.SecretKey = billing.NewSecret("test_other") })
	for name, call := range map[string]func() error{
		"charge": func() error { _, err := y.Charge(t.Context(), renewal("tok-1")); return err },
		"find":   func() error { _, err := y.Find(t.Context(), ports.ChargeQuery{Key: key}); return err },
		"probe":  func() error { return y.Probe(t.Context()) },
		"ledger": func() error {
			return y.Charges(t.Context(), time.Time{}, time.Time{}, func(ports.LedgerEntry) error { return nil })
		},
	} {
		if err := call(); !errors.Is(err, ports.ErrCredentials) {
			t.Errorf("%s = %v, want ErrCredentials", name, err)
		}
	}
}

// The API's description promises the settings of a shop to partners only.
func TestProbe_NoSettings(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v3/me" {
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte(apiError("forbidden", "")))
			return
		}
		_, _ = w.Write([]byte(`{"type":"list","items":[]}`))
	}))
	defer server.Close()
	if err := newAdapter(t, server.URL+"/v3").Probe(t.Context()); err != nil {
		t.Errorf("Probe = %v, want none", err)
	}
}

func TestProbe(t *testing.T) {
	t.Parallel()
	if err := newShop(t).Probe(t.Context()); err != nil {
		t.Errorf("Probe = %v, want none", err)
	}
	for name, y := range map[string]*yookassa.YooKassa{
		"disabled":    serve(t, 200, `{"account_id":"1","status":"disabled"}`),
		"no settings": serve(t, 200, `{}`),
		"error":       serve(t, 500, ""),
		"unavailable": newAdapter(t, "http://127.0.0.1:1"),
	} {
		if err := y.Probe(t.Context()); err == nil || errors.Is(err, ports.ErrCredentials) {
			t.Errorf("%s: Probe = %v, want an error that is not about credentials", name, err)
		}
	}
}
