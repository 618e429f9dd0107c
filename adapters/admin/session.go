package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/online-cinema/billing/core/operators"
)

// handler serves a page or a form. [server.fail] shows the error it returns.
type handler func(w http.ResponseWriter, r *http.Request, v *view) error

// public serves a page or a form that needs no sign-in. known are the keys that
// the query, or the form of a POST, may have.
func (s *server) public(h handler, known ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := s.anonymous(r)
		if err := s.checkPublic(r, known); err != nil {
			s.fail(w, r, v, err)
			return
		}
		if err := h(w, r, v); err != nil {
			s.fail(w, r, v, err)
		}
	})
}

func (s *server) checkPublic(r *http.Request, known []string) error {
	if r.Method == http.MethodPost && len(known) > 0 {
		if err := checkForm(r, known); err != nil {
			return err
		}
		known = nil
	}
	if len(known) == 0 && r.Method != http.MethodPost {
		return nil // the page ignores its query
	}
	return checkQuery(r, known)
}

// page serves a page to signed-in users. known are the keys that its query may
// have.
func (s *server) page(h handler, known ...string) http.Handler {
	return s.signedIn(asPage(dutiesDone(h), known))
}

// form handles a form that a signed-in user submits from a page of the same
// session. known are the fields that it may have.
func (s *server) form(h handler, known ...string) http.Handler {
	return s.signedIn(asForm(dutiesDone(h), known))
}

func sameCSRF(r *http.Request, v *view) bool {
	return subtle.ConstantTimeCompare([]byte(r.PostForm.Get("csrf")), []byte(v.csrf)) == 1
}

func (s *server) signedIn(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := s.anonymous(r)
		err := s.authenticate(r, v)
		if err == nil {
			err = h(w, r, v)
		}
		switch {
		case errors.Is(err, operators.ErrSignedOut) && r.Method == http.MethodGet:
			s.redirectToSignIn(w, r)
		case err != nil:
			s.fail(w, r, v, err)
		}
	})
}

// anonymous returns the view of a user who is not signed in.
func (s *server) anonymous(r *http.Request) *view {
	return &view{lang: langOfRequest(r), zone: s.Location, now: s.Panel.Clock.Now(), path: r.URL.RequestURI()}
}

// authenticate adds the signed-in operator to the view. It returns
// [operators.ErrSignedOut] if the request has no valid session.
func (s *server) authenticate(r *http.Request, v *view) error {
	token := s.token(r)
	if token == "" {
		return operators.ErrSignedOut
	}
	session, err := s.Auth.Resume(r.Context(), token, s.clientAddr(r))
	if err != nil {
		return err
	}
	v.op, v.duty, v.csrf = session.Operator, session.Duty, csrfOf(token)
	if l, ok := langOf(session.Language); ok {
		v.lang = l
	}
	return nil
}

// sessionCookie returns the name of the session cookie.
func (s *server) sessionCookie() string { return s.hostCookie("panel_session") }

// deviceCookie returns the name of the cookie with the device token of a user. Each
// user of a shared browser has one.
func (s *server) deviceCookie(user string) string {
	sum := sha256.Sum256([]byte(user))
	return s.hostCookie("panel_device_" + hex.EncodeToString(sum[:8]))
}

// hostCookie adds the __Host- prefix to a name. Browsers accept such a cookie only
// from this host and only over TLS.
func (s *server) hostCookie(name string) string {
	if s.Secure {
		return "__Host-" + name
	}
	return name
}

func (s *server) token(r *http.Request) string { return cookieValue(r, s.sessionCookie()) }

// cookieValue returns the value of a cookie, or "".
func cookieValue(r *http.Request, name string) string {
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}

// setCookie sets a cookie. An empty value deletes it.
func (s *server) setCookie(w http.ResponseWriter, name, value string, age time.Duration) {
	c := &http.Cookie{ //nolint:gosec // Secure in production; development has no TLS
		Name: name, Value: value, Path: "/", MaxAge: int(age.Seconds()),
		HttpOnly: true, Secure: s.Secure, SameSite: http.SameSiteStrictMode,
	}
	if value == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

const (
	nextCookie = "panel_next" // path to open after sign-in
	nextAge    = 10 * time.Minute
)

// redirectToSignIn redirects to the sign-in page, which returns to this page
// after sign-in.
func (s *server) redirectToSignIn(w http.ResponseWriter, r *http.Request) {
	s.setCookie(w, nextCookie, encodeCookie(r.URL.RequestURI()), nextAge)
	http.Redirect(w, r, Prefix+"/login", http.StatusSeeOther)
}

// localPath returns path if it is a page of the panel, else [Prefix]. It prevents
// redirects to other sites and back to the sign-in page.
func localPath(path string) string {
	local := path == Prefix || strings.HasPrefix(path, Prefix+"/info/") || strings.HasPrefix(path, Prefix+"?")
	if !local || strings.ContainsAny(path, "\\\r\n\t\x00") || strings.Contains(path, "..") || strings.Contains(path, "//") {
		return Prefix
	}
	return path
}
