// Package httpapi serves viewers over HTTP, as openapi.yaml says.
//
//	request ─ id ─ access log ─ recover ─ rate ─ route ─ bearer token ─ document ─ generated code ─ handler
//
// The document is the law: a request is held against it before a handler sees
// it, and tests hold every answer against it. One table turns errors into
// problems (RFC 9457). POSTs with an Idempotency-Key are done once, and their
// answers are kept byte for byte.
//
// Not here: what subscribing means (core/viewers), how tokens are judged
// (adapters/auth), how answers are stored (adapters/postgres), the server and its
// time limits (cmd/internal/boot), the panel (cmd/admin).
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
	"github.com/online-cinema/billing/core/viewers"
)

// Config is all that the API needs.
type Config struct {
	Subscriber *viewers.Subscriber
	Viewer     viewers.Queries
	Requests   viewers.Requests
	Users      *viewers.LastSeen
	Cards      *viewers.Cards // nil when no cards are kept
	// Authenticate turns a bearer token into the viewer's id. Any error refuses
	// the token, but [billing.Unavailable], which says that nobody can tell now.
	Authenticate func(ctx context.Context, bearer string) (billing.UserID, error)
	Rates        Rates
	// Served is told of every answered request; nil is nobody.
	Served func(Served)
	NewID  func() string
	Log    *slog.Logger // of a [LogHandler], to have the request's id in each line
}

// Served is an answered request. Route is the template of its path, empty when
// there is none.
type Served struct {
	Method, Route string
	Status        int
	Took          time.Duration
}

// server answers requests. It is the generated code's handler.
type server struct {
	Config

	router    *mux.Router
	plans     planCache
	users     *limiter
	addresses *limiter
}

var _ api.StrictServerInterface = (*server)(nil)

// New returns the handler of the API, with its document and its docs page.
func New(c Config) (http.Handler, error) {
	if c.Subscriber == nil || c.Users == nil || c.Authenticate == nil || c.NewID == nil || c.Log == nil {
		return nil, errors.New("httpapi: the configuration is not complete")
	}
	docs, err := loadDocumentation()
	if err != nil {
		return nil, err
	}
	s := &server{
		Config: c, router: mux.NewRouter(),
		users: newLimiter(c.Rates.PerUser, remembered), addresses: newLimiter(c.Rates.PerAddress, remembered),
	}
	start := time.Now()
	s.plans.now, s.plans.render = func() time.Duration { return time.Since(start) }, s.renderPlans
	if err := s.route(docs); err != nil {
		return nil, err
	}
	return s.identify(s.logAccess(s.recoverPanics(s.limitAddresses(headAsGet(http.HandlerFunc(s.dispatch)))))), nil
}

// route registers the API's routes first, because mux tries routes in order.
func (s *server) route(docs documentation) error {
	r := s.router
	r.SkipClean(true) // an odd path is not found, not sent elsewhere
	r.NotFoundHandler = http.HandlerFunc(s.notFound)
	r.MethodNotAllowedHandler = http.HandlerFunc(s.methodNotAllowed)
	api.HandlerWithOptions(s.operations(), api.GorillaServerOptions{BaseRouter: r, ErrorHandlerFunc: s.badParam})
	r.Handle("/openapi.json", docs.json).Methods(http.MethodGet)
	r.Handle("/docs", docs.html).Methods(http.MethodGet)
	return s.bind(docs.openapi)
}

// dispatch calls the handler that mux finds, which answers 404 or 405 if no route
// matches. [mux.Router.ServeHTTP] would copy each request twice, even one whose
// path has no variables.
func (s *server) dispatch(w http.ResponseWriter, r *http.Request) {
	match := &infoOf(r.Context()).match
	s.router.Match(r, match)
	if len(match.Vars) > 0 {
		r = mux.SetURLVars(r, match.Vars)
	}
	match.Handler.ServeHTTP(w, r)
}

// operations is the generated code around the handlers.
func (s *server) operations() api.ServerInterface {
	return api.NewStrictHandlerWithOptions(s, nil, api.StrictHTTPServerOptions{
		RequestErrorHandlerFunc: func(w http.ResponseWriter, r *http.Request, _ error) {
			s.fail(w, r, malformed("the body has a member of the wrong type"))
		},
		ResponseErrorHandlerFunc: s.fail,
	})
}

// badParam answers for a parameter that generated code could not read.
func (s *server) badParam(w http.ResponseWriter, r *http.Request, err error) {
	name := "parameters"
	var wrong *api.InvalidParamFormatError
	var many *api.TooManyValuesForParamError
	switch {
	case errors.As(err, &wrong):
		name = wrong.ParamName
	case errors.As(err, &many):
		name = many.ParamName
	}
	s.fail(w, r, &billing.InvalidError{Faults: []billing.Fault{{Field: name, Message: "is not valid"}}})
}

func (s *server) notFound(w http.ResponseWriter, r *http.Request) {
	s.fail(w, r, billing.ErrNotFound.WithMessage("there is nothing at this path"))
}

// methodNotAllowed tells which methods the path takes.
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
