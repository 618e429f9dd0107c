package admin

import (
	"context"
	"fmt"
	"maps"
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

const (
	maxBody        = 64 << 10 // bytes; the longest form is shorter
	maxValue       = 4096     // bytes of one parameter
	requestTimeout = 10 * time.Second
)

// contentSecurityPolicy allows only the panel's own files. Pages have no script.
const contentSecurityPolicy = "default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// guard wraps all routes. It refuses requests from other sites, sets the security
// headers, recovers from panics, logs and compresses. Responses are buffered, so
// that an error page can replace a page that fails halfway.
func (s *server) guard(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(s.public(func(http.ResponseWriter, *http.Request, *view) error { return errCrossOrigin }))
	next = protection.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		ctx, cancel := context.WithTimeout(context.WithValue(r.Context(), clientKey{}, r.Context()), requestTimeout)
		defer cancel()
		outer := r
		r = r.WithContext(ctx)
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		resp := newBuffer()
		resp.direct = func() http.ResponseWriter {
			s.setHeaders(resp.header)
			maps.Copy(w.Header(), resp.header)
			w.WriteHeader(resp.status)
			return w
		}
		s.serve(resp, r, next)
		outer.Pattern = r.Pattern // outer middleware reads the route from its own request
		if !resp.sent {
			s.setHeaders(resp.header)
			resp.send(w, r)
		}
		if !strings.HasPrefix(r.URL.Path, Prefix+"/assets/") {
			s.Log.Info("request", "method", r.Method, "path", r.URL.Path, "status", resp.status,
				"bytes", resp.body.Len(), "duration_ms", time.Since(began).Milliseconds())
		}
	})
}

func (s *server) setHeaders(h http.Header) {
	h.Set("Content-Security-Policy", contentSecurityPolicy)
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
}

// serve calls next. It turns a panic into an error page.
func (s *server) serve(w *buffer, r *http.Request, next http.Handler) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if w.sent { // no error page can follow
			s.Log.Error("download panicked", "path", r.URL.Path, "panic", fmt.Sprint(p))
			panic(http.ErrAbortHandler)
		}
		s.Log.Error("page panicked", "path", r.URL.Path, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		*w = *newBuffer()
		s.fail(w, r, s.anonymous(r), fmt.Errorf("panic on %s", r.URL.Path))
	}()
	next.ServeHTTP(w, r)
}

// checkQuery returns errBadRequest unless the query has only known keys, each
// once. No key that GoAdmin acts on is known.
func checkQuery(r *http.Request, known []string) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return errBadRequest
	}
	return checkKeys(query, known)
}

func checkKeys(values url.Values, known []string) error {
	for key, list := range values {
		if !slices.Contains(known, key) || len(list) != 1 || len(list[0]) > maxValue {
			return errBadRequest
		}
	}
	return nil
}

// checkForm parses a submitted form. It returns errContentType for any other body,
// such as a file upload, and errBadRequest for unknown fields.
func checkForm(r *http.Request, known []string) error {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return errContentType
	}
	if err := r.ParseForm(); err != nil {
		return errBadRequest
	}
	return checkKeys(r.PostForm, slices.Concat(known, []string{"csrf"}))
}

// clientAddr returns the client's IP address. It follows X-Forwarded-For only as
// far as trusted proxies wrote it.
func (s *server) clientAddr(r *http.Request) string {
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
