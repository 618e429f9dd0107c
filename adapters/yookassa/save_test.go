package yookassa_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/online-cinema/billing/adapters/yookassa"
	"github.com/online-cinema/billing/adapters/yookassa/fake"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

func saveRequest() ports.SaveRequest {
	return ports.SaveRequest{
		Key: "01890000-0000-7000-8000-0000000000bb", Payer: "01890000-0000-7000-8000-0000000000aa", ReturnURL: "https://cinema.example/saved",
	}
}

// saveQuery returns the query for a request that was just sent.
func (s shop) saveQuery(ref string) ports.SaveQuery {
	return ports.SaveQuery{SaveRequest: saveRequest(), ProviderRef: ref, SentFrom: s.Now(), SentUntil: s.Now().Add(20 * time.Second)}
}

func mustSave(t *testing.T, y *yookassa.YooKassa) billing.SaveOutcome {
	t.Helper()
	o, err := y.Save(t.Context(), saveRequest())
	if err != nil || o.Status != billing.MethodPending || o.ActionURL == "" || o.ProviderRef == "" {
		t.Fatalf("Save = %+v, %v; want pending with a page", o, err)
	}
	return o
}

// The viewer saves a card, and a renewal charges it. Another shop's card type is no brand.
func TestSave(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	opened := mustSave(t, s.YooKassa)
	if err := replyTo(t.Context(), opened.ActionURL, "approve", "5555555555554477", saveRequest().ReturnURL); err != nil {
		t.Fatal(err)
	}
	o, err := s.FindSave(t.Context(), s.saveQuery(opened.ProviderRef))
	want := billing.SaveOutcome{
		Status: billing.MethodActive, ProviderRef: opened.ProviderRef, Token: o.Token, Brand: billing.Mastercard, Last4: "4477",
	}
	if err != nil || o != want || o.Token.Reveal() != opened.ProviderRef {
		t.Fatalf("FindSave = %+v, %v; want %+v", o, err, want)
	}
	charged, err := s.Charge(t.Context(), renewal(o.Token.Reveal()))
	if err != nil || charged.Status != billing.PaymentSucceeded {
		t.Errorf("Charge by the saved card = %+v, %v", charged, err)
	}
}

func TestSave_NotSaved(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(shop, billing.SaveOutcome) error{
		"left": func(_ shop, o billing.SaveOutcome) error {
			return replyTo(context.Background(), o.ActionURL, "decline", "", saveRequest().ReturnURL)
		},
		"declined": func(_ shop, o billing.SaveOutcome) error {
			return replyTo(context.Background(), o.ActionURL, "approve", "5555555555554600", saveRequest().ReturnURL)
		},
		"expired": func(s shop, _ billing.SaveOutcome) error { s.Advance(time.Hour); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			opened := mustSave(t, s.YooKassa)
			if err := end(s, opened); err != nil {
				t.Fatal(err)
			}
			for _, ref := range []string{opened.ProviderRef, ""} {
				o, err := s.FindSave(t.Context(), s.saveQuery(ref))
				if want := (billing.SaveOutcome{Status: billing.MethodFailed, DeclineCode: billing.UnknownDecline, ProviderRef: opened.ProviderRef}); err != nil || o != want {
					t.Errorf("FindSave(%q) = %+v, %v; want %+v", ref, o, err, want)
				}
			}
		})
	}
}

func TestSave_Faults(t *testing.T) {
	t.Parallel()
	for fault, want := range map[fake.Fault]error{
		fake.TooManyRequests: ports.ErrNotSent, fake.Forbidden: ports.ErrCredentials, fake.BadGateway: nil, fake.LoseRequest: nil, fake.LoseResponse: nil,
	} {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			s := newShop(t, func(c *yookassa.Config) {
				c.Wait = func(context.Context, time.Duration) error { return context.DeadlineExceeded } // no second attempt
			})
			s.Fail(fault)
			o, err := s.Save(t.Context(), saveRequest())
			known := errors.Is(err, ports.ErrNotSent) || errors.Is(err, ports.ErrCredentials) || errors.Is(err, ports.ErrRefused)
			if err == nil || known != (want != nil) || want != nil && !errors.Is(err, want) {
				t.Errorf("Save = %+v, %v; want %v", o, err, want)
			}
		})
	}
}

