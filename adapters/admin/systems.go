package admin

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/online-cinema/billing/core/billing"
	"github.com/online-cinema/billing/core/operators"
)

func (s *server) systems(r *http.Request, v *view) *listing {
	src := newSource(r.Context(),
		column{"name", v.T("system.name")}, column{"code", v.T("system.code")}, column{"adapter", v.T("system.adapter")},
		column{"added", v.T("system.added")}, column{"status", v.T("status")}, column{"actions", v.T("actions")})
	src.rows = mapRows(func(ctx context.Context) ([]operators.SystemRow, error) { return s.Panel.PaymentSystems(ctx, v.op) }, v.systemRow)
	return &listing{
		table: src, title: v.T("menu.payment_systems"), hint: v.T("systems.hint"), empty: v.T("systems.empty"),
		newPath: Prefix + "/info/payment_systems/new", newText: v.T("systems.new"),
	}
}

func (v *view) systemRow(ps operators.SystemRow) row {
	adapter := badge("bad", v.T("system.no_adapter"))
	if ps.HasAdapter {
		adapter = badge("ok", v.T("system.has_adapter"))
	}
	r := row{
		"name": text(ps.Name), "code": code(ps.Code), "adapter": adapter, "added": v.Date(ps.CreatedAt),
		"status": v.archiveBadge(ps.ArchivedAt.IsZero(), v.T("available")),
	}
	if v.MayEdit() {
		r["actions"] = actions(v.editAndArchive("payment_systems", ps.Code, ps.ArchivedAt.IsZero())...)
	}
	return r
}

func (s *server) addSystem(ctx context.Context, v *view, form url.Values) error {
	ps := billing.PaymentSystem{Code: strings.TrimSpace(form.Get("code")), Name: strings.TrimSpace(form.Get("name"))}
	if err := s.Panel.CheckNewPaymentSystem(v.op, ps); err != nil {
		return err
	}
	_, err := s.Catalog.For(v.op).AddPaymentSystem(ctx, ps)
	return err
}

func (s *server) editSystem(ctx context.Context, v *view, form url.Values) error {
	_, err := s.Catalog.For(v.op).EditPaymentSystem(ctx, form.Get("id"), form.Get("seen"), strings.TrimSpace(form.Get("name")))
	return err
}

func (s *server) removeSystem(ctx context.Context, v *view, code string) (operators.Removal, error) {
	return s.Catalog.For(v.op).RemovePaymentSystem(ctx, code)
}

func (s *server) restoreSystem(ctx context.Context, v *view, code string) (string, error) {
	ps, err := s.Catalog.For(v.op).RestorePaymentSystem(ctx, code)
	return ps.Name, err
}

// systemTaken reports whether a payment system other than this one has the code.
func (s *server) systemTaken(ctx context.Context, v *view, id, code string) (bool, error) {
	_, err := s.Panel.PaymentSystem(ctx, v.op, code)
	if errors.Is(err, billing.NotFound) {
		return false, nil
	}
	return code != id, err
}

// systemFields are the fields of a payment system's form.
var systemFields = []string{"code", "name"}

func (s *server) systemForm(r *http.Request, v *view, code string) (formPage, error) {
	page := formPage{view: v, Kind: "payment_systems", Values: url.Values{}}
	if code == "" {
		return page, nil
	}
	ps, err := s.Panel.PaymentSystem(r.Context(), v.op, code)
	if err != nil {
		return page, err
	}
	page.ID, page.Seen, page.Name = code, operators.SeenPaymentSystem(ps.PaymentSystem), ps.Name
	page.Archived = !ps.ArchivedAt.IsZero()
	page.Values = url.Values{"code": {ps.Code}, "name": {ps.Name}}
	return page, nil
}
