package httpapi

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gorilla/mux"
)

// A route that the document does not describe is found at the start.
func TestRoutesAreInTheDocument(t *testing.T) {
	t.Parallel()
	for asked, ok := range map[target]bool{
		{"GET", "/v1/plans"}: true, {"GET", "/docs"}: true, {"PUT", "/v1/plans"}: false,
	} {
		s := &server{router: mux.NewRouter(), plain: map[target]*endpoint{}}
		s.router.Handle(asked.path, http.NotFoundHandler()).Methods(asked.method)
		if err := s.bind(newResponseChecker(t).doc); (err == nil) != ok {
			t.Errorf("%v: %v", asked, err)
		}
	}
}

// Without variables the path says all: the router copies each request twice.
func TestPlainPathsAreNotMatched(t *testing.T) {
	t.Parallel()
	served := 0
	s := &server{router: mux.NewRouter(), plain: map[target]*endpoint{}}
	s.router.HandleFunc("/docs", func(_ http.ResponseWriter, r *http.Request) {
		if served++; mux.CurrentRoute(r) != nil {
			t.Error("matched")
		}
	}).Methods(http.MethodGet)
	if err := s.bind(newResponseChecker(t).doc); err != nil {
		t.Fatal(err)
	}
	s.dispatch(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/docs", nil))
	if served != 1 {
		t.Errorf("served %d times", served)
	}
}
