package admin

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
)

// instructFields are the fields of the form of an instruction.
var instructFields = []string{"id", "kind", "user", "target", "reason", "length", "days", "amount", "access", "as"}

// instructPage is the form of an instruction, or the page that asks for its confirmation.
type instructPage struct {
	*view
	operators.Proposal
	Values  url.Values
	Errors  map[string]string // by field
	Problem string            // why the rules refuse the instruction, or ""
}

// Value returns the value of a field.
func (p instructPage) Value(field string) string { return p.Values.Get(field) }

// Error returns the error of a field, or "".
func (p instructPage) Error(field string) string { return p.Errors[field] }

// Kind returns the kind of the instruction.
func (p instructPage) Kind() billing.InstructionKind { return p.Instruction.Kind }

// Back returns the link to the viewer's page.
func (p instructPage) Back() string { return userLink(p.Instruction.UserID, "") }

// Kept are the fields that the confirmation submits again, besides those that every form has.
func (instructPage) Kept() []string { return instructFields[4:] }

// Careful reports whether the viewer may lose something by the instruction.
func (p instructPage) Careful() bool {
	switch p.Kind() {
	case billing.InstructCancelNow, billing.InstructUnlink:
		return true
	}
	return p.Instruction.EndNow
}

// PaymentStatuses are the statuses that an operator can give a payment.
func (instructPage) PaymentStatuses() []billing.PaymentStatus {
	return []billing.PaymentStatus{billing.PaymentSucceeded, billing.PaymentDeclined, billing.PaymentAbandoned}
}

// showInstruct shows the empty form. It has the id of the instruction, so that the same form
// makes one instruction.
func (s *server) showInstruct(w http.ResponseWriter, r *http.Request, v *view) error {
	values := r.URL.Query()
	page, err := s.instructPage(r, v, values)
	if err != nil {
		return err
	}
	values.Set("id", s.Instructions.NewID())
	if values.Get("target") == "" && len(page.Plans) > 0 {
		values.Set("target", string(page.Plans[0].ID))
	}
	values.Set("length", "days")
	values.Set("amount", page.Payment.Refundable().Decimal())
	return s.renderInstruct(w, r, http.StatusOK, "instruct", page)
}

// instructPage returns the form with these values, and the records that it is about.
func (s *server) instructPage(r *http.Request, v *view, values url.Values) (instructPage, error) {
	i := billing.Instruction{Kind: billing.InstructionKind(values.Get("kind")), UserID: billing.UserID(values.Get("user")), Target: values.Get("target")}
	chosen := i.Kind != billing.InstructGivePlan || i.Target != "" // that form has the choice of its target
	if !hasText("kind."+string(i.Kind)) || !billing.IsID(string(i.UserID)) || chosen && !billing.IsID(i.Target) {
		return instructPage{}, errNoPage
	}
	p, err := s.Instructions.Look(r.Context(), v.op, i)
	return instructPage{view: v, Proposal: p, Values: values}, err
}

func (s *server) renderInstruct(w http.ResponseWriter, r *http.Request, status int, template string, page instructPage) error {
	return s.renderPage(w, r, page.view, status, page.T("kind."+string(page.Kind())), template, page)
}

// instructForm serves a form of an instruction. It shows the form again if a field is not
// valid, or if the rules refuse the instruction.
func (s *server) instructForm(use func(http.ResponseWriter, *http.Request, instructPage, billing.Instruction) error) handler {
	return func(w http.ResponseWriter, r *http.Request, v *view) error {
		page, i, err := s.parseInstruct(r, v)
		switch {
		case err != nil:
			return err
		case len(page.Errors) > 0:
			return s.renderInstruct(w, r, http.StatusUnprocessableEntity, "instruct", page)
		}
		err = use(w, r, page, i)
		var refused *billing.Error
		if !errors.As(err, &refused) || refused.Kind != billing.Conflict {
			return err
		}
		page.Problem = page.Refusal(refused.Code, refused.Message)
		return s.renderInstruct(w, r, http.StatusConflict, "instruct", page)
	}
}

// checkInstruct shows the result of the instruction in a sentence, and asks for a
// confirmation.
func (s *server) checkInstruct(w http.ResponseWriter, r *http.Request, page instructPage, i billing.Instruction) (err error) {
	if page.Proposal, err = s.Instructions.Propose(r.Context(), page.op, i); err != nil {
		return err
	}
	return s.renderInstruct(w, r, http.StatusOK, "instruct_confirm", page)
}

// submitInstruct stores the instruction. The viewer's page then shows the outcome.
func (s *server) submitInstruct(w http.ResponseWriter, r *http.Request, page instructPage, i billing.Instruction) error {
	stored, err := s.Instructions.Submit(r.Context(), page.op, i)
	if err != nil {
		return err
	}
	http.Redirect(w, r, instructionLink(stored), http.StatusSeeOther)
	return nil
}

// instructionLink returns the link to an instruction on the viewer's page.
func instructionLink(i billing.Instruction) string {
	return link("/info/users/detail", "id", string(i.UserID), "instruction", string(i.ID))
}

