package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/ports"
)

func TestNotifications(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", maxNotificationBody)
	for name, tt := range map[string]struct {
		path, body string
		err        error
		want       int
		passed     bool
	}{
		"accepted":              {"/v1/notifications/bank", `{"not": "parsed`, nil, http.StatusOK, true},
		"longest":               {"/v1/notifications/bank", long, nil, http.StatusOK, true},
		"too long":              {"/v1/notifications/bank", long + "x", nil, http.StatusRequestEntityTooLarge, false},
		"forged":                {"/v1/notifications/bank", "", fmt.Errorf("bank: %w", ports.ErrForged), http.StatusUnauthorized, true},
		"unknown system":        {"/v1/notifications/other", "", billing.ErrPaymentSystemNotFound, http.StatusNotFound, true},
		"impossible code":       {"/v1/notifications/NO", "", nil, http.StatusNotFound, false},
		"database down":         {"/v1/notifications/bank", "", billing.ErrUnavailable, http.StatusServiceUnavailable, true},
		"fault of the adapter":  {"/v1/notifications/bank", "", errors.New("whsec_secret"), http.StatusInternalServerError, true},
		"without a code at all": {"/v1/notifications/", "", nil, http.StatusNotFound, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var passed []ports.Notification
			s := newService(t, func(c *Config) {
				c.Notified = func(_ context.Context, _ string, n ports.Notification) error {
					passed = append(passed, n)
					return tt.err
				}
			})
			w := s.do("", http.MethodPost, tt.path, tt.body, header{"Bank-Signature", "v1=abc"})
			if w.Code != tt.want || w.Code == http.StatusOK && w.Body.Len() != 0 {
				t.Errorf("got %d %s, want %d", w.Code, w.Body, tt.want)
			}
			if got := w.Header().Get("WWW-Authenticate"); (got != "") != (tt.want == http.StatusUnauthorized) {
				t.Errorf("%d with WWW-Authenticate %q; RFC 9110 wants it with 401", w.Code, got)
			}
			if strings.Contains(w.Body.String(), "whsec") {
				t.Errorf("the response tells the cause: %s", w.Body)
			}
			if (len(passed) == 1) != tt.passed {
				t.Fatalf("%d notifications were passed on, want one: %t", len(passed), tt.passed)
			}
			if !tt.passed {
				return
			}
			n := passed[0]
			if diff := cmp.Diff(tt.body, string(n.Body)); diff != "" || n.Header["Bank-Signature"][0] != "v1=abc" || !n.From.IsValid() || n.At.IsZero() {
				t.Errorf("the adapter received %+v", n)
			}
		})
	}
}

func TestSubscribe_ReturnURL(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		allowed ReturnURLs
		url     string
		want    int
	}{
		"allowed":         {ReturnURLs{Prefixes: []string{"https://cinema.example/"}}, "https://cinema.example/done?order=7", http.StatusCreated},
		"another host":    {ReturnURLs{Prefixes: []string{"https://cinema.example/"}}, "https://cinema.example.thief.net/", http.StatusUnprocessableEntity},
		"another scheme":  {ReturnURLs{Prefixes: []string{"https://cinema.example/"}}, "http://cinema.example/", http.StatusUnprocessableEntity},
		"a script":        {ReturnURLs{Any: true}, "javascript:alert(1)", http.StatusUnprocessableEntity},
		"a line break":    {ReturnURLs{Any: true}, `https://cinema.example/\nx`, http.StatusUnprocessableEntity},
		"none is allowed": {ReturnURLs{}, "https://cinema.example/", http.StatusUnprocessableEntity},
		"any in dev":      {ReturnURLs{Any: true}, "http://localhost:5173/done", http.StatusCreated},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(t, func(c *Config) { c.ReturnURLs = tt.allowed })
			body := `{"plan_code": "premium", "price": {"amount": 39900, "currency": "RUB"}, "payment_system": "bank", "payment_token": "tok", "return_url": "` + tt.url + `"}`
			if w := s.do("alice", http.MethodPost, "/v1/subscriptions", body); w.Code != tt.want {
				t.Errorf("got %d %s, want %d", w.Code, w.Body, tt.want)
			}
		})
	}
}
