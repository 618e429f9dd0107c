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

// signIn is the first step of a sign-in, and the only one without a second factor.
func (s *server) signIn(w http.ResponseWriter, r *http.Request, v *view) error {
	name := strings.TrimSpace(r.PostForm.Get("name"))
	done, err := s.Auth.SignIn(r.Context(), operators.SignIn{
		Name: name, Password: r.PostForm.Get("password"), From: s.clientAddr(r), Browser: browserFamily(r.UserAgent()),
		Device: cookieValue(r, s.deviceCookie(name)),
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
	case done.Step != "":
		return s.askForCode(w, r, done.Step)
	}
	return s.signedInAs(w, r, name, done)
}

// signedInAs sets the cookies of a new session and opens the page that the user asked
// for. It ends the session that the browser had before, so that a token planted in the
// browser is useless.
func (s *server) signedInAs(w http.ResponseWriter, r *http.Request, name string, done operators.SignedIn) error {
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
	if cookieValue(r, s.stepCookie()) != "" {
		next += "/code" // which goes back to the first step if it is too late
	}
	if s.authenticate(r, v) == nil {
		if err := s.Auth.SetLanguage(r.Context(), v.op, l.code()); err != nil {
			return err
		}
		next = localPath(r.PostForm.Get("next"))
	}
	http.Redirect(w, r, next, http.StatusSeeOther) //nolint:gosec // localPath allows no other site
	return nil
}
