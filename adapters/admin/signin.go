package admin

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/online-cinema/billing/core/operators"
)

type signInPage struct {
	*view
	User  string
	Error string
}

func (s *server) showSignIn(w http.ResponseWriter, r *http.Request, v *view) error {
	if s.authenticate(r, v) == nil {
		http.Redirect(w, r, Prefix, http.StatusSeeOther)
		return nil
	}
	return s.renderBare(w, http.StatusOK, "signin", signInPage{view: v})
}

// signIn starts a new session. It ends the session that the browser had before,
// so that a token planted in the browser is useless.
func (s *server) signIn(w http.ResponseWriter, r *http.Request, v *view) error {
	from, name := s.clientAddr(r), strings.TrimSpace(r.PostForm.Get("name"))
	if !s.throttle.allow(from) {
		w.Header().Set("Retry-After", "60")
		return s.renderBare(w, http.StatusTooManyRequests, "signin", signInPage{v, name, v.T("signin.slow")})
	}
	token, err := s.Auth.SignIn(r.Context(), name, r.PostForm.Get("password"), from)
	switch {
	case errors.Is(err, operators.ErrSignIn):
		s.Log.Warn("sign-in refused", "from", from)
		return s.renderBare(w, http.StatusForbidden, "signin", signInPage{v, name, v.T("signin.failed")})
	case err != nil:
		return err
	}
	if old := s.token(r); old != "" {
		_ = s.Auth.SignOut(r.Context(), old) // if it fails, the old session expires later
	}
	s.setCookie(w, s.sessionCookie(), token, operators.SessionMax)
	next := Prefix
	if c, err := r.Cookie(nextCookie); err == nil {
		next = localPath(decodeCookie(c.Value))
		s.setCookie(w, nextCookie, "", 0)
	}
	http.Redirect(w, r, next, http.StatusSeeOther) //nolint:gosec // localPath allows no other site
	return nil
}

func (s *server) signOut(w http.ResponseWriter, r *http.Request, _ *view) error {
	if err := s.Auth.SignOut(r.Context(), s.token(r)); err != nil {
		return err
	}
	s.setCookie(w, s.sessionCookie(), "", 0)
	http.Redirect(w, r, Prefix+"/login", http.StatusSeeOther)
	return nil
}

// chooseLanguage stores the language in a cookie, and for a signed-in user also in
// the account.
func (s *server) chooseLanguage(w http.ResponseWriter, r *http.Request, v *view) error {
	l, ok := langOf(r.PostForm.Get("language"))
	if !ok {
		return errBadRequest
	}
	s.setCookie(w, languageCookie, l.code(), languageAge)
	next := Prefix + "/login"
	if s.authenticate(r, v) == nil {
		if err := s.Auth.SetLanguage(r.Context(), v.op, l.code()); err != nil {
			return err
		}
		next = localPath(r.PostForm.Get("next"))
	}
	http.Redirect(w, r, next, http.StatusSeeOther) //nolint:gosec // localPath allows no other site
	return nil
}

// loginThrottle limits the sign-in attempts of each client address, for any user
// name.
type loginThrottle struct {
	now      func() time.Time
	mu       sync.Mutex
	limiters map[string]*rate.Limiter // by address
}

const (
	loginBurst    = 20              // attempts of an address without delay
	loginInterval = 6 * time.Second // between further attempts
	maxLimiters   = 10_000          // addresses in memory
)

func newLoginThrottle(now func() time.Time) *loginThrottle {
	return &loginThrottle{now: now, limiters: make(map[string]*rate.Limiter)}
}

// allow reports whether the address may attempt to sign in now.
func (t *loginThrottle) allow(addr string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.limiters) >= maxLimiters {
		clear(t.limiters)
	}
	l := t.limiters[addr]
	if l == nil {
		l = rate.NewLimiter(rate.Every(loginInterval), loginBurst)
		t.limiters[addr] = l
	}
	return l.AllowN(t.now(), 1)
}
