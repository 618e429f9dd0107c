package admin

import (
	"context"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/GoAdminGroup/go-admin/plugins/admin/modules/form"

	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

func (s *server) plans(ctx context.Context, v *view) *listing {
	src := newSource(ctx,
		column{"name", v.T("plan.name")}, column{"code", v.T("plan.code")}, column{"price", v.T("plan.price")},
		column{"interval", v.T("plan.interval")}, column{"features", v.T("plan.features")},
		column{"subscribers", v.T("plan.subscribers")}, column{"status", v.T("status")}, column{"actions", ""})
	src.list = each(func(ctx context.Context) ([]app.PlanRow, error) { return s.Panel.Plans(ctx, v.op) }, v.planRow)
	src.insert = func(ctx context.Context, f form.Values) error {
		p, err := planOf(f)
		if err != nil {
			return err
		}
		_, err = s.Panel.AddPlan(ctx, v.op, p)
		return err
	}
	src.update = func(ctx context.Context, f form.Values) error {
		p, err := planOf(f)
		if err != nil {
			return err
		}
		_, err = s.Panel.EditPlan(ctx, v.op, app.PlanEdit{
			Plan: billing.PlanID(f.Get("id")), Seen: f.Get("seen"), Price: p.Price, Code: p.Code, Name: p.Name,
			Interval: p.IntervalMonths, Features: p.Features, Confirmed: f.Get("confirmed") == p.Price.String(),
		})
		return err
	}
	src.remove = func(ctx context.Context, id string) error {
		removed, err := s.Panel.RemovePlan(ctx, v.op, billing.PlanID(id))
		tell(ctx, removed)
		return err
	}
	return &listing{
		table: src, title: v.T("menu.plans"), hint: v.T("plans.hint"), empty: v.T("plans.empty"),
		newPath: Prefix + "/info/plans/new", newText: v.T("plans.new"),
	}
}

func (v *view) planRow(p app.PlanRow) row {
	r := row{
		"name": text(p.Name), "code": code(p.Code), "price": text(v.Money(p.Price)),
		"interval": text(v.Count("months", p.IntervalMonths)), "features": chips(p.Features),
		"subscribers": text(v.Number(p.Subscribers)), "status": v.soldOrNot(p.ArchivedAt.IsZero()),
	}
	if v.MayEdit() {
		r["actions"] = actions(v.editAndDelete("plans", string(p.ID), p.ArchivedAt.IsZero())...)
	}
	return r
}

func (v *view) editAndDelete(kind, id string, open bool) []cell {
	links := []cell{{Text: v.T("edit"), Href: link("/info/"+kind+"/edit", "id", id)}}
	if open {
		links = append(links, cell{Text: v.T("delete"), Href: link("/info/"+kind+"/delete", "id", id), Danger: true})
	}
	return links
}

func (v *view) soldOrNot(open bool) template.HTML {
	if open {
		return badge("ok", v.T("on_sale"))
	}
	return badge("off", v.T("archived"))
}

func chips(list []string) template.HTML {
	var all template.HTML
	for _, one := range list {
		all += badge("chip", one) + " "
	}
	return all
}

// planOf reads a plan from a form. What can be read but is not valid is for the
// use case to find.
func planOf(f form.Values) (billing.Plan, error) {
	var faults []billing.Fault
	currency := billing.Currency(strings.ToUpper(strings.TrimSpace(f.Get("currency"))))
	price, err := billing.ParseMoney(strings.TrimSpace(strings.Replace(f.Get("price"), ",", ".", 1)), currency)
	if _, known := currency.Digits(); !known {
		faults = append(faults, billing.Fault{Field: "currency", Message: "form.currency"})
	} else if err != nil {
		faults = append(faults, billing.Fault{Field: "price", Message: "form.price"})
	}
	months, err := strconv.Atoi(strings.TrimSpace(f.Get("interval_months")))
	if err != nil {
		faults = append(faults, billing.Fault{Field: "interval_months", Message: "form.number"})
	}
	p := billing.Plan{
		Code: strings.TrimSpace(f.Get("code")), Name: strings.TrimSpace(f.Get("name")), Price: price,
		IntervalMonths: months, Features: strings.FieldsFunc(f.Get("features"), separates),
	}
	if faults == nil {
		return p, nil
	}
	// All that is wrong is told at once, so the rest is looked at too.
	var more *billing.InvalidError
	if errors.As(p.Check(), &more) {
		for _, fault := range more.Faults {
			field, _, _ := strings.Cut(fault.Field, ".")
			if field != "price" && fault.Field != "interval_months" {
				faults = append(faults, fault)
			}
		}
	}
	return p, &billing.InvalidError{Faults: faults}
}

func separates(r rune) bool {
	return r == ',' || r == ';' || r == ' ' || r == '\n' || r == '\r' || r == '\t'
}

// planFields are the fields of a plan's form.
var planFields = []string{"code", "name", "price", "currency", "interval_months", "features"}

func (s *server) planForm(r *http.Request, v *view, id string) (formPage, error) {
	page := formPage{view: v, Kind: "plans", Values: url.Values{"currency": {"RUB"}, "interval_months": {"1"}}}
	if id == "" {
		return page, nil
	}
	p, err := s.Panel.Plan(r.Context(), v.op, billing.PlanID(id))
	if err != nil {
		return page, err
	}
	page.ID, page.Seen, page.Name, page.Subscribers = id, app.SeenPlan(p.Plan), p.Name, p.Subscribers
	page.Archived = !p.ArchivedAt.IsZero()
	page.Values = url.Values{
		"code": {p.Code}, "name": {p.Name}, "price": {p.Price.Decimal()}, "currency": {string(p.Price.Currency)},
		"interval_months": {strconv.Itoa(p.IntervalMonths)}, "features": {strings.Join(p.Features, ", ")},
	}
	return page, nil
}

func (v *view) openOrNot(open bool) template.HTML {
	if open {
		return badge("ok", v.T("open"))
	}
	return badge("off", v.T("archived"))
}
