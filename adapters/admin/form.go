package admin

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
)

// formPage is a form with the values of its fields and the errors in them.
type formPage struct {
	*view
	Kind        string // plans or payment_systems
	ID          string // empty for a new record
	Seen        string // fingerprint of the record that the editor saw
	Name        string
	Subscribers int
	Archived    bool
	Ending      bool   // the plan ends for all its subscribers
	Group       string // of an existing plan
	Price       string // of an existing plan
	Values      url.Values
	Errors      map[string]string // by field
	Problem     string            // an error that concerns the whole form
	Current     []fact            // stored values that differ from the submitted ones
	Confirm     *operators.PriceUnconfirmedError
}

// ConfirmTerms returns the terms that the confirm button submits.
func (p formPage) ConfirmTerms() string { return terms(p.Confirm.To, p.Confirm.ToMonths) }

type fact struct{ Name, Value string }

// EndLink returns the link to the page that ends a plan, or that shows the progress.
func (p formPage) EndLink() string { return planEndLink(billing.PlanID(p.ID)) }

// VATs are the rates of value-added tax to choose from.
func (p formPage) VATs() []billing.VAT { return billing.VATs() }

// Value returns the value of a field.
func (p formPage) Value(field string) string { return p.Values.Get(field) }

// Error returns the error of a field, or "".
func (p formPage) Error(field string) string { return p.Errors[field] }

// loadForm returns the form of a record. It returns [operators.ErrForbidden] unless the
// operator is an editor.
func (res resource) loadForm(r *http.Request, v *view, id string) (formPage, error) {
	if !v.MayEdit() {
		return formPage{}, operators.ErrForbidden
	}
	return res.load(r, v, id)
}

func (s *server) showNew(res resource) handler {
	return func(w http.ResponseWriter, r *http.Request, v *view) error {
		page, err := res.loadForm(r, v, "")
		if err != nil {
			return err
		}
		return s.showForm(w, r, v, http.StatusOK, page)
	}
}

func (s *server) showEdit(res resource) handler {
	return func(w http.ResponseWriter, r *http.Request, v *view) error {
		id := r.URL.Query().Get("id")
		if id == "" {
			return errNoPage
		}
		page, err := res.loadForm(r, v, id)
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
	return s.renderPage(w, r, v, status, title, "form_"+page.Kind, page)
}

func (s *server) postNew(res resource) handler {
	return func(w http.ResponseWriter, r *http.Request, v *view) error {
		if err := res.add(r.Context(), v, r.PostForm); err != nil {
			return s.refuseForm(w, r, v, res, "", err)
		}
		return s.redirectToList(w, r, res.kind, "added", r.PostForm.Get("name"))
	}
}

func (s *server) postEdit(res resource) handler {
	return func(w http.ResponseWriter, r *http.Request, v *view) error {
		id := r.PostForm.Get("id")
		if id == "" {
			return errNoPage
		}
		if err := res.edit(r.Context(), v, r.PostForm); err != nil {
			return s.refuseForm(w, r, v, res, id, err)
		}
		return s.redirectToList(w, r, res.kind, "edited", r.PostForm.Get("name"))
	}
}

// refuseForm shows the submitted form again, with the errors that cause lists. It
// returns cause if another submission cannot help.
func (s *server) refuseForm(w http.ResponseWriter, r *http.Request, v *view, res resource, id string, cause error) error {
	var unconfirmed *operators.PriceUnconfirmedError
	faults := faultsOf(cause)
	changed, taken := errors.Is(cause, operators.ErrChangedMeanwhile), errors.Is(cause, billing.ErrAlreadyExists)
	if faults == nil && !changed && !taken && !errors.As(cause, &unconfirmed) {
		return cause
	}
	page, err := res.loadForm(r, v, id)
	if err != nil {
		return err
	}
	stored, status := page.Values, http.StatusConflict
	page.Values = r.PostForm
	if !changed {
		page.Seen = r.PostForm.Get("seen")
	}
	switch {
	case faults != nil:
		if faults, err = res.addTaken(r, v, id, faults); err != nil {
			return err
		}
		page.Errors, status = v.faultTexts(faults), http.StatusUnprocessableEntity
	case taken:
		page.Errors = v.faultTexts([]fault{codeTaken})
	case changed:
		// page.Seen is the stored record's: the editor has now seen it, so submitting
		// the form again replaces it.
		page.Problem, page.Current = v.T("form.changed"), v.differences(res.fields, stored, r.PostForm)
	default:
		page.Confirm = unconfirmed
	}
	return s.showForm(w, r, v, status, page)
}

// codeTaken is the fault of a code that another record has.
var codeTaken = fault{field: "code", key: "form.taken"}

// addTaken adds codeTaken to the faults of a submitted form if it applies. The use
// case finds it only after all others, and the editor sees all faults together.
func (res resource) addTaken(r *http.Request, v *view, id string, faults []fault) ([]fault, error) {
	if slices.ContainsFunc(faults, func(f fault) bool { return f.field == "code" }) {
		return faults, nil
	}
	taken, err := res.taken(r.Context(), v, id, strings.TrimSpace(r.PostForm.Get("code")))
	if taken {
		faults = append(faults, codeTaken)
	}
	return faults, err
}

// differences returns the stored values of the fields that differ from the
// submitted ones.
func (v *view) differences(fields []string, stored, submitted url.Values) []fact {
	var list []fact
	for _, field := range fields {
		if value := stored.Get(field); value != submitted.Get(field) {
			list = append(list, fact{v.T("field." + field), value})
		}
	}
	return list
}
