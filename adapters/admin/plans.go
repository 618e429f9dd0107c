package admin

import (
	"context"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
	"github.com/online-cinema/billing/core/ports"
)

func (s *server) plans(r *http.Request, v *view) *listing {
	src := newSource(r.Context(),
		column{"name", v.T("plan.name")}, column{"code", v.T("plan.code")}, column{"price", v.T("plan.price")},
		column{"interval", v.T("plan.interval")}, column{"features", v.T("plan.features")}, column{"vat", v.T("plan.vat")}, column{"group", v.T("plan.group")},
		column{"subscribers", v.T("plan.subscribers")}, column{"status", v.T("status")}, column{"actions", v.T("actions")})
	src.rows = mapRows(func(ctx context.Context) ([]ports.PlanRow, error) { return s.Panel.Plans(ctx, v.op) }, v.planRow)
	return &listing{
		table: src, title: v.T("menu.plans"), hint: v.T("plans.hint"), empty: v.T("plans.empty"),
		newPath: Prefix + "/info/plans/new", newText: v.T("plans.new"),
	}
}

func (v *view) planRow(p ports.PlanRow) row {
	r := row{
		"name": text(p.Name), "code": code(p.Code), "price": text(v.Money(p.Price)),
		"interval": text(v.Count("months", p.IntervalMonths)), "features": chips(p.Features), "vat": text(v.Word("vat", p.VAT)), "group": code(p.Group),
		"subscribers": cell{Text: v.Number(p.Subscribers), Href: link("/info/subscriptions", "plan", p.Code)}.html(), "status": v.planBadge(p.Plan),
	}
	if v.MayEdit() {
		r["actions"] = actions(v.editAndArchive("plans", string(p.ID), p.ArchivedAt.IsZero())...)
	}
	return r
}

// planBadge returns the badge of the state of a plan.
func (v *view) planBadge(p billing.Plan) template.HTML {
	if !p.EndingAt.IsZero() {
		return badge("off", v.T("ending"))
	}
	return v.archiveBadge(p.ArchivedAt.IsZero(), v.T("on_sale"))
}

func (s *server) addPlan(ctx context.Context, v *view, form url.Values) error {
	p, err := planOf(form)
	if err != nil {
		return err
	}
	_, err = s.Catalog.For(v.op).AddPlan(ctx, p)
	return err
}

func (s *server) editPlan(ctx context.Context, v *view, form url.Values) error {
	p, err := planOf(form)
	if err != nil {
		return err
	}
	_, err = s.Catalog.For(v.op).EditPlan(ctx, operators.PlanEdit{
		Plan: billing.PlanID(form.Get("id")), Seen: form.Get("seen"), Price: p.Price, Code: p.Code, Name: p.Name,
		Interval: p.IntervalMonths, Features: p.Features, VAT: p.VAT, Confirmed: form.Get("confirmed") == terms(p.Price, p.IntervalMonths),
	})
	return err
}

// terms returns the price and the interval as the confirmation of an edit names them.
func terms(price billing.Money, months int) string {
	return price.String() + " / " + strconv.Itoa(months)
}

func (s *server) removePlan(ctx context.Context, v *view, id string) (operators.Removal, error) {
	return s.Catalog.For(v.op).RemovePlan(ctx, billing.PlanID(id))
}

func (s *server) restorePlan(ctx context.Context, v *view, id string) (string, error) {
	p, err := s.Catalog.For(v.op).RestorePlan(ctx, id)
	return p.Name, err
}

// planOf parses a plan from a form, which has no group. If a field cannot be parsed, it
// returns a [formError] with the faults of all fields. Otherwise the use case checks the
// plan.
func planOf(form url.Values) (billing.Plan, error) {
	var faults []fault
	currency := billing.Currency(strings.ToUpper(strings.TrimSpace(form.Get("currency"))))
	price, err := parsePrice(form.Get("price"), currency)
	if err != nil {
		faults = append(faults, fault{field: "price", key: "form.price"})
	}
	months, err := strconv.Atoi(strings.TrimSpace(form.Get("interval_months")))
	if err != nil {
		faults, months = append(faults, fault{field: "interval_months", key: "form.number"}), 1
	}
	p := billing.Plan{
		Code: strings.TrimSpace(form.Get("code")), Name: strings.TrimSpace(form.Get("name")), Price: price,
		IntervalMonths: months, Features: strings.FieldsFunc(form.Get("features"), isFeatureSeparator), Group: billing.DefaultGroup,
		VAT: billing.VAT(form.Get("vat")),
	}
	if faults == nil {
		return p, nil
	}
	return p, &formError{append(faults, faultsOf(p.Check())...)}
}

// parsePrice parses a price with a decimal point or comma. If the currency is
// unknown, which the use case refuses, it checks only the form of the number. With
// an error it returns a price that breaks no rule.
func parsePrice(text string, currency billing.Currency) (billing.Money, error) {
	parsed := currency
	if _, known := currency.Digits(); !known {
		parsed = "KWD" // no currency has more decimal digits
	}
	price, err := billing.ParseMoney(strings.TrimSpace(strings.Replace(text, ",", ".", 1)), parsed)
	if err != nil {
		price.Amount = 1
	}
	price.Currency = currency
	return price, err
}

func isFeatureSeparator(r rune) bool {
	return r == ',' || r == ';' || r == ' ' || r == '\n' || r == '\r' || r == '\t'
}

// planTaken reports whether a plan other than this one has the code.
func (s *server) planTaken(ctx context.Context, v *view, id, code string) (bool, error) {
	p, err := s.Catalog.For(v.op).Plan(ctx, code)
	if errors.Is(err, billing.NotFound) {
		return false, nil
	}
	return string(p.ID) != id, err
}

// planFields are the fields of a plan's form.
var planFields = []string{"code", "name", "price", "currency", "interval_months", "features", "vat"}

func (s *server) planForm(r *http.Request, v *view, id string) (formPage, error) {
	page := formPage{view: v, Kind: "plans", Values: url.Values{"currency": {"RUB"}, "interval_months": {"1"}, "vat": {string(billing.NoVAT)}}}
	if id == "" {
		return page, nil
	}
	p, err := s.Panel.Plan(r.Context(), v.op, billing.PlanID(id))
	if err != nil {
		return page, err
	}
	page.ID, page.Seen, page.Name, page.Subscribers = id, operators.SeenPlan(p.Plan), p.Name, p.Subscribers
	page.Archived, page.Ending, page.Group, page.Price = !p.ArchivedAt.IsZero(), !p.EndingAt.IsZero(), p.Group, v.Money(p.Price)+" / "+v.Count("months", p.IntervalMonths)
	page.Values = url.Values{
		"code": {p.Code}, "name": {p.Name}, "price": {p.Price.Decimal()}, "currency": {string(p.Price.Currency)},
		"interval_months": {strconv.Itoa(p.IntervalMonths)}, "features": {strings.Join(p.Features, ", ")},
		"vat": {string(p.VAT)},
	}
	return page, nil
}
