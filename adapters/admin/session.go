package admin

import (
	"crypto/subtle"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/online-cinema/billing/core/app"
)

// handler is a page or a form. What it returns is shown by [server.fail].
type handler func(w http.ResponseWriter, r *http.Request, v *view) error

// open serves what needs nobody to be signed in.
func (s *server) open(h handler, known ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := s.stranger(r)
		if err := s.checkOpen(r, known); err != nil {
			s.fail(w, r, v, err)
			return
		}
		if err := h(w, r, v); err != nil {
			s.fail(w, r, v, err)
		}
	})
}

func (s *server) checkOpen(r *http.Request, known []string) error {
	if r.Method == http.MethodPost && len(known) > 0 {
		if err := checkForm(r, known); err != nil {
			return err
		}
		known = nil
	}
	if len(known) == 0 && r.Method != http.MethodPost {
		return nil // nobody reads it
	}
	return checkQuery(r, known)
}

// page serves a page to whoever is signed in.
func (s *server) page(h handler, known ...string) http.Handler {
	return s.signedIn(func(w http.ResponseWriter, r *http.Request, v *view) error {
		if err := checkQuery(r, known); err != nil {
			return err
		}
		return h(w, r, v)
	})
}

// form serves a form that somebody who is signed in sent from a page of ours.
func (s *server) form(h handler, known ...string) http.Handler {
	return s.signedIn(func(w http.ResponseWriter, r *http.Request, v *view) error {
		if err := errors.Join(checkQuery(r, nil), checkForm(r, known)); err != nil {
			return err
		}
		if subtle.ConstantTimeCompare([]byte(r.PostForm.Get("csrf")), []byte(v.csrf)) != 1 {
			return errStale
		}
		return h(w, r, v)
	})
}

func (s *server) signedIn(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := s.stranger(r)
		err := s.recognise(r, v)
		if err == nil {
			err = h(w, r, v)
		}
		switch {
		case errors.Is(err, app.ErrSignedOut) && r.Method == http.MethodGet:
			s.toSignIn(w, r)
		case err != nil:
			s.fail(w, r, v, err)
		}
	})
}

// stranger is the view of whoever is not known to be signed in.
func (s *server) stranger(r *http.Request) *view {
	return &view{lang: langOfRequest(r), zone: s.Location, now: s.Panel.Clock.Now(), path: r.URL.RequestURI()}
}

// recognise completes the view with who is signed in.
func (s *server) recognise(r *http.Request, v *view) error {
	token := s.token(r)
	if token == "" {
		return app.ErrSignedOut
	}
	op, language, err := s.Door.Resume(r.Context(), token, s.origin(r))
	if err != nil {
		return err
	}
	v.op, v.csrf = op, csrfOf(token)
	if l, ok := langOf(language); ok {
		v.lang = l
	}
	return nil
}

// sessionCookie is its name. With the prefix, browsers take it from this host
// over TLS alone.
func (s *server) sessionCookie() string {
	if s.Secure {
		return "__Host-panel_session"
	}
	return "panel_session"
}

func (s *server) token(r *http.Request) string {
	c, err := r.Cookie(s.sessionCookie())
	if err != nil {
		return ""
	}
	return c.Value
}

func (s *server) setCookie(w http.ResponseWriter, name, value string, age time.Duration) {
	c := &http.Cookie{ //nolint:gosec // Secure in production; elsewhere there is no TLS
		Name: name, Value: value, Path: "/", MaxAge: int(age.Seconds()),
		HttpOnly: true, Secure: s.Secure, SameSite: http.SameSiteStrictMode,
	}
	if value == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// toSignIn asks for a sign-in, and comes back to this page afterwards.
func (s *server) toSignIn(w http.ResponseWriter, r *http.Request) {
	s.setCookie(w, nextCookie, encodeCookie(r.URL.RequestURI()), 10*time.Minute)
	http.Redirect(w, r, Prefix+"/login", http.StatusSeeOther)
}

const (
	nextCookie = "panel_next"
	doneCookie = "panel_done"
)

// ownPath is a path of the panel, whatever was asked for: nobody is sent
// elsewhere, nor back to where a sign-in ends.
func ownPath(path string) string {
	own := path == Prefix || strings.HasPrefix(path, Prefix+"/info/") || strings.HasPrefix(path, Prefix+"?")
	if !own || strings.ContainsAny(path, "\\\r\n\t\x00") || strings.Contains(path, "..") || strings.Contains(path, "//") {
		return Prefix
	}
	return path
}
