package admin

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/GoAdminGroup/go-admin/plugins/admin/modules/form"
	"github.com/GoAdminGroup/go-admin/plugins/admin/modules/table"

	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

// formPage is a form with what was typed, and what is wrong with it.
type formPage struct {
	*view
	Kind        string // plans or payment_systems
	ID          string // empty for a new one
	Seen        string
	Name        string
	Subscribers int
	Archived    bool
	Values      url.Values
	Errors      map[string]string // by field
	Problem     string            // with the whole
	Current     []fact            // what others made of it meanwhile
	Confirm     *app.PriceUnconfirmedError
}

type fact struct{ Name, Value string }

// Value is what a field holds.
func (p formPage) Value(field string) string { return p.Values.Get(field) }

// Error is what is wrong with a field.
func (p formPage) Error(field string) string { return p.Errors[field] }

func fieldsOf(kind string) []string {
	if kind == "plans" {
		return append([]string(nil), planFields...)
	}
	return append([]string(nil), systemFields...)
}

func (s *server) formOf(kind string, r *http.Request, v *view, id string) (formPage, error) {
	if !v.MayEdit() {
		return formPage{}, app.ErrForbidden
	}
	if kind == "plans" {
		return s.planForm(r, v, id)
	}
	return s.systemForm(r, v, id)
}

func (s *server) showNew(kind string) handler {
	return func(w http.ResponseWriter, r *http.Request, v *view) error {
		page, err := s.formOf(kind, r, v, "")
		if err != nil {
			return err
		}
		return s.showForm(w, r, v, http.StatusOK, page)
	}
}

func (s *server) showEdit(kind string) handler {
	return func(w http.ResponseWriter, r *http.Request, v *view) error {
		id := r.URL.Query().Get("id")
		if id == "" {
			return errNoPage
		}
		page, err := s.formOf(kind, r, v, id)
		if err != nil {
			return err
		}
		return s.showForm(w, r, v, http.StatusOK, page)
	}
}

func (s *server) showForm(w http.ResponseWriter, r *http.Request, v *view, status int, page formPage) error {
	title := v.T(page.Kind + ".new")
	if page.ID != "" {
		title = page.Name
	}
	return s.show(w, r, v, status, title, "form_"+page.Kind, page)
}

func (s *server) postNew(kind string) handler {
	return func(w http.ResponseWriter, r *http.Request, v *view) error {
		err := s.table(kind, v, r).InsertData(goContext(r), form.Values(r.PostForm))
		if err == nil {
			return s.done(w, r, kind, "done."+kind+".added", r.PostForm.Get("name"))
		}
		return s.again(w, r, v, kind, "", err)
	}
}

func (s *server) postEdit(kind string) handler {
	return func(w http.ResponseWriter, r *http.Request, v *view) error {
		id := r.PostForm.Get("id")
		if id == "" {
			return errNoPage
		}
		err := s.table(kind, v, r).UpdateData(goContext(r), form.Values(r.PostForm))
		if err == nil {
			return s.done(w, r, kind, "done."+kind+".edited", r.PostForm.Get("name"))
		}
		return s.again(w, r, v, kind, id, err)
	}
}

func (s *server) table(kind string, v *view, r *http.Request) table.Table {
	return s.listing(kind, v, r).table
}

// again shows the form as it was sent, with what is wrong with it.
func (s *server) again(w http.ResponseWriter, r *http.Request, v *view, kind, id string, cause error) error {
	var invalid *billing.InvalidError
	var unconfirmed *app.PriceUnconfirmedError
	status := http.StatusUnprocessableEntity
	switch {
	case errors.As(cause, &invalid), errors.As(cause, &unconfirmed):
	case errors.Is(cause, billing.ErrAlreadyExists), errors.Is(cause, app.ErrChangedMeanwhile):
		status = http.StatusConflict
	default:
		return cause
	}
	page, err := s.formOf(kind, r, v, id)
	if err != nil {
		return err
	}
	current := page.Values
	page.Values = r.PostForm
	switch {
	case invalid != nil:
		page.Errors = v.faults(invalid)
	case unconfirmed != nil:
		page.Seen, page.Confirm, status = r.PostForm.Get("seen"), unconfirmed, http.StatusConflict
	case errors.Is(cause, billing.ErrAlreadyExists):
		page.Errors = map[string]string{"code": v.T("form.taken")}
		page.Seen = r.PostForm.Get("seen")
	default:
		// Saving once more is then a decision: the person has seen the other's work.
		page.Problem, page.Current = v.T("form.changed"), v.differences(kind, current, r.PostForm)
	}
	if invalid != nil {
		page.Seen = r.PostForm.Get("seen")
	}
	return s.showForm(w, r, v, status, page)
}

