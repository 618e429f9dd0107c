package admin

import (
	"context"
	"errors"
	"html/template"
	"net/http"
	"strings"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
)

const peoplePath = "/info/people"

// peopleRoutes are the pages on which editors manage the people of the panel.
func (s *server) peopleRoutes(mux *http.ServeMux) {
	mux.Handle("GET "+Prefix+peoplePath, s.page(s.list(s.people)))
	mux.Handle("GET "+Prefix+peoplePath+"/new", s.page(s.showNewPerson))
	mux.Handle("GET "+Prefix+peoplePath+"/detail", s.page(s.person, "name"))
	mux.Handle("POST "+Prefix+"/people/new", s.form(s.postNewPerson, "name", "role"))
	mux.Handle("POST "+Prefix+"/people/password", s.form(s.postPersonPassword, "name"))
	mux.Handle("POST "+Prefix+"/people/role", s.form(s.changePerson("role", func(ctx context.Context, v *view, r *http.Request, name string) error {
		return s.Auth.ChangeRole(ctx, v.op, name, ports.Role(r.PostForm.Get("role")))
	}), "name", "role"))
	mux.Handle("POST "+Prefix+"/people/disable", s.form(s.changePerson("disabled", func(ctx context.Context, v *view, _ *http.Request, name string) error {
		return s.Auth.Disable(ctx, v.op, name)
	}), "name"))
	mux.Handle("POST "+Prefix+"/people/enable", s.form(s.changePerson("enabled", func(ctx context.Context, v *view, _ *http.Request, name string) error {
		return s.Auth.Enable(ctx, v.op, name)
	}), "name"))
	mux.Handle("POST "+Prefix+"/people/factor", s.form(s.changePerson("factor", func(ctx context.Context, v *view, _ *http.Request, name string) error {
		return s.Auth.ResetFactor(ctx, v.op, name)
	}), "name"))
	mux.Handle("POST "+Prefix+"/people/sessions", s.form(s.changePerson("sessions", func(ctx context.Context, v *view, r *http.Request, name string) error {
		if id := r.PostForm.Get("id"); id != "" {
			return s.Auth.EndSession(ctx, v.op, name, id)
		}
		return s.Auth.EndSessions(ctx, v.op, name, "")
	}), "name", "id"))
}

func (s *server) people(r *http.Request, v *view) *listing {
	src := newSource(r.Context(), column{"name", v.T("person.name")}, column{"role", v.T("field.role")}, column{"status", v.T("status")},
		column{"factor", v.T("person.factor")}, column{"added", v.T("person.added")})
	src.rows = mapRows(func(ctx context.Context) ([]ports.PanelUser, error) { return s.Auth.People(ctx, v.op) }, v.personRow)
	return &listing{
		table: src, title: v.T("menu.people"), hint: v.T("people.hint"), newPath: Prefix + peoplePath + "/new", newText: v.T("person.new"),
	}
}

func (v *view) personRow(u ports.PanelUser) row {
	factor := badge("off", v.T("person.factor_off"))
	if u.Factor.On() {
		factor = badge("ok", v.T("person.factor_on"))
	}
	return row{
		"name": cell{Text: u.Name, Href: link(peoplePath+"/detail", "name", u.Name)}.html(), "role": text(v.Word("role", u.Role)),
		"status": v.PersonStatus(u), "factor": factor, "added": v.Date(u.CreatedAt),
	}
}

// PersonStatus returns the badge of an account's state.
func (v *view) PersonStatus(u ports.PanelUser) template.HTML {
	switch {
	case !u.DisabledAt.IsZero():
		return badge("off", v.T("person.disabled"))
	case u.PasswordTemporary:
		return badge("warn", v.T("person.temporary"))
	default:
		return badge("ok", v.T("person.enabled"))
	}
}

func (s *server) person(w http.ResponseWriter, r *http.Request, v *view) error {
	return s.renderPerson(w, r, v, r.URL.Query().Get("name"), "")
}

// renderPerson shows the account of another person. password is a new temporary one.
func (s *server) renderPerson(w http.ResponseWriter, r *http.Request, v *view, name, password string) error {
	if !v.MayEdit() {
		return operators.ErrForbidden
	}
	if name == v.op.Name {
		http.Redirect(w, r, Prefix+accountPath, http.StatusSeeOther)
		return nil
	}
	u, sessions, err := s.Auth.Account(r.Context(), v.op, name, s.token(r))
	if err != nil {
		return err
	}
	page := accountPage{view: v, User: u, Sessions: sessions, Other: true, Roles: ports.Roles(), Temporary: password}
	return s.renderPage(w, r, v, http.StatusOK, u.Name, "person", page)
}

// personForm is the form of a new person.
type personForm struct {
	ownForm

	User  string
	Role  string
	Roles []ports.Role
}

func (s *server) showNewPerson(w http.ResponseWriter, r *http.Request, v *view) error {
	if !v.MayEdit() {
		return operators.ErrForbidden
	}
	return s.renderNewPerson(w, r, http.StatusOK, personForm{ownForm: ownForm{view: v}})
}

func (s *server) renderNewPerson(w http.ResponseWriter, r *http.Request, status int, page personForm) error {
	page.Roles = ports.Roles()
	return s.renderPage(w, r, page.view, status, page.T("person.new"), "new_person", page)
}

func (s *server) postNewPerson(w http.ResponseWriter, r *http.Request, v *view) error {
	name, role := strings.TrimSpace(r.PostForm.Get("name")), r.PostForm.Get("role")
	password, err := s.Auth.Invite(r.Context(), v.op, name, ports.Role(role))
	if err == nil {
		return s.renderPerson(w, r, v, name, password.Reveal())
	}
	page := personForm{ownForm{view: v}, name, role, nil}
	status := http.StatusConflict
	if errors.Is(err, billing.ErrAlreadyExists) {
		page.Errors = v.faultTexts([]fault{{field: "name", key: "form.taken"}})
	} else if status = s.explain(w, &page.ownForm, err); status == 0 {
		return err
	}
	return s.renderNewPerson(w, r, status, page)
}

func (s *server) postPersonPassword(w http.ResponseWriter, r *http.Request, v *view) error {
	name := r.PostForm.Get("name")
	password, err := s.Auth.ResetPassword(r.Context(), v.op, name)
	if err != nil {
		return err
	}
	return s.renderPerson(w, r, v, name, password.Reveal())
}

// changePerson handles a form that changes the account of another person.
func (s *server) changePerson(outcome string, f func(ctx context.Context, v *view, r *http.Request, name string) error) handler {
	return func(w http.ResponseWriter, r *http.Request, v *view) error {
		name := r.PostForm.Get("name")
		if err := f(r.Context(), v, r, name); err != nil {
			return err
		}
		return s.doneOn(w, r, link(peoplePath+"/detail", "name", name), "people."+outcome, name)
	}
}
