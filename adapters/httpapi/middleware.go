package httpapi

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"strings"
	"time"

	"github.com/online-cinema/billing/core/billing"
)

var safeID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,128}$`)

// identify gives every request an id, the client's own if it is harmless, and
// every answer the headers that all have.
func (s *server) identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("X-Request-Id")
		if !safeID.MatchString(id) || billing.LooksLikeCardNumber(id) {
			id = s.NewID()
		}
		w.Header().Set("X-Request-Id", id)
		secure(w.Header(), r.TLS != nil)
		i := &info{requestID: id}
		next.ServeHTTP(w, r.WithContext(withInfo(r.Context(), i)))
		r.Pattern = i.route // as http.ServeMux tells whoever is around it
	})
}

// secure tells browsers to take an answer for what it is, and to show it
// nowhere else. What may load something says so itself.
func secure(h http.Header, encrypted bool) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	if encrypted {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// logAccess tells of each request, and logs one line of it: no query, no header, no body, which
// may hold secrets.
func (s *server) logAccess(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start, seen := time.Now(), &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(seen, r)
		i, took := infoOf(r.Context()), time.Since(start)
		if s.Served != nil {
			s.Served(Served{r.Method, i.route, seen.status, took})
		}
		s.Log.LogAttrs(r.Context(), slog.LevelInfo, "request",
			slog.String("method", r.Method), slog.String("route", i.route), slog.Int("status", seen.status),
			slog.Int64("duration_ms", took.Milliseconds()),
			slog.String("user_id", string(i.user)))
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
