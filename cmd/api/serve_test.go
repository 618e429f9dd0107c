package main

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/online-cinema/billing/adapters/memory"
	"github.com/online-cinema/billing/cmd/internal/boot"
	"github.com/online-cinema/billing/core/billing"
)

// The API answers unusual paths. The handler in front of it must not redirect them.
func TestWithPages_PassesOtherPathsToAPI(t *testing.T) {
	t.Parallel()
	respond := func(name string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, name) })
	}
	h := withPages(respond("api"), map[string]http.Handler{"/simulator/3ds": respond("page")})
	for path, want := range map[string]string{
		"/simulator/3ds/abc": "page", "/simulator/3ds/": "page", "/simulator/3ds": "api", "/simulator/3dsx/": "api",
		"/v1/plans": "api", "//v1/plans": "api", "/v1/../v1/plans": "api", "/": "api",
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.URL.Path = path
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != 200 || w.Body.String() != want {
			t.Errorf("%s: status %d from %q, want %q", path, w.Code, w.Body, want)
		}
	}
}

// Tokens can stand for stolen cards too, and need no vault.
func TestNewUseCases_LimitsDeclinesWithoutVault(t *testing.T) {
	t.Parallel()
	cfg := boot.API{CardLimits: boot.CardLimits{DeclinesPerHour: 5, DeclinesPerDay: 10}}
	cfg.TimeZone.Location = time.UTC
	cases := newUseCases(cfg, memory.New(), nil, &boot.PaymentSystems{}, slog.New(slog.DiscardHandler))
	want := billing.Limits{{Max: 5, Per: time.Hour}, {Max: 10, Per: 24 * time.Hour}}
	if diff := cmp.Diff(want, cases.subscriber.Limits.Declines); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
