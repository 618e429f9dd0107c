package admin

import (
	"errors"
	"net/http"

	"github.com/online-cinema/billing/core/operators"
)

// stepCookie returns the name of the cookie of a sign-in that awaits its code.
func (s *server) stepCookie() string { return s.hostCookie("panel_step") }

// askForCode continues a sign-in whose password was right with the page of the code.
func (s *server) askForCode(w http.ResponseWriter, r *http.Request, step string) error {
	s.setCookie(w, s.stepCookie(), step, operators.SecondStepMax)
	http.Redirect(w, r, Prefix+"/login/code", http.StatusSeeOther)
	return nil
}

func (s *server) showCode(w http.ResponseWriter, r *http.Request, v *view) error {
	name, err := s.Auth.StepUser(r.Context(), cookieValue(r, s.stepCookie()))
	if errors.Is(err, operators.ErrSignedOut) {
		return s.signInAgain(w, r)
	}
	if err != nil {
		return err
	}
	return s.renderBare(w, http.StatusOK, "signin_code", signInPage{v, name, ""})
}

// signInAgain goes back to the first step of a sign-in.
func (s *server) signInAgain(w http.ResponseWriter, r *http.Request) error {
	s.setCookie(w, s.stepCookie(), "", 0)
	http.Redirect(w, r, Prefix+"/login", http.StatusSeeOther)
	return nil
}

// signInCode is the second step of a sign-in.
func (s *server) signInCode(w http.ResponseWriter, r *http.Request, v *view) error {
	step := cookieValue(r, s.stepCookie())
	name, err := s.Auth.StepUser(r.Context(), step)
	if err == nil {
		var done operators.SignedIn
		done, err = s.Auth.ConfirmCode(r.Context(), operators.SecondStep{
			Token: step, Code: r.PostForm.Get("code"), From: s.clientAddr(r), Browser: browserFamily(r.UserAgent()),
			Device: cookieValue(r, s.deviceCookie(name)),
		})
		if err == nil {
			s.setCookie(w, s.stepCookie(), "", 0)
			return s.signedInAs(w, r, name, done)
		}
	}
	switch {
	case errors.Is(err, operators.ErrSignedOut):
		return s.signInAgain(w, r)
	case errors.Is(err, operators.ErrTooManySignIns):
		w.Header().Set("Retry-After", "60")
		return s.renderBare(w, http.StatusTooManyRequests, "signin_code", signInPage{v, name, v.T("signin.slow")})
	case errors.Is(err, operators.ErrSignIn):
		s.Log.Warn("code of a sign-in refused", "from", s.clientAddr(r))
		return s.renderBare(w, http.StatusForbidden, "signin_code", signInPage{v, name, v.T("code.failed")})
	}
	return err
}
