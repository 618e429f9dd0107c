package admin

import (
	"errors"
	"net/http"
	"strings"

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
	name := strings.TrimSpace(r.PostForm.Get("name"))
	done, err := s.Auth.SignIn(r.Context(), operators.SignIn{
		Name: name, Password: r.PostForm.Get("password"), From: s.clientAddr(r), Device: cookieValue(r, s.deviceCookie(name)),
	})
	switch {
	case errors.Is(err, operators.ErrTooManySignIns):
		w.Header().Set("Retry-After", "60")
		return s.renderBare(w, http.StatusTooManyRequests, "signin", signInPage{v, name, v.T("signin.slow")})
	case errors.Is(err, operators.ErrSignIn):
		s.Log.Warn("sign-in refused", "from", s.clientAddr(r))
		return s.renderBare(w, http.StatusForbidden, "signin", signInPage{v, name, v.T("signin.failed")})
	case err != nil:
		return err
	}
	if old := s.token(r); old != "" {
		_ = s.Auth.SignOut(r.Context(), old) // if it fails, the old session expires later
	}
	s.setCookie(w, s.sessionCookie(), done.Token, operators.SessionMax)
	s.setCookie(w, s.deviceCookie(name), done.Device, operators.DeviceMax)
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
