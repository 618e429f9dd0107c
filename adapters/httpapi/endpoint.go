package httpapi

import (
	"fmt"
	"net/http"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
	"github.com/gorilla/mux"

	"github.com/online-cinema/billing/core/billing"
)

// public is what everybody may ask for. Everything else needs a token, so that
// a path that is added is closed until somebody opens it.
var public = map[string]bool{
	"/v1/plans": true, "/v1/payment-systems": true, "/openapi.json": true, "/docs": true,
}

// endpoint is what stands between a route and its handler, with all about it
// that no request changes: who may ask, and what the document says.
type endpoint struct {
	*server

	path      string // a template
	public    bool
	described *routers.Route // nil of the pages beside the API
	params    openapi3.Parameters
	queryOnly bool // all of the parameters are in the query, and may be left out
	next      http.Handler
}

// bind puts an endpoint before the handler of each route.
func (s *server) bind(doc *openapi3.T) error {
	return s.router.Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		path, err := route.GetPathTemplate()
		if err != nil {
			return err
		}
		methods, err := route.GetMethods()
		if err != nil {
			return err
		}
		for _, method := range methods { // there is one
			e, err := s.endpoint(doc, method, path, route.GetHandler())
			if err != nil {
				return err
			}
			route.Handler(e)
		}
		return nil
	})
}

func (s *server) endpoint(doc *openapi3.T, method, path string, next http.Handler) (*endpoint, error) {
	e := &endpoint{server: s, path: path, public: public[path], next: next}
	item := doc.Paths.Value(path)
	if item == nil {
		return e, nil
	}
	op := item.GetOperation(method)
	if op == nil {
		return nil, fmt.Errorf("the document has no %s %s", method, path)
	}
	e.described = &routers.Route{Spec: doc, Path: path, PathItem: item, Method: method, Operation: op}
	e.setParams(item.Parameters, op.Parameters)
	return e, nil
}

// ServeHTTP lets a request through to the handler once it is known whose it is,
// and the document has nothing against it.
func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	infoOf(r.Context()).route = e.path
	if err := e.admit(w, r); err != nil {
		e.fail(w, r, err)
		return
	}
	e.next.ServeHTTP(w, r)
}

// admit finds out who the viewer is before anything is said about the rest of the
// request. What viewers see is theirs alone, so no cache may keep it.
func (e *endpoint) admit(w http.ResponseWriter, r *http.Request) error {
	if !e.public {
		w.Header()["Cache-Control"] = noStore
		if err := e.viewer(r); err != nil {
			return err
		}
	}
	if e.described == nil {
		return nil
	}
	return e.check(w, r)
}

// check refuses what the document does not allow before generated code reads it,
// and leaves the body to be read again.
func (e *endpoint) check(w http.ResponseWriter, r *http.Request) error {
	if err := noteRef(r); err != nil {
		return err
	}
	if err := noteKey(r); err != nil {
		return err
	}
	if err := e.checkParams(r); err != nil {
		return err
	}
	if r.Method != http.MethodPost {
		return nil
	}
	return checkBody(w, r, e.described.Operation)
}

// noteRef notes what the path names.
func noteRef(r *http.Request) error {
	ref, ok := mux.Vars(r)["ref"]
	if ok && !named(ref) {
		return billing.ErrNotFound
	}
	infoOf(r.Context()).ref = ref
	return nil
}
