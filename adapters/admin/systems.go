package admin

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/GoAdminGroup/go-admin/plugins/admin/modules/form"

	"github.com/online-cinema/billing/core/app"
	"github.com/online-cinema/billing/core/billing"
)

func (s *server) systems(ctx context.Context, v *view) *listing {
	src := newSource(ctx,
		column{"name", v.T("system.name")}, column{"code", v.T("system.code")}, column{"adapter", v.T("system.adapter")},
		column{"added", v.T("system.added")}, column{"status", v.T("status")}, column{"actions", ""})
	src.list = each(func(ctx context.Context) ([]app.SystemRow, error) { return s.Panel.PaymentSystems(ctx, v.op) }, v.systemRow)
	src.insert = func(ctx context.Context, f form.Values) error {
		_, err := s.Panel.AddPaymentSystem(ctx, v.op, billing.PaymentSystem{
			Code: strings.TrimSpace(f.Get("code")), Name: strings.TrimSpace(f.Get("name")),
		})
		return err
	}
	src.update = func(ctx context.Context, f form.Values) error {
		_, err := s.Panel.EditPaymentSystem(ctx, v.op, f.Get("id"), f.Get("seen"), strings.TrimSpace(f.Get("name")))
		return err
	}
	src.remove = func(ctx context.Context, id string) error {
		removed, err := s.Panel.RemovePaymentSystem(ctx, v.op, id)
		tell(ctx, removed)
		return err
	}
	return &listing{
		table: src, title: v.T("menu.payment_systems"), hint: v.T("systems.hint"), empty: v.T("systems.empty"),
		newPath: Prefix + "/info/payment_systems/new", newText: v.T("systems.new"),
	}
}

func (v *view) systemRow(ps app.SystemRow) row {
	adapter := badge("bad", v.T("system.no_adapter"))
	if ps.HasAdapter {
		adapter = badge("ok", v.T("system.has_adapter"))
	}
	r := row{
		"name": text(ps.Name), "code": code(ps.Code), "adapter": adapter, "added": v.Date(ps.CreatedAt),
		"status": v.openOrNot(ps.ArchivedAt.IsZero()),
	}
	if v.MayEdit() {
		r["actions"] = actions(v.editAndDelete("payment_systems", ps.Code, ps.ArchivedAt.IsZero())...)
	}
	return r
}

var systemFields = []string{"code", "name"}

func (s *server) systemForm(r *http.Request, v *view, id string) (formPage, error) {
	page := formPage{view: v, Kind: "payment_systems", Values: url.Values{}}
	if id == "" {
		return page, nil
	}
	ps, err := s.Panel.PaymentSystem(r.Context(), v.op, id)
	if err != nil {
		return page, err
	}
	page.ID, page.Seen, page.Name = id, app.SeenPaymentSystem(ps.PaymentSystem), ps.Name
	page.Archived = !ps.ArchivedAt.IsZero()
	page.Values = url.Values{"code": {ps.Code}, "name": {ps.Name}}
	return page, nil
}