// While YooKassa works on a request, the adapter repeats it. It opens one page.
func TestSave_RepeatsWhileProcessing(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.Fail(fake.InternalError, fake.Processing)
	first := mustSave(t, s.YooKassa)
	if again := mustSave(t, s.YooKassa); again != first {
		t.Errorf("second Save = %+v, want %+v", again, first)
	}
}

// Without a reference a lookup opens the page, if the request was lost, and otherwise finds
// it. After the horizon it sends nothing.
func TestFindSave_Repeats(t *testing.T) {
	t.Parallel()
	for _, fault := range []fake.Fault{fake.LoseRequest, fake.LoseResponse} {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			s.Fail(fault)
			if _, err := s.Save(t.Context(), saveRequest()); err == nil {
				t.Fatal("Save has no error")
			}
			q := s.saveQuery("")
			found, err := s.FindSave(t.Context(), q)
			if err != nil || found.ActionURL == "" {
				t.Fatalf("FindSave = %+v, %v; want the page", found, err)
			}
			if again := mustSave(t, s.YooKassa); again != found {
				t.Errorf("a repeated Save = %+v, want the same page %+v", again, found)
			}
			s.Advance(23 * time.Hour)
			if _, err := s.FindSave(t.Context(), q); !errors.Is(err, ports.ErrSaveNotFound) {
				t.Errorf("FindSave after the horizon: %v, want ErrSaveNotFound", err)
			}
		})
	}
}

func TestSave_Refusals(t *testing.T) {
	t.Parallel()
	y := newAdapter(t, "http://127.0.0.1:1", func(c *yookassa.Config) { c.ReturnURL = "" })
	for name, change := range map[string]func(*ports.SaveRequest){
		"no page to return to": func(r *ports.SaveRequest) { r.ReturnURL = "" },
		"invalid key":          func(r *ports.SaveRequest) { r.Key = "a key" },
	} {
		r := saveRequest()
		change(&r)
		if _, err := y.Save(t.Context(), r); !errors.Is(err, ports.ErrRefused) {
			t.Errorf("%s: %v, want ErrRefused", name, err)
		}
	}
}

// A response that proves nothing leaves the outcome unknown.
func TestFindSave_Unknown(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status int
		body   string
	}{
		"unknown reference": {http.StatusNotFound, `{"type":"error","code":"not_found"}`},
		"another method":    {http.StatusOK, `{"id":"other","status":"active","saved":true}`},
		"no method":         {http.StatusOK, `{}`},
		"unexpected status": {http.StatusOK, `{"id":"ref","status":"strange"}`},
		"no JSON":           {http.StatusOK, `<html>`},
		"bad gateway":       {http.StatusBadGateway, `<html>`},
	} {
		o, err := serve(t, tt.status, tt.body).FindSave(t.Context(), ports.SaveQuery{SaveRequest: saveRequest(), ProviderRef: "ref"})
		if err == nil || errors.Is(err, ports.ErrSaveNotFound) {
			t.Errorf("%s: FindSave = %+v, %v; want an unknown outcome", name, o, err)
		}
	}
	o, err := serve(t, http.StatusOK, `{"id":"ref","status":"active","saved":false}`).FindSave(t.Context(), ports.SaveQuery{ProviderRef: "ref"})
	if err != nil || o.Status != billing.MethodFailed || !o.Token.IsZero() {
		t.Errorf("a method that is not saved: %+v, %v; want failed", o, err)
	}
}

func TestSave_Notification(t *testing.T) {
	t.Parallel()
	var body []byte
	f := fake.New(fake.Config{ShopID: shopID, SecretKey: secretKey, Notify: func(_ context.Context, b []byte) { body = b }})
	server := httptest.NewServer(f)
	defer server.Close()
	y := newAdapter(t, server.URL+"/v3")
	opened := mustSave(t, y)
	if err := replyTo(t.Context(), opened.ActionURL, "approve", "", saveRequest().ReturnURL); err != nil {
		t.Fatal(err)
	}
	got, err := y.ReadNotification(ports.Notification{Body: body, From: netip.MustParseAddr("185.71.76.1")})
	if want := (ports.Notice{ProviderRef: opened.ProviderRef}); err != nil || got != want {
		t.Errorf("ReadNotification = %+v, %v; want %+v", got, err, want)
	}
}
