package httpapi

import (
	"net/http"
	"testing"

	"github.com/gorilla/mux"
)

func TestGuardRoutes_RefusesUndocumentedRoute(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		method, path string
		ok           bool
	}{
		"operation in the document":  {"GET", "/v1/plans", true},
		"page beside the API":        {"GET", "/docs", true},
		"PUT not in the document":    {"PUT", "/v1/plans", false},
		"DELETE not in the document": {"DELETE", "/v1/subscriptions", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &server{router: mux.NewRouter()}
			s.router.Handle(test.path, http.NotFoundHandler()).Methods(test.method)
			if err := s.guardRoutes(newResponseChecker(t).doc); (err == nil) != test.ok {
				t.Errorf("guardRoutes returned %v", err)
			}
		})
	}
}
