package httpapi

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/online-cinema/billing/adapters/internal/statuswriter"
	"github.com/online-cinema/billing/core/billing"
)

// withState gives the request its id and its [requestState], and sets the headers
// that every response has. It keeps the client's id if that is valid.
func (s *server) withState(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("X-Request-Id")
		if !validRequestID(id) {
			id = s.NewID()
		}
		w.Header()["X-Request-Id"] = []string{id}
		setSecurityHeaders(w.Header(), r.TLS != nil)
		state := &requestState{Context: r.Context(), requestID: id}
		next.ServeHTTP(w, r.WithContext(state))
		r.Pattern = state.route // for middleware around the API, as http.ServeMux does it
	})
}

// validRequestID reports whether an id is safe to log and to send back.
func validRequestID(id string) bool {
	for _, c := range []byte(id) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return 0 < len(id) && len(id) <= 128 && !billing.HoldsCardNumber(id)
}

// Header values that all responses share. They are never modified; a response
// that needs another value sets another slice.
var (
	nosniff     = []string{"nosniff"}
	denyAll     = []string{"default-src 'none'; frame-ancestors 'none'"}
	sameOrigin  = []string{"same-origin"}
	noReferrer  = []string{"no-referrer"}
	hstsOneYear = []string{"max-age=31536000"}
	noStore     = []string{"no-store"}
	typeJSON    = []string{"application/json"}
	typeProblem = []string{"application/problem+json"}
)

// setSecurityHeaders forbids browsers to guess the media type, to load anything
// from a response, or to embed it. /docs and /demo set wider policies. The names are
// in canonical form, because assigning to the map does not convert them.
func setSecurityHeaders(h http.Header, tls bool) {
	h["X-Content-Type-Options"] = nosniff
	h["Content-Security-Policy"] = denyAll
	h["Cross-Origin-Resource-Policy"] = sameOrigin
	h["Referrer-Policy"] = noReferrer
	if tls {
		h["Strict-Transport-Security"] = hstsOneYear
	}
}

// logAccess calls Served and logs one line per request. The line has no query, no
// header and no body, because these may hold secrets.
func (s *server) logAccess(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start, ctx := time.Now(), r.Context()
		state := stateOf(ctx)
		state.writer = statuswriter.New(w)
		next.ServeHTTP(&state.writer, r)
		end := time.Now()
		took := end.Sub(start)
		if s.Served != nil {
			s.Served(Served{r.Method, state.route, state.writer.Status(), took})
		}
		if !s.Log.Enabled(ctx, slog.LevelInfo) {
			return
		}
		record := slog.NewRecord(end, slog.LevelInfo, "request", 0) // without a source position: it is the same for every request
		record.AddAttrs(
			slog.String("method", r.Method), slog.String("route", state.route), slog.Int("status", state.writer.Status()),
			slog.Int64("duration_ms", took.Milliseconds()),
			slog.String("user_id", string(state.user)))
		_ = s.Log.Handler().Handle(ctx, record) // a Logger ignores this error too
	})
}

// recoverPanics answers 500 after a panic and logs it.
func (s *server) recoverPanics(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(cause)
			}
			s.fail(w, r, fmt.Errorf("panic: %v\n%s", cause, debug.Stack()))
		}()
		next.ServeHTTP(w, r)
	})
}

// headAsGet routes HEAD as GET. The server of net/http omits the body.
func headAsGet(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			r = r.Clone(r.Context())
			r.Method = http.MethodGet
		}
		next.ServeHTTP(w, r)
	})
}

// authenticate returns the caller, and stores a viewer's id in the request state. It
// returns errNotAuthenticated for every invalid token, an error of kind
// [billing.Unavailable] if the token cannot be checked now, and a 429 above the
// viewer's rate limit. Services have no such limit, because they act for many viewers.
func (s *server) authenticate(r *http.Request) (Caller, error) {
	caller, err := s.callerOf(r)
	if errors.Is(err, billing.Unavailable) || r.Context().Err() != nil {
		return Caller{}, errors.Join(billing.ErrUnavailable, err)
	}
	if err != nil {
		s.Log.InfoContext(r.Context(), "token refused", "error", err)
		return Caller{}, errNotAuthenticated
	}
	if len(caller.Scopes) > 0 {
		return caller, nil
	}
	stateOf(r.Context()).user = caller.User
	return caller, s.users.check(string(caller.User))
}

// callerOf returns the owner of the request's bearer token.
func (s *server) callerOf(r *http.Request) (Caller, error) {
	token, err := bearer(r)
	if err != nil {
		return Caller{}, err
	}
	return s.Authenticate(r.Context(), token)
}

// bearer returns the bearer token of the request's only Authorization header. Its
// errors do not quote the header, which may hold a secret.
func bearer(r *http.Request) (string, error) {
	headers := r.Header.Values("Authorization")
	switch {
	case len(headers) == 0:
		return "", errors.New("the request has no Authorization header")
	case len(headers) > 1:
		return "", errors.New("the request has several Authorization headers")
	}
	scheme, token, _ := strings.Cut(headers[0], " ")
	switch {
	case !strings.EqualFold(scheme, "Bearer"):
		return "", errors.New("the scheme of the Authorization header is not Bearer")
	case token == "":
		return "", errors.New("the Authorization header has no token")
	}
	return token, nil
}