// differences are the fields that hold something else now.
func (v *view) differences(kind string, current, typed url.Values) []fact {
	var list []fact
	for _, field := range fieldsOf(kind) {
		if now := current.Get(field); now != typed.Get(field) {
			list = append(list, fact{v.T("field." + field), now})
		}
	}
	return list
}

// faults says in the person's language what is wrong with each field.
func (v *view) faults(e *billing.InvalidError) map[string]string {
	texts := make(map[string]string)
	for _, f := range e.Faults {
		field := strings.TrimSuffix(f.Field, ".amount")
		if field == "price.currency" {
			field = "currency"
		}
		if texts[field] == "" {
			texts[field] = v.fault(f.Message)
		}
	}
	return texts
}

// fault translates what the rules say. They speak English, and name what was
// wrong at the end.
func (v *view) fault(message string) string {
	if has(message) {
		return v.T(message)
	}
	for _, known := range ruleTexts {
		if rest, found := strings.CutPrefix(message, known.rule); found {
			if !strings.HasPrefix(rest, ": ") {
				rest = ""
			}
			return v.T(known.key) + rest
		}
	}
	return message
}

// ruleTexts are the beginnings of what the rules of billing say.
var ruleTexts = []struct{ rule, key string }{
	{"must be 1 to 63 lower-case letters, digits, - or _, and not look like an id", "rule.code"},
	{"must not be empty", "rule.empty"},
	{"must be at most 200 characters", "rule.long"},
	{"must not hold control characters", "rule.control"},
	{"must be 1 to 36", "rule.interval"},
	{"must be at most 50", "rule.many"},
	{"must not name one twice", "rule.twice"},
	{"is not an ISO 4217 code", "form.currency"},
	{"must be more than zero", "rule.zero"},
	{"must be at most", "rule.much"},
}

type deletePage struct {
	*view
	Kind, ID, Name string
	Subscribers    int
}

// showDelete asks whether something is really to be deleted.
func (s *server) showDelete(kind string) handler {
	return func(w http.ResponseWriter, r *http.Request, v *view) error {
		id := r.URL.Query().Get("id")
		if id == "" {
			return errNoPage
		}
		f, err := s.formOf(kind, r, v, id)
		if err != nil {
			return err
		}
		return s.show(w, r, v, http.StatusOK, v.T("delete.title", f.Name), "delete", deletePage{v, kind, id, f.Name, f.Subscribers})
	}
}

func (s *server) postDelete(kind string) handler {
	return func(w http.ResponseWriter, r *http.Request, v *view) error {
		id := r.PostForm.Get("id")
		if id == "" {
			return errNoPage
		}
		removed := &app.Removal{}
		r = withRemoval(r, removed)
		if err := s.table(kind, v, r).DeleteData(id); err != nil {
			return err
		}
		key := "done." + kind + ".deleted"
		if removed.Archived {
			key = "done." + kind + ".archived"
		}
		return s.done(w, r, kind, key, removed.Name)
	}
}

type removalKey struct{}

// withRemoval makes a request in which [tell] tells what became of the thing:
// GoAdmin's tables have no other way to say it.
func withRemoval(r *http.Request, into *app.Removal) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), removalKey{}, into))
}

func tell(ctx context.Context, removed app.Removal) {
	if into, ok := ctx.Value(removalKey{}).(*app.Removal); ok {
		*into = removed
	}
}
