// Package httpapi serves the API for viewers and services over HTTP, as openapi.yaml describes it.
//
//	request ─ id ─ access log ─ recover ─ CORS ─ address limit ─ route ─ token ─ user limit ─ validation ─ generated code ─ handler
//
// The OpenAPI document is the contract. Each request is validated against it
// before a handler runs, and tests validate each response against it. One table
// maps errors to problem documents (RFC 9457). A POST with an Idempotency-Key
// runs once; its response is stored and replayed byte for byte.
//
// Not here: the rules and the use cases (core), token verification
// (adapters/auth), storage (adapters/postgres), the server and its timeouts
// (cmd/internal/boot), the operators' panel (cmd/admin).
package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"github.com/online-cinema/billing/adapters/httpapi/internal/api"
	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/feed"
	"github.com/online-cinema/billing/core/ports"
	"github.com/online-cinema/billing/core/viewers"
)

// Config holds the dependencies of the API. Cards and Served are optional.
type Config struct {
	Subscriber *viewers.Subscriber
	Viewer     viewers.Queries
	Requests   viewers.Requests
	Methods    *viewers.Methods
	Cards      *viewers.Cards // nil refuses card operations with 503
	Feed       feed.Feed
	// UserRef returns the user that a service names by an id or a subject.
	UserRef func(name string) viewers.UserRef
	// SignOffline returns an offline entitlement token that is valid from a.At until expires.
	// It is nil if the service has no key for such tokens.
	SignOffline func(a viewers.Access, expires time.Time) (string, error)
	// KeySet is the JWKS of offline tokens; nil if there are none.
	KeySet []byte
	// Authenticate returns the owner of a bearer token, and registers a viewer. The API answers 503
	// to an error of kind [billing.Unavailable], and 401 to any other.
	Authenticate func(ctx context.Context, bearer string) (Caller, error)
	Rates        Rates
	// Digests computes what is stored of an Idempotency-Key and of the fingerprint of its
	// request. Without it the key is stored as plaintext, and the fingerprint is unkeyed.
	Digests ports.Digester // may be nil
	// CORSOrigins are the origins whose pages may call the API, such as
	// https://cinema.example. Without any, responses have no CORS headers.
	CORSOrigins []string
	ReturnURLs  ReturnURLs
	// Demo serves /demo, a page that tries the API in a browser. It is for development.
	Demo bool
	// Notified takes a notification of the payment system with this code: see
	// payments.Collector. It may be nil.
	Notified func(ctx context.Context, system string, n ports.Notification) error
	// Served is called after each response.
	Served func(Served)
	NewID  func() string
	Log    *slog.Logger // use a [LogHandler], which adds the request's id to each line
}

// Caller is the owner of a valid token: a viewer, or a service of the cinema.
type Caller struct {
	User   billing.UserID // of a viewer
	Scopes []string       // of a service, which has at least one
}

// ReturnURLs are the pages to which viewers may return from pages of payment systems.
type ReturnURLs struct {
	Any      bool     // all pages, for development
	Prefixes []string // beginnings of their addresses, each with a slash after the host
}

// Served describes a request and its response.
type Served struct {
	Method string
	Route  string // template of the path; empty if no route matched
	Status int
	Took   time.Duration
}

// server implements the interface of the generated code.
type server struct {
	Config

	router    *mux.Router
	plans     planCache
	users     *limiter
	addresses *limiter
}

var _ api.StrictServerInterface = (*server)(nil)

