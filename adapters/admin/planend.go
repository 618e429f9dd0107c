package admin

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
)

// planEndFields are the fields of the form that ends a plan.
var planEndFields = []string{"id", "reason", "viewers"}

// planEndPage asks whether a plan ends for all its subscribers, or shows the progress of
// that.
type planEndPage struct {
	*view
	Plan    billing.Plan
	End     operators.PlanEnd  // if the plan were ended now
	Ending  billing.PlanEnding // zero unless the plan is being ended
	Values  url.Values
	Errors  map[string]string // by field
	Problem string
}

// Value returns the value of a field.
func (p planEndPage) Value(field string) string { return p.Values.Get(field) }

// Error returns the error of a field, or "".
func (p planEndPage) Error(field string) string { return p.Errors[field] }

// Result returns the effect of the end as a sentence.
func (p planEndPage) Result() string {
	stopped := p.Count("subscriptions", p.End.Viewers)
	switch p.End.Viewers {
	case 0:
		return p.T("plan_end.result_none")
	case 1:
		return p.T("plan_end.result_one", stopped, p.PlainDate(p.End.First))
	default:
		return p.T("plan_end.result", stopped, p.PlainDate(p.End.First), p.PlainDate(p.End.Last))
	}
}

// Progress returns how many subscriptions the API has ended so far.
func (p planEndPage) Progress() string {
	return p.T("plan_end.progress", p.Number(p.Ending.Cancelled+p.Ending.Ended), p.Number(p.Ending.Viewers))
}

// EndLink returns the link to this page.
func (p planEndPage) EndLink() string { return planEndLink(p.Plan.ID) }

// planEndLink returns the link to the page of the end of a plan.
func planEndLink(id billing.PlanID) string { return link("/info/plans/end", "id", string(id)) }

func (s *server) showPlanEnd(w http.ResponseWriter, r *http.Request, v *view) error {
	page, err := s.planEndPage(r, v, r.URL.Query())
	if err != nil {
		return err
	}
	return s.renderPlanEnd(w, r, http.StatusOK, page)
}

// planEndPage returns the page of the plan with the id of the values, without its End and
// Ending, which [server.renderPlanEnd] reads. It returns
// [operators.ErrForbidden] unless the operator is an editor.
func (s *server) planEndPage(r *http.Request, v *view, values url.Values) (planEndPage, error) {
	page := planEndPage{view: v, Values: values}
	if !v.MayEdit() {
		return page, operators.ErrForbidden
	}
	row, err := s.Panel.Plan(r.Context(), v.op, billing.PlanID(values.Get("id")))
	if err != nil {
		return page, err
	}
	page.Plan = row.Plan
	return page, nil
}

// renderPlanEnd counts the subscriptions that the form is about, which takes a while.
func (s *server) renderPlanEnd(w http.ResponseWriter, r *http.Request, status int, page planEndPage) (err error) {
	title := page.T("plan_end.title", page.Plan.Name)
	if page.Plan.EndingAt.IsZero() {
		page.End, err = s.Catalog.For(page.op).PreviewEnd(r.Context(), string(page.Plan.ID))
	} else {
		title = page.Plan.Name
		page.Ending, err = s.Panel.Ending(r.Context(), page.op, page.Plan.ID)
	}
	if err != nil {
		return err
	}
	return s.renderPage(w, r, page.view, status, title, "plan_end", page)
}

// postPlanEnd ends a plan, if the form has a reason and the number of its subscribers. It
// shows the form again if a field is not valid, or if the number has changed.
func (s *server) postPlanEnd(w http.ResponseWriter, r *http.Request, v *view) error {
	page, err := s.planEndPage(r, v, r.PostForm)
	if err != nil {
		return err
	}
	if !page.Plan.EndingAt.IsZero() {
		http.Redirect(w, r, planEndLink(page.Plan.ID), http.StatusSeeOther)
		return nil
	}
	reason := r.PostForm.Get("reason")
	viewers, wrong := strconv.Atoi(strings.TrimSpace(r.PostForm.Get("viewers")))
	page.Errors = make(map[string]string)
	if wrong != nil {
		page.Errors["viewers"] = v.T("plan_end.wrong.viewers")
	}
	switch {
	case billing.HoldsCardNumber(reason):
		page.Errors["reason"] = v.T("rule.card_number")
		page.Values.Set("reason", "")
	case billing.CheckReason(reason) != nil:
		page.Errors["reason"] = v.T("instruct.wrong.reason")
	}
	if len(page.Errors) > 0 {
		return s.renderPlanEnd(w, r, http.StatusUnprocessableEntity, page)
	}
	end, err := s.Catalog.For(v.op).EndPlan(r.Context(), string(page.Plan.ID), reason, viewers)
	var differs *operators.CountDiffersError
	if errors.As(err, &differs) {
		page.Problem = v.T("plan_end.differs", v.Count("subscriptions", differs.Open))
		return s.renderPlanEnd(w, r, http.StatusConflict, page)
	}
	if err != nil {
		return err
	}
	return s.doneOn(w, r, planEndLink(end.Plan.ID), "plans.ended", end.Plan.Name)
}
