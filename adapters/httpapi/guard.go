package httpapi

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
	"github.com/gorilla/mux"

	"github.com/online-cinema/billing/core/billing"
)

// publicPaths need no token. Every other path does, so that a new operation is
// private until it is added here.
var publicPaths = map[string]bool{
	"/v1/plans": true, "/v1/payment-systems": true, "/v1/keys": true, "/openapi.json": true, "/docs": true, "/demo": true,
	notificationPath: true, // the payment system's adapter authenticates it
}

// scopeExtension is the member of an operation in the OpenAPI document that names the scope
// of the services that may call it. Viewers may call the operations without it.
const scopeExtension = "x-scope"

// guard stands in front of the handler of one route. It authenticates the caller
// and validates the request against the OpenAPI document.
type guard struct {
	*server

	path       string // template, such as /v1/subscriptions/{ref}
	public     bool
	scope      string         // that a service needs; empty for viewers
	documented *routers.Route // nil for /docs, /demo, /openapi.json and notifications
	params     openapi3.Parameters
	queryOnly  bool // all parameters are optional and in the query
	next       http.Handler
}

// guardRoutes puts a guard in front of each route's handler. It fails if the
// document has the path of a route without its method.
func (s *server) guardRoutes(doc *openapi3.T) error {
	return s.router.Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		path, err := route.GetPathTemplate()
		if err != nil {
			return err
		}
		methods, err := route.GetMethods()
		if err != nil {
			return err
		}
		g, err := s.newGuard(doc, methods[0], path, route.GetHandler()) // every route has one method
		if err != nil {
			return err
		}
		route.Handler(g)
		return nil
	})
}

func (s *server) newGuard(doc *openapi3.T, method, path string, next http.Handler) (*guard, error) {
	g := &guard{server: s, path: path, public: publicPaths[path], next: next}
	item := doc.Paths.Value(path)
	if item == nil {
		return g, nil
	}
	op := item.GetOperation(method)
	if op == nil {
		return nil, fmt.Errorf("route %s %s is not in openapi.yaml; add the operation or remove the route", method, path)
	}
	g.scope, _ = op.Extensions[scopeExtension].(string)
	g.documented = &routers.Route{Spec: doc, Path: path, PathItem: item, Method: method, Operation: op}
	g.setParams(item.Parameters, op.Parameters)
	return g, nil
}

// ServeHTTP passes the request to the handler if it is authenticated and valid.
func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	stateOf(r.Context()).route = g.path
	if err := g.admit(w, r); err != nil {
		g.fail(w, r, err)
		return
	}
	g.next.ServeHTTP(w, r)
}

// admit authenticates first, so that a request without a valid token learns
// nothing about the rest of the request. Responses to viewers are private, so
// caches must not store them.
func (g *guard) admit(w http.ResponseWriter, r *http.Request) error {
	if !g.public {
		w.Header()["Cache-Control"] = noStore
		caller, err := g.authenticate(r)
		if err != nil {
			return err
		}
		if err := g.authorize(caller); err != nil {
			return err
		}
	}
	if g.documented == nil {
		return nil
	}
	return g.validate(w, r)
}

// authorize returns an error if the operation is not for the caller: a viewer's token has no
// access to services' operations, nor a service's token to viewers'.
func (g *guard) authorize(c Caller) error {
	switch {
	case g.scope == "" && len(c.Scopes) > 0:
		return errServiceToken
	case g.scope != "" && !slices.Contains(c.Scopes, g.scope):
		return needsScope(g.scope)
	default:
		return nil
	}
}

// validate refuses a request that the document does not allow. Generated code can
// still read the body afterwards.
func (g *guard) validate(w http.ResponseWriter, r *http.Request) error {
	if err := readRef(r); err != nil {
		return err
	}
	if err := readKey(r); err != nil {
		return err
	}
	if err := g.checkParams(r); err != nil {
		return err
	}
	if r.Method != http.MethodPost && r.Method != http.MethodPut {
		return nil
	}
	return checkBody(w, r, g.documented.Operation)
}

// readRef stores the path's ref in the request state.
func readRef(r *http.Request) error {
	ref, ok := mux.Vars(r)["ref"]
	if ok && !validRef(ref) {
		return billing.ErrSubscriptionNotFound
	}
	stateOf(r.Context()).ref = ref
	return nil
}
