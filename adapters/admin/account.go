package admin

import (
	"errors"
	"net/http"
	"strings"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
)

const (
	accountPath  = "/info/account"
	passwordPath = accountPath + "/password"
	factorPath   = accountPath + "/factor"
)

// accountRoutes are the pages of the own account.
func (s *server) accountRoutes(mux *http.ServeMux) {
	mux.Handle("GET "+Prefix+"/login/code", s.public(s.showCode))
	mux.Handle("POST "+Prefix+"/login/code", s.public(s.signInCode, "code"))
	mux.Handle("GET "+Prefix+accountPath, s.page(s.account))
	mux.Handle("GET "+Prefix+passwordPath, s.dutyPage(s.showPassword))
	mux.Handle("POST "+Prefix+"/account/password", s.dutyForm(s.postPassword, "old", "password", "repeat"))
	mux.Handle("GET "+Prefix+factorPath, s.dutyPage(s.showFactor))
	mux.Handle("POST "+Prefix+"/account/factor", s.dutyForm(s.postFactor, "token", "password", "code"))
	mux.Handle("POST "+Prefix+"/account/change", s.form(s.postFactorChange, "what", "password", "code"))
	mux.Handle("POST "+Prefix+"/account/sessions", s.form(s.postOwnSessions, "id"))
}

// own returns the use cases of the operator's own account.
func (s *server) own(r *http.Request, v *view) operators.Own {
	return operators.Own{PanelAuth: s.Auth, By: v.op, Token: s.token(r)}
}

// accountPage shows an account. Other is set on the page of another person.
type accountPage struct {
	*view
	User      ports.PanelUser
	Sessions  []operators.SessionView
	Other     bool
	HasKeys   bool
	Required  bool
	Problem   string
	Roles     []ports.Role // to choose from
	Temporary string       // a new temporary password, which is shown once
}

// SessionsAction returns the path that ends sessions.
func (p accountPage) SessionsAction() string {
	if p.Other {
		return Prefix + "/people/sessions"
	}
	return Prefix + "/account/sessions"
}

func (s *server) account(w http.ResponseWriter, r *http.Request, v *view) error {
	return s.renderAccount(w, r, v, http.StatusOK, "")
}

func (s *server) renderAccount(w http.ResponseWriter, r *http.Request, v *view, status int, problem string) error {
	u, sessions, err := s.Auth.Account(r.Context(), v.op, v.op.Name, s.token(r))
	if err != nil {
		return err
	}
	page := accountPage{
		view: v, User: u, Sessions: sessions, HasKeys: s.Auth.Keys != nil, Required: s.Auth.RequireFactor, Problem: problem,
	}
	return s.renderPage(w, r, v, status, v.T("account.title"), "account", page)
}

// ownForm is a form of the own account.
type ownForm struct {
	*view
	Errors  map[string]string
	Problem string
	Factor  operators.NewFactor
	QR      qrCode
	Codes   []string // recovery codes, which are shown once
}

// Error returns the error of a field, or "".
func (p ownForm) Error(field string) string { return p.Errors[field] }

// KeyGroups returns the key in groups of four characters.
func (p ownForm) KeyGroups() string {
	var b strings.Builder
	for i, c := range p.Factor.Key.Reveal() {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(c)
	}
	return b.String()
}

// renderOwn renders a form of the own account. It has no menu as long as the operator
// has a duty, because no other page can be opened.
func (s *server) renderOwn(w http.ResponseWriter, r *http.Request, v *view, status int, title, content string, page ownForm) error {
	if v.duty == operators.NoDuty {
		return s.renderPage(w, r, v, status, title, content, page)
	}
	inner, err := s.renderPart(content, page)
	if err != nil {
		return err
	}
	return s.renderBare(w, status, "duty", dutyPage{v, title, inner})
}

func (s *server) showPassword(w http.ResponseWriter, r *http.Request, v *view) error {
	return s.renderOwn(w, r, v, http.StatusOK, v.T("password.title"), "own_password", ownForm{view: v})
}

func (s *server) postPassword(w http.ResponseWriter, r *http.Request, v *view) error {
	fresh := r.PostForm.Get("password")
	page := ownForm{view: v}
	var device string
	var err error
	if fresh != r.PostForm.Get("repeat") {
		err = &formError{[]fault{{field: "repeat", key: "password.differ"}}}
	} else {
		device, err = s.own(r, v).ChangePassword(r.Context(), r.PostForm.Get("old"), fresh)
	}
	if err != nil {
		status := s.explain(w, &page, err)
		if status == 0 {
			return err
		}
		return s.renderOwn(w, r, v, status, v.T("password.title"), "own_password", page)
	}
	s.setCookie(w, s.deviceCookie(v.op.Name), device, operators.DeviceMax)
	return s.doneOn(w, r, Prefix+accountPath, "account.password", v.op.Name)
}

