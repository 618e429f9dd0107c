package httpapi

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

// identify gives every request an id, the client's own if it is harmless, and
// every answer the headers that all have.
func (s *server) identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("X-Request-Id")
		if !harmless(id) {
			id = s.NewID()
		}
		w.Header()["X-Request-Id"] = []string{id}
		secure(w.Header(), r.TLS != nil)
		i := &info{Context: r.Context(), requestID: id}
		next.ServeHTTP(w, r.WithContext(i))
		r.Pattern = i.route // as http.ServeMux tells whoever is around it
	})
}

// harmless reports whether an id can be logged and sent back.
func harmless(id string) bool {
	for _, c := range []byte(id) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return 0 < len(id) && len(id) <= 128 && !billing.LooksLikeCardNumber(id)
}

// Values of headers that answers share. Nobody changes one: to have another, an
// answer has another slice.
var (
	nosniff     = []string{"nosniff"}
	showNowhere = []string{"default-src 'none'; frame-ancestors 'none'"}
	sameOrigin  = []string{"same-origin"}
	noReferrer  = []string{"no-referrer"}
	encryptOnly = []string{"max-age=31536000"}
	noStore     = []string{"no-store"}
	typeJSON    = []string{"application/json"}
	typeProblem = []string{"application/problem+json"}
)

// secure tells browsers to take an answer for what it is, and to show it
// nowhere else. What may load something says so itself. The names are written as
// net/http would write them.
func secure(h http.Header, encrypted bool) {
	h["X-Content-Type-Options"] = nosniff
	h["Content-Security-Policy"] = showNowhere
	h["Cross-Origin-Resource-Policy"] = sameOrigin
	h["Referrer-Policy"] = noReferrer
	if encrypted {
		h["Strict-Transport-Security"] = encryptOnly
	}
}

// logAccess tells of each request, and logs one line of it: no query, no header, no body, which
// may hold secrets.
func (s *server) logAccess(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start, ctx := time.Now(), r.Context()
		i := infoOf(ctx)
		i.seen = statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(&i.seen, r)
		end := time.Now()
		took := end.Sub(start)
		if s.Served != nil {
			s.Served(Served{r.Method, i.route, i.seen.status, took})
		}
		if !s.Log.Enabled(ctx, slog.LevelInfo) {
			return
		}
		line := slog.NewRecord(end, slog.LevelInfo, "request", 0) // of no place in the source: it is always this one
		line.AddAttrs(
			slog.String("method", r.Method), slog.String("route", i.route), slog.Int("status", i.seen.status),
			slog.Int64("duration_ms", took.Milliseconds()),
			slog.String("user_id", string(i.user)))
		_ = s.Log.Handler().Handle(ctx, line) // as a Logger does
	})
}

// statusWriter remembers the status that was sent.
type statusWriter struct {
	http.ResponseWriter
	status int
	sent   bool
}

func (w *statusWriter) WriteHeader(status int) {
	if !w.sent {
		w.status, w.sent = status, true
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets [http.ResponseController] reach the server's own writer.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// recoverPanics turns a panic into an internal error.
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

// headAsGet answers HEAD like GET; net/http leaves the body out.
func headAsGet(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			r = r.Clone(r.Context())
			r.Method = http.MethodGet
		}
		next.ServeHTTP(w, r)
	})
}

func (s *server) viewer(r *http.Request) error {
	token, ok := bearer(r)
	if !ok {
		return errNotAuthenticated
	}
	user, err := s.Authenticate(r.Context(), token)
	if errors.Is(err, billing.Unavailable) || r.Context().Err() != nil {
		return errors.Join(billing.ErrUnavailable, err)
	}
	if err != nil {
		s.Log.InfoContext(r.Context(), "token refused", "error", err)
		return errNotAuthenticated
	}
	infoOf(r.Context()).user = user
	if err := s.users.check(string(user)); err != nil {
		return err
	}
	return s.Users.Seen(r.Context(), user)
}

// bearer returns the token of the one Authorization header.
func bearer(r *http.Request) (string, bool) {
	headers := r.Header.Values("Authorization")
	if len(headers) != 1 {
		return "", false
	}
	scheme, token, ok := strings.Cut(headers[0], " ")
	return token, ok && strings.EqualFold(scheme, "Bearer") && token != ""
}