// parseInstruct parses a submitted form. The page has the errors of the fields that are not
// valid.
func (s *server) parseInstruct(r *http.Request, v *view) (instructPage, billing.Instruction, error) {
	form := r.PostForm
	page, err := s.instructPage(r, v, form)
	i := page.Instruction
	if err != nil {
		return page, i, err
	}
	i.ID, i.Reason = billing.InstructionID(form.Get("id")), form.Get("reason")
	if !billing.IsID(string(i.ID)) {
		return page, i, errBadRequest
	}
	page.Errors = make(map[string]string)
	refuse := func(field string) { page.Errors[field] = v.T("instruct.wrong." + field) }
	switch i.Kind {
	case billing.InstructGive, billing.InstructGivePlan:
		if form.Get("length") != "period" {
			if i.Days, err = strconv.Atoi(strings.TrimSpace(form.Get("days"))); err != nil || i.Days == 0 {
				refuse("days")
			}
		}
	case billing.InstructRefund:
		if i.Amount, err = parsePrice(form.Get("amount"), page.Payment.Amount.Currency); err != nil {
			refuse("amount")
		}
		if i.EndNow = form.Get("access") == "end"; !i.EndNow && form.Get("access") != "keep" {
			refuse("access")
		}
	case billing.InstructSettle:
		i.As = billing.PaymentStatus(form.Get("as"))
	}
	var invalid *billing.InvalidError
	if errors.As(i.Check(), &invalid) {
		for _, f := range invalid.Faults {
			refuse(f.Field)
		}
	}
	if billing.HoldsCardNumber(i.Reason) {
		page.Errors["reason"] = v.T("rule.card_number")
		page.Values.Set("reason", "")
	}
	return page, i, nil
}

// Refusal returns why the rules refuse an instruction. The sentence is in English, so other
// languages have a text for the code.
func (v *view) Refusal(code, sentence string) string {
	if v.lang != english && hasText("refusal."+code) {
		return v.T("refusal." + code)
	}
	first, size := utf8.DecodeRuneInString(sentence)
	return string(unicode.ToUpper(first)) + sentence[size:] + "."
}

// Request returns the request of an instruction as a sentence.
func (v *view) Request(i billing.Instruction) string {
	switch i.Kind {
	case billing.InstructGive:
		if i.Days == 0 {
			return v.T("request.give_period")
		}
		return v.T("request.give", v.Count("span.days", i.Days))
	case billing.InstructGivePlan:
		if i.Days == 0 {
			return v.T("request.give_plan_period", v.planName(i.Target))
		}
		return v.T("request.give_plan", v.planName(i.Target), v.Count("span.days", i.Days))
	case billing.InstructRefund:
		if i.EndNow {
			return v.T("request.refund_end", v.Money(i.Amount))
		}
		return v.T("request.refund", v.Money(i.Amount))
	case billing.InstructSettle:
		return v.T("request.settle", v.Word("payment", i.As))
	default:
		return v.T("request." + string(i.Kind))
	}
}

// planName returns the name of the plan with this id, or the id.
func (v *view) planName(id string) string {
	for _, p := range v.plans {
		if string(p.ID) == id {
			return p.Name
		}
	}
	return id
}

// readPlans reads the plans, for [view.Request].
func (s *server) readPlans(ctx context.Context, v *view) (err error) {
	v.plans, err = s.Catalog.Plans(ctx)
	return err
}

// Result returns the effect of the instruction as a sentence.
func (p instructPage) Result() string {
	i, sub := p.Instruction, p.Subscription
	switch i.Kind {
	case billing.InstructCancel:
		if !sub.Live() {
			return p.T("result.cancel_now", sub.PlanCode)
		}
		return p.T("result.cancel", sub.PlanCode, p.PlainDate(sub.Current.End))
	case billing.InstructCancelNow:
		return p.T("result.cancel_now", sub.PlanCode)
	case billing.InstructResume:
		return p.T("result.resume", sub.PlanCode, p.Money(sub.Price), p.PlainDate(sub.NextChargeAt))
	case billing.InstructRetry:
		return p.T("result.retry", p.Money(sub.Price), sub.PlanCode)
	case billing.InstructGive:
		return p.resultOfGrant()
	case billing.InstructGivePlan:
		return p.T("result.give_plan", p.Plan.Name, p.PlainDate(p.Grant.Period.End))
	case billing.InstructRefund:
		if i.EndNow {
			return p.T("result.refund_end", p.Money(i.Amount), p.Money(p.Payment.Amount), sub.PlanCode)
		}
		return p.T("result.refund", p.Money(i.Amount), p.Money(p.Payment.Amount), sub.PlanCode)
	case billing.InstructSettle:
		return p.T("result.settle."+string(i.As), p.Money(p.Payment.Amount))
	default:
		return p.resultOfUnlink()
	}
}

func (p instructPage) resultOfGrant() string {
	sub := p.Subscription
	from, to := p.PlainDate(p.Grant.Period.Start), p.PlainDate(p.Grant.Period.End)
	switch {
	case sub.EndsWithPeriod():
		return p.T("result.give_ends", from, to, sub.PlanCode)
	case sub.NextChargeAt.IsZero():
		return p.T("result.give_held", from, to, sub.PlanCode, p.PlainDate(sub.GraceUntil))
	default:
		return p.T("result.give", from, to, sub.PlanCode, p.PlainDate(sub.NextChargeAt))
	}
}

func (p instructPage) resultOfUnlink() string {
	if len(p.Paid) == 0 {
		return p.T("result.unlink")
	}
	var ends []string
	for _, sub := range p.Paid {
		end := sub.EndedAt
		if sub.Live() {
			end = sub.Current.End
		}
		ends = append(ends, p.T("result.ends", sub.PlanCode, p.PlainDate(end)))
	}
	return p.T("result.unlink_paying", strings.Join(ends, "; "))
}
