package admin

import (
	"errors"
	"html/template"
	"net/http"

	"github.com/online-cinema/billing/core/operators"
)

// dutyPage is a page without a menu, for operators with a duty.
type dutyPage struct {
	*view
	Title   string
	Content template.HTML
}

// dutyPath returns the page of a duty.
func dutyPath(d operators.Duty) string {
	if d == operators.DutyPassword {
		return Prefix + passwordPath
	}
	return Prefix + factorPath
}

// dutiesDone passes on the requests of operators without a duty. All others reach only
// the page of their duty. They have no role either, so the use cases refuse them too.
func dutiesDone(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request, v *view) error {
		switch {
		case v.duty == operators.NoDuty:
			return h(w, r, v)
		case r.Method == http.MethodGet:
			http.Redirect(w, r, dutyPath(v.duty), http.StatusSeeOther)
			return nil
		default:
			return operators.ErrForbidden
		}
	}
}

// asPage checks the query of a page. known are the keys that it may have.
func asPage(h handler, known []string) handler {
	return func(w http.ResponseWriter, r *http.Request, v *view) error {
		if err := checkQuery(r, known); err != nil {
			return err
		}
		return h(w, r, v)
	}
}

// asForm checks a form from a page of the same session. known are the fields that it
// may have.
func asForm(h handler, known []string) handler {
	return func(w http.ResponseWriter, r *http.Request, v *view) error {
		if err := errors.Join(checkQuery(r, nil), checkForm(r, known)); err != nil {
			return err
		}
		if !sameCSRF(r, v) {
			return errCSRF
		}
		return h(w, r, v)
	}
}

// dutyPage serves a page that operators with a duty reach too.
func (s *server) dutyPage(h handler, known ...string) http.Handler {
	return s.signedIn(asPage(h, known))
}

// dutyForm is [server.form] for operators with a duty too.
func (s *server) dutyForm(h handler, known ...string) http.Handler {
	return s.signedIn(asForm(h, known))
}
