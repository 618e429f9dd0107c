package admin

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/online-cinema/billing/core/app"
)

type signInPage struct {
	*view
	Person string
	Error  string
}

func (s *server) showSignIn(w http.ResponseWriter, r *http.Request, v *view) error {
	if s.recognise(r, v) == nil {
		http.Redirect(w, r, Prefix, http.StatusSeeOther)
		return nil
	}
	return s.bare(w, v, http.StatusOK, "signin", signInPage{view: v})
}

// signIn always begins a new session: a token that the browser had before is
// worth nothing afterwards.
func (s *server) signIn(w http.ResponseWriter, r *http.Request, v *view) error {
	from, name := s.origin(r), strings.TrimSpace(r.PostForm.Get("name"))
	if !s.tries.allow(from) {
		w.Header().Set("Retry-After", "60")
		return s.bare(w, v, http.StatusTooManyRequests, "signin", signInPage{v, name, v.T("signin.slow")})
	}
	token, err := s.Door.SignIn(r.Context(), name, r.PostForm.Get("password"), from)
	switch {
	case errors.Is(err, app.ErrSignIn):
		s.Log.Warn("sign-in refused", "from", from)
		return s.bare(w, v, http.StatusForbidden, "signin", signInPage{v, name, v.T("signin.failed")})
	case err != nil:
		return err
	}
	if old := s.token(r); old != "" {
		_ = s.Door.SignOut(r.Context(), old) // it ends by itself if that fails
	}
	s.setCookie(w, s.sessionCookie(), token, app.SessionMax)
	next := Prefix
	if c, err := r.Cookie(nextCookie); err == nil {
		next = ownPath(decodeCookie(c.Value))
		s.setCookie(w, nextCookie, "", 0)
	}
	http.Redirect(w, r, next, http.StatusSeeOther) //nolint:gosec // ownPath lets no other site through
	return nil
}

func (s *server) signOut(w http.ResponseWriter, r *http.Request, _ *view) error {
	if err := s.Door.SignOut(r.Context(), s.token(r)); err != nil {
		return err
	}
	s.setCookie(w, s.sessionCookie(), "", 0)
	http.Redirect(w, r, Prefix+"/login", http.StatusSeeOther)
	return nil
}

// chooseLanguage is for everybody: also for whoever is not signed in yet.
func (s *server) chooseLanguage(w http.ResponseWriter, r *http.Request, v *view) error {
	l, ok := langOf(r.PostForm.Get("language"))
	if !ok {
		return errBadRequest
	}
	s.setCookie(w, languageCookie, l.code(), 365*24*time.Hour)
	next := Prefix + "/login"
	if s.recognise(r, v) == nil {
		if err := s.Door.SetLanguage(r.Context(), v.op, l.code()); err != nil {
			return err
		}
		next = ownPath(r.PostForm.Get("next"))
	}
	http.Redirect(w, r, next, http.StatusSeeOther) //nolint:gosec // ownPath lets no other site through
	return nil
}

// tries bounds how often an address may try to sign in, whomever as.
type tries struct {
	now  func() time.Time
	mu   sync.Mutex
	from map[string]*rate.Limiter
}

// An address may try so often at once, and then once in a while. So many
// addresses are remembered.
const (
	triesAtOnce = 20
	triesEvery  = 6 * time.Second
	triesFrom   = 10_000
)

func newTries(now func() time.Time) *tries {
	return &tries{now: now, from: make(map[string]*rate.Limiter)}
}

func (t *tries) allow(from string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.from) >= triesFrom {
		clear(t.from)
	}
	l := t.from[from]
	if l == nil {
		l = rate.NewLimiter(rate.Every(triesEvery), triesAtOnce)
		t.from[from] = l
	}
	return l.AllowN(t.now(), 1)
}