// New returns the handler of the API, of /openapi.json, of /docs and, if c asks for it,
// of /demo. It fails if c lacks a dependency or the embedded document is invalid.
func New(c Config) (http.Handler, error) {
	if c.Subscriber == nil || c.Methods == nil || c.Authenticate == nil || c.Feed.Store == nil || c.UserRef == nil || c.NewID == nil || c.Log == nil {
		return nil, errors.New("httpapi: set Subscriber, Methods, Authenticate, Feed, UserRef, NewID and Log in the configuration")
	}
	docs, err := loadDocumentation()
	if err != nil {
		return nil, err
	}
	s := &server{
		Config: c, router: mux.NewRouter(),
		users: newLimiter(c.Rates.PerUser, maxClients), addresses: newLimiter(c.Rates.PerAddress, maxClients),
	}
	start := time.Now()
	s.plans.now, s.plans.render = func() time.Duration { return time.Since(start) }, s.renderPlans
	if err := s.addRoutes(docs); err != nil {
		return nil, err
	}
	return s.withState(s.logAccess(s.recoverPanics(s.allowOrigins(s.limitAddresses(headAsGet(http.HandlerFunc(s.dispatch))))))), nil
}

// addRoutes registers the API's routes first, because mux tries routes in order.
func (s *server) addRoutes(docs documentation) error {
	r := s.router
	r.SkipClean(true) // answer 404 to an unclean path instead of redirecting
	r.NotFoundHandler = http.HandlerFunc(s.notFound)
	r.MethodNotAllowedHandler = http.HandlerFunc(s.methodNotAllowed)
	api.HandlerWithOptions(s.strictHandler(), api.GorillaServerOptions{BaseRouter: r, ErrorHandlerFunc: s.failParam})
	r.HandleFunc(notificationPath, s.notify).Methods(http.MethodPost)
	r.Handle("/openapi.json", docs.json).Methods(http.MethodGet)
	r.Handle("/docs", docs.html).Methods(http.MethodGet)
	if s.Demo {
		r.Handle("/demo", demoPage(demoHTML)).Methods(http.MethodGet)
	}
	return s.guardRoutes(docs.openapi)
}

// dispatch calls the handler that mux finds, which answers 404 or 405 if no route
// matches. [mux.Router.ServeHTTP] would copy each request twice, even one whose
// path has no variables.
func (s *server) dispatch(w http.ResponseWriter, r *http.Request) {
	match := &stateOf(r.Context()).match
	s.router.Match(r, match)
	if len(match.Vars) > 0 {
		r = mux.SetURLVars(r, match.Vars)
	}
	match.Handler.ServeHTTP(w, r)
}

// strictHandler returns the generated code that decodes requests and encodes
// responses.
func (s *server) strictHandler() api.ServerInterface {
	return api.NewStrictHandlerWithOptions(s, nil, api.StrictHTTPServerOptions{
		RequestErrorHandlerFunc: func(w http.ResponseWriter, r *http.Request, _ error) {
			s.fail(w, r, malformed("the body has a member of the wrong type"))
		},
		ResponseErrorHandlerFunc: s.fail,
	})
}

// failParam answers 422 to a parameter that generated code could not decode.
func (s *server) failParam(w http.ResponseWriter, r *http.Request, err error) {
	name := "parameters"
	var format *api.InvalidParamFormatError
	var count *api.TooManyValuesForParamError
	switch {
	case errors.As(err, &format):
		name = format.ParamName
	case errors.As(err, &count):
		name = count.ParamName
	}
	s.fail(w, r, invalidField(name, "is not valid"))
}

func (s *server) notFound(w http.ResponseWriter, r *http.Request) {
	s.fail(w, r, billing.ErrNotFound.WithMessage("no resource has this path; /docs lists the paths"))
}

// methodNotAllowed answers 405 and lists the path's methods in Allow.
func (s *server) methodNotAllowed(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, method := range []string{http.MethodDelete, http.MethodGet, http.MethodPatch, http.MethodPost, http.MethodPut} {
		other := r.Clone(r.Context())
		other.Method = method
		var match mux.RouteMatch
		if !s.router.Match(other, &match) || match.MatchErr != nil {
			continue
		}
		allowed = append(allowed, method)
		if method == http.MethodGet {
			allowed = append(allowed, http.MethodHead)
		}
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	s.fail(w, r, errMethod)
}
