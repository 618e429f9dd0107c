package admin

import (
	"errors"
	"net/http"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
)

// approvalsPage lists the instructions that wait for another person.
type approvalsPage struct {
	*view
	Waiting []billing.Instruction
}

// Own reports whether the operator is the author, so that another operator must decide.
func (p approvalsPage) Own(i billing.Instruction) bool { return i.Author == p.op.Name }

// UserLink returns the link to the viewer's page.
func (approvalsPage) UserLink(i billing.Instruction) string { return userLink(i.UserID, "") }

func (s *server) approvals(w http.ResponseWriter, r *http.Request, v *view) error {
	waiting, err := s.Instructions.Waiting(r.Context(), v.op)
	if err != nil {
		return err
	}
	if err := s.readPlans(r.Context(), v); err != nil {
		return err
	}
	return s.renderPage(w, r, v, http.StatusOK, v.T("menu.approvals"), "approvals", approvalsPage{v, waiting})
}

// decide approves or rejects an instruction.
func (s *server) decide(w http.ResponseWriter, r *http.Request, v *view) error {
	form := r.PostForm
	user, id, decision := billing.UserID(form.Get("user")), billing.InstructionID(form.Get("id")), form.Get("decision")
	if !billing.IsID(string(user)) || !billing.IsID(string(id)) || decision != "approve" && decision != "reject" {
		return errBadRequest
	}
	i, err := s.Instructions.Decide(r.Context(), v.op, user, id, decision == "approve")
	switch {
	case errors.Is(err, billing.ErrOwnInstruction):
		return operators.ErrForbidden
	case err != nil:
		return err
	case i.State == billing.InstructionRejected:
		if err := s.readPlans(r.Context(), v); err != nil {
			return err
		}
		return s.redirectToList(w, r, "approvals", "rejected", v.Request(i))
	}
	http.Redirect(w, r, instructionLink(i), http.StatusSeeOther)
	return nil
}
