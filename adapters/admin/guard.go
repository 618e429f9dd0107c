package admin

import (
	"bytes"
	"context"
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// maxBody is more than the longest form there is.
const maxBody = 64 << 10

// pageTime is how long one page may take.
const pageTime = 10 * time.Second

// policy lets nothing run or load but our own files. Pages have no script at all.
const policy = "default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// guard stands around everything: headers, other sites' requests, panics, the
// log, compression. What comes out is whole or not at all.
func (s *server) guard(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(s.open(func(http.ResponseWriter, *http.Request, *view) error { return errForeign }))
	next = protection.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		ctx, cancel := context.WithTimeout(r.Context(), pageTime)
		defer cancel()
		outer := r
		r = r.WithContext(ctx)
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		answer := &buffer{header: make(http.Header), status: http.StatusOK}
		s.serve(answer, r, next)
		outer.Pattern = r.Pattern // as http.ServeMux tells whoever is around it
		h := answer.header
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		if s.Secure {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		if h.Get("Cache-Control") == "" {
			h.Set("Cache-Control", "no-store")
		}
		answer.send(w, r)
		if !strings.HasPrefix(r.URL.Path, Prefix+"/assets/") {
			s.Log.Info("request", "method", r.Method, "path", r.URL.Path, "status", answer.status,
				"bytes", answer.body.Len(), "duration_ms", time.Since(began).Milliseconds())
		}
	})
}

// serve turns a panic into an error page.
func (s *server) serve(w *buffer, r *http.Request, next http.Handler) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		s.Log.Error("a page panicked", "path", r.URL.Path, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		*w = buffer{header: make(http.Header), status: http.StatusInternalServerError}
		s.fail(w, r, s.stranger(r), fmt.Errorf("panic on %s", r.URL.Path))
	}()
	next.ServeHTTP(w, r)
}

// checkQuery lets in only the keys that a page knows, each once. Nothing that
// GoAdmin would make something of is among them.
func checkQuery(r *http.Request, known []string) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return errBadRequest
	}
	return checkKeys(query, known)
}

func checkKeys(values url.Values, known []string) error {
	for key, list := range values {
		if !slices.Contains(known, key) || len(list) != 1 || len(list[0]) > 4096 {
			return errBadRequest
		}
	}
	return nil
}

// checkForm reads a form that a page of ours sent. Files are not welcome.
func checkForm(r *http.Request, known []string) error {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return errNotAForm
	}
	if err := r.ParseForm(); err != nil {
		return errBadRequest
	}
	return checkKeys(r.PostForm, append(known, "csrf"))
}

// origin is the client's address. Others' word for it is only taken from
// proxies that the configuration names.
func (s *server) origin(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return "unknown"
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && s.trusted(host); i-- {
		next, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		host = next.Unmap().String()
	}
	return host
}

func (s *server) trusted(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && slices.ContainsFunc(s.Proxies, func(p netip.Prefix) bool { return p.Contains(addr.Unmap()) })
}

// buffer holds an answer back until it is known to be whole.
type buffer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (b *buffer) Header() http.Header         { return b.header }
func (b *buffer) WriteHeader(status int)      { b.status = status }
func (b *buffer) Write(p []byte) (int, error) { return b.body.Write(p) }