// explain adds the texts of an error to a form and returns the status of the response.
// It returns 0 for errors that the person cannot correct.
func (s *server) explain(w http.ResponseWriter, page *ownForm, err error) int {
	faults := faultsOf(err)
	switch {
	case errors.Is(err, operators.ErrConfirmation):
		s.Log.Warn("confirmation of an account refused", "operator", page.op.Name, "from", page.op.From)
		page.Problem = page.T("account.wrong")
		return http.StatusForbidden
	case errors.Is(err, operators.ErrTooManySignIns):
		w.Header().Set("Retry-After", "60")
		page.Problem = page.T("signin.slow")
		return http.StatusTooManyRequests
	case faults != nil:
		page.Errors = page.faultTexts(faults)
		return http.StatusUnprocessableEntity
	}
	return 0
}

func (s *server) showFactor(w http.ResponseWriter, r *http.Request, v *view) error {
	if v.duty == operators.DutyPassword {
		http.Redirect(w, r, Prefix+passwordPath, http.StatusSeeOther)
		return nil
	}
	f, err := s.own(r, v).NewFactor(r.Context())
	if errors.Is(err, operators.ErrFactorIsOn) {
		http.Redirect(w, r, Prefix+accountPath, http.StatusSeeOther)
		return nil
	}
	if err != nil {
		return err
	}
	return s.renderFactor(w, r, http.StatusOK, ownForm{view: v, Factor: f})
}

func (s *server) renderFactor(w http.ResponseWriter, r *http.Request, status int, page ownForm) (err error) {
	if page.QR, err = newQRCode(page.Factor.URI.Reveal()); err != nil {
		return err
	}
	return s.renderOwn(w, r, page.view, status, page.T("factor.title"), "own_factor", page)
}

func (s *server) postFactor(w http.ResponseWriter, r *http.Request, v *view) error {
	own, token := s.own(r, v), r.PostForm.Get("token")
	codes, err := own.TurnFactorOn(r.Context(), token, r.PostForm.Get("password"), r.PostForm.Get("code"))
	if err != nil {
		page := ownForm{view: v}
		if errors.Is(err, billing.Invalid) {
			return err // the token, which is no field that people fill in
		}
		status := s.explain(w, &page, err)
		if status == 0 {
			return err
		}
		if page.Factor, err = own.OpenFactor(r.Context(), token); err != nil {
			return err
		}
		return s.renderFactor(w, r, status, page)
	}
	return s.showCodes(w, r, v, codes)
}

// showCodes shows new recovery codes, once.
func (s *server) showCodes(w http.ResponseWriter, r *http.Request, v *view, codes []billing.Secret) error {
	if err := s.authenticate(r, v); err != nil { // again: the operator may have no duty now
		return err
	}
	page := ownForm{view: v}
	for _, c := range codes {
		page.Codes = append(page.Codes, c.Reveal())
	}
	return s.renderOwn(w, r, v, http.StatusOK, v.T("codes.title"), "own_codes", page)
}

// postFactorChange turns the second factor off, or renews the recovery codes.
func (s *server) postFactorChange(w http.ResponseWriter, r *http.Request, v *view) error {
	own, password, code := s.own(r, v), r.PostForm.Get("password"), r.PostForm.Get("code")
	var codes []billing.Secret
	var err error
	off := false
	switch r.PostForm.Get("what") {
	case "off":
		off, err = true, own.TurnFactorOff(r.Context(), password, code)
	case "codes":
		codes, err = own.RenewRecovery(r.Context(), password, code)
	default:
		return errBadRequest
	}
	switch {
	case err != nil:
		page := ownForm{view: v}
		status := s.explain(w, &page, err)
		if status == 0 {
			return err
		}
		return s.renderAccount(w, r, v, status, page.Problem)
	case off:
		return s.doneOn(w, r, Prefix+accountPath, "account.factor_off", v.op.Name)
	default:
		return s.showCodes(w, r, v, codes)
	}
}

// postOwnSessions ends one session, or all except that of the request.
func (s *server) postOwnSessions(w http.ResponseWriter, r *http.Request, v *view) error {
	var err error
	if id := r.PostForm.Get("id"); id != "" {
		err = s.Auth.EndSession(r.Context(), v.op, v.op.Name, id)
	} else {
		err = s.Auth.EndSessions(r.Context(), v.op, v.op.Name, s.token(r))
	}
	if err != nil {
		return err
	}
	return s.doneOn(w, r, Prefix+accountPath, "account.sessions", v.op.Name)
}
